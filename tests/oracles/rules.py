"""One alerting rule as Prometheus' `AlertingRule.Eval`, `sendAlerts` and `RestoreForState` are written: plain ifs.

Labels are tuples of pairs. Times are ms. It keeps no table and no shortcut, and says nothing of why.
"""

import math

RETENTION = 15 * 60_000
STALE = "stale"


class NaiveRule:
    def __init__(self, name, for_ms, keep_ms, limit, interval_ms, resend_ms, *, restored=True):
        self.name, self.for_ms, self.keep_ms, self.limit = name, for_ms, keep_ms, limit
        self.interval_ms, self.resend_ms = interval_ms, resend_ms
        self.active = {}
        self.previous = {}
        self.restored = restored

    def evaluate(self, ts, result):
        """`result` maps labels to values, or is None for a query that failed. Returns (written, sent, failed)."""
        if result is None:
            return {}, [], True
        fresh = {}
        for labels, value in result.items():
            own = tuple(sorted({**dict(labels), "alertname": self.name}.items()))
            fresh[own] = {
                "state": "pending",
                "active_at": ts,
                "fired_at": None,
                "resolved_at": None,
                "keep_since": None,
                "sent_at": None,
                "value": value,
            }
        for own, alert in fresh.items():
            if own in self.active and self.active[own]["state"] != "inactive":
                self.active[own]["value"] = alert["value"]
                continue
            self.active[own] = alert
        samples = {}
        count = 0
        for own, alert in list(self.active.items()):
            if own not in fresh:
                keep = False
                if alert["state"] == "firing" and self.keep_ms > 0:
                    if alert["keep_since"] is None:
                        alert["keep_since"] = ts
                    if ts - alert["keep_since"] < self.keep_ms:
                        keep = True
                if alert["state"] == "pending" or (
                    alert["resolved_at"] is not None and ts - alert["resolved_at"] > RETENTION
                ):
                    del self.active[own]
                if alert["state"] != "inactive" and not keep:
                    alert["state"] = "inactive"
                    alert["resolved_at"] = ts
                if not keep:
                    continue
            else:
                alert["keep_since"] = None
            count += 1
            if alert["state"] == "pending" and ts - alert["active_at"] >= self.for_ms:
                alert["state"] = "firing"
                alert["fired_at"] = ts
            if alert["state"] == "firing" and ts - alert["active_at"] < self.for_ms:
                alert["state"] = "pending"
                alert["fired_at"] = alert["sent_at"] = alert["keep_since"] = None
            if self.restored:
                samples["ALERTS", alert["state"], own] = 1.0
                samples["ALERTS_FOR_STATE", "", own] = float(alert["active_at"] // 1000)
        if self.limit > 0 and count > self.limit:
            self.active = {}
            return {}, [], True
        sent = self.send(ts)
        written = dict(samples)
        for series in self.previous:
            if series not in samples:
                written[series] = STALE
        self.previous = samples
        return written, sent, False

    def send(self, ts):
        sent = []
        for own, alert in self.active.items():
            if alert["state"] == "pending":
                continue
            sent_at = -math.inf if alert["sent_at"] is None else alert["sent_at"]
            resolved_since = alert["resolved_at"] is not None and alert["resolved_at"] > sent_at
            if resolved_since or sent_at + self.resend_ms < ts:
                alert["sent_at"] = ts
                valid_until = ts + 4 * max(self.interval_ms, self.resend_ms)
                ends_at = valid_until if alert["resolved_at"] is None else alert["resolved_at"]
                sent.append((own, alert["fired_at"], ends_at, alert["value"]))
        return sent

    def restore(self, now, store, tolerance_ms, grace_ms, with_firing):
        """`store` maps series to the time and value of their last sample. Returns what is sent at once."""
        changed = False
        for (metric, _, own), (time, value) in store.items():
            if metric != "ALERTS_FOR_STATE" or value == STALE or time < now - tolerance_ms:
                continue
            active_at = int(value) * 1000
            down_at = time // 1000 * 1000
            alert = self.active.get(own)
            seen_at, firing = store.get(("ALERTS", "firing", own), (0, STALE))
            if with_firing and firing != STALE and seen_at >= now - tolerance_ms and now - active_at >= self.for_ms:
                if alert is None and now - seen_at < self.keep_ms:
                    alert = self.active[own] = dict.fromkeys(("resolved_at", "sent_at"))
                    alert.update(state="firing", keep_since=seen_at, value=math.nan)
                    alert.update(active_at=active_at, fired_at=active_at + self.for_ms)
                    changed = True
                    continue
                if alert is not None and alert["state"] != "inactive":
                    changed = changed or alert["state"] == "pending"
                    alert.update(state="firing", active_at=active_at, fired_at=active_at + self.for_ms)
                    continue
            if alert is None or self.for_ms < grace_ms:
                continue
            remaining = self.for_ms - (down_at - active_at)
            if remaining <= 0:
                alert["active_at"] = active_at
            elif remaining < grace_ms:
                alert["active_at"] = now + grace_ms - self.for_ms
            else:
                alert["active_at"] = active_at + now - down_at
        self.restored = True
        return self.send(now) if changed else []
