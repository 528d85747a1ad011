"""One alerting rule as Prometheus' `AlertingRule.Eval` and `sendAlerts` are written: plain ifs over plain dicts.

Labels are tuples of pairs. Times are ms. It keeps no table and no shortcut, and says nothing of why.
"""

import math

RETENTION = 15 * 60_000
STALE = "stale"


class NaiveRule:
    def __init__(self, name, for_ms, keep_ms, limit, interval_ms, resend_ms):
        self.name, self.for_ms, self.keep_ms, self.limit = name, for_ms, keep_ms, limit
        self.interval_ms, self.resend_ms = interval_ms, resend_ms
        self.active = {}
        self.previous = {}

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
