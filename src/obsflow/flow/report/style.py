"""How a page looks, and the little that it does: a read-out under the pointer, and series that can be hidden."""

from typing import Final

CSS: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2127; --soft: #5b6570; --line: #dfe3e8; --tint: #f5f6f8;
  --pending: #b97500; --firing: #c0283d; --good: #23753d; --mute: #6d5aa8; --shade: #e9b44c33; --shade-ink: #8a6100;
  --c0: #0b62c4; --c1: #a04a00; --c2: #1b7d3c; --c3: #7a3fc0; --c4: #00757f; --c5: #9c2a73 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e4e7eb; --soft: #98a2ad; --line: #2e343b; --tint: #1c2025; --pending: #e2a33b;
    --firing: #f0616f; --good: #5fbf7b; --mute: #a897e0; --shade: #e9b44c2b; --shade-ink: #e2b65c; --c0: #62a8f5;
    --c1: #f09a50; --c2: #62c380; --c3: #b98df0; --c4: #4cc3cd; --c5: #ef86c3 }
}
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2.5rem 1.5rem 4rem; max-width: 70rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em }
h2 { font-size: 1.15rem; margin: 2.8rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line) }
h3 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere }
p { margin: .4rem 0 }
a { color: var(--c0) }
h1 + p, .note, h3 small, figcaption, caption { color: var(--soft) }
h3 small { font-weight: 400; font-size: .85rem; margin-left: .5rem }
.note { font-size: .9rem }
code, pre { font: .86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace }
code, bdi, td, th, text { unicode-bidi: isolate }
pre { margin: .5rem 0; padding: .55rem .75rem; background: var(--tint); border-radius: 5px; overflow-x: auto }
.facts { display: flex; flex-wrap: wrap; gap: .9rem 2.2rem; margin: 1.3rem 0 }
.facts div { min-width: 5rem }
.facts dt { color: var(--soft); font-size: .8rem }
.facts dd { margin: 0; font-size: 1.25rem; font-weight: 600 }
.facts dd small { font-size: .8rem; font-weight: 400; color: var(--soft) }
.scroll { overflow-x: auto; margin: .5rem 0 }
table { border-collapse: collapse; width: 100%; font-size: .88rem }
caption { text-align: left; padding: 1rem 0 .3rem }
th { text-align: left; font-weight: 600 }
thead th { color: var(--soft); font-weight: 500; font-size: .8rem; vertical-align: bottom; border-bottom: 1px solid
  var(--line) }
td, th { padding: .28rem .9rem .28rem 0; vertical-align: top }
tbody tr + tr > * { border-top: 1px solid var(--line) }
tbody th { overflow-wrap: break-word }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
td { font-variant-numeric: tabular-nums }
.t { white-space: nowrap }
.bad { color: var(--firing); font-weight: 600 }
.good { color: var(--good); font-weight: 600 }
.quiet { color: var(--soft) }
.tag { display: inline-block; padding: 0 .45rem; border: 1px solid var(--line); border-radius: 1rem; font-size:
  .8rem; margin: 0 .3rem .2rem 0; overflow-wrap: break-word }
.tag b { font-weight: 500; color: var(--soft) }
.rule { padding: 1.3rem 0 .6rem; break-inside: avoid }
.rule + .rule { border-top: 1px solid var(--line) }
.meta { margin: .35rem 0 }
figure { margin: .6rem 0 .2rem }
.wide { overflow-x: auto }
figcaption { font-size: .88rem }
details { margin: .4rem 0 }
summary { cursor: pointer; color: var(--soft); font-size: .9rem }
details dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .88rem; margin:
  .5rem 0 }
details dt { color: var(--soft) }
details dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; list-style: none; margin: .1rem 0 .3rem; padding: 0;
  font-size: .82rem }
.legend li { overflow-wrap: anywhere }
.legend svg { width: 22px; height: 9px; margin-right: .35rem }
.legend .off { opacity: .4; text-decoration: line-through }
.js .legend li { cursor: pointer }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.3rem; font-size: .82rem; color: var(--soft); margin: .4rem 0 }
.key svg { width: 30px; height: 14px; vertical-align: -2px; margin-right: .35rem }
.chart { display: block; width: 100%; min-width: 44rem; height: auto }
.hours { width: 144px; height: 20px; fill: var(--c0) }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--ink) }
svg .tick { fill: var(--soft); font-size: 10.5px }
.m { text-anchor: middle }
.e { text-anchor: end }
.grid { stroke: var(--line); stroke-width: 1; fill: none }
.base { stroke: var(--line); stroke-width: 1; stroke-dasharray: 1 4 }
.curve { fill: none; stroke-width: 1.5; stroke-linejoin: round; stroke-linecap: round }
.c0 { stroke: var(--c0) }
.c1 { stroke: var(--c1); stroke-dasharray: 7 3 }
.c2 { stroke: var(--c2); stroke-dasharray: 2 3 }
.c3 { stroke: var(--c3); stroke-dasharray: 9 3 2 3 }
.c4 { stroke: var(--c4); stroke-dasharray: 4 4 }
.c5 { stroke: var(--c5); stroke-dasharray: 1 4 }
.limit { stroke: var(--firing); stroke-width: 1.2; stroke-dasharray: 5 4; fill: none }
svg .limit-label { fill: var(--firing); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3 }
.shade { fill: var(--shade); stroke: var(--shade-ink); stroke-width: .5; stroke-dasharray: 2 2 }
.b { stroke-width: 1 }
.pending { fill: url(#pending); stroke: var(--pending) }
.firing { fill: var(--firing); stroke: var(--firing) }
.kept { fill: url(#kept); stroke: var(--firing) }
.fault { fill: var(--shade); stroke: var(--shade-ink) }
.silenced, .inhibited, .off-hours { fill: url(#muted); stroke: var(--mute) }
#pending path { stroke: var(--pending); stroke-width: 2 }
#kept path { stroke: var(--firing); stroke-width: 2 }
#muted path { stroke: var(--mute) }
svg .letter { font-size: 8.5px; font-weight: 700; fill: var(--ink); stroke: var(--paper); stroke-width: 3;
  paint-order: stroke }
svg .in-fault { font-weight: 500 }
svg .in-firing { fill: var(--paper); stroke: none }
.mark { stroke-width: 1.3 }
.mark.firing { fill: var(--ink); stroke: var(--paper); paint-order: stroke; stroke-width: 1.6 }
.mark.bars { fill: var(--ink) }
.mark.resolved { fill: var(--paper); stroke: var(--ink) }
.cursor { stroke: var(--ink); stroke-width: .7; pointer-events: none }
.readout { position: fixed; z-index: 1; pointer-events: none; background: var(--paper); border: 1px solid
  var(--line); border-radius: 5px; padding: .3rem .6rem; font-size: .8rem; max-width: 24rem; box-shadow: 0 2px 8px
  #0003; font-variant-numeric: tabular-nums; white-space: pre-line; overflow-wrap: anywhere }
.defs { position: absolute; width: 0; height: 0 }
input { font: inherit; padding: .25rem .5rem; border: 1px solid var(--line); border-radius: 5px; background:
  var(--paper); color: var(--ink); width: 18rem; max-width: 100% }
html:not(.js) .filter { display: none }
@media print {
  body { padding: 0; font-size: 11px; max-width: none }
  .filter, .readout { display: none }
  h2 { break-after: avoid }
  .scroll, .wide, pre { overflow: visible }
  .chart { min-width: 0 }
  pre { white-space: pre-wrap }
  * { print-color-adjust: exact }
}
"""

JS: Final = r"""
(() => {
"use strict";
const root = document.documentElement, W = 1040, L = 176, R = 1030;
const charts = [...document.querySelectorAll("svg.chart")];
const box = document.createElement("div");
root.classList.add("js");
box.className = "readout"; box.hidden = true; box.setAttribute("aria-hidden", "true"); document.body.append(box);
const points = path => {
  if (path.points) return path.points;
  const out = [], tokens = path.getAttribute("d").match(/[Mlhv]|-?(?:\d+\.?\d*|\.\d+)/g) || [];
  let x = 0, y = 0;
  for (let i = 0; i < tokens.length;) {
    const verb = tokens[i++], a = +tokens[i++];
    const from = verb === "h" ? [x, y] : null;
    if (verb === "M") { x = a; y = +tokens[i++]; }
    else if (verb === "l") { x += a; y += +tokens[i++]; }
    else if (verb === "h") x += a;
    else y += a;
    out.push([x, y, from && from[0], verb]);
  }
  return path.points = out;
};
const show = (value, range) =>
  +(range > 1e-9 ? value.toFixed(Math.max(0, 3 - Math.ceil(Math.log10(range)))) : value.toPrecision(3)) + "";
const values = (chart, path, x) => {
  const { v0, v1, bottom } = chart.dataset, near = [];
  let best = 3;
  for (const [px, py, from, verb] of points(path)) {
    const away = from !== null && x >= from && x <= px ? 0 : Math.abs(px - x);
    if (away < best - .05) { best = away; near.length = 0; }
    if (away <= best + .05) near.push(+v0 + (bottom - py) / (bottom - 8) * (v1 - v0));
  }
  if (!near.length) return null;
  const low = show(Math.min(...near), v1 - v0), high = show(Math.max(...near), v1 - v0);
  return low === high ? low : low + " to " + high;
};
const hide = () => { box.hidden = true; document.querySelectorAll(".cursor").forEach(line => line.remove()); };
const move = (chart, event) => {
  const edge = chart.getBoundingClientRect(), x = (event.clientX - edge.left) / edge.width * W;
  hide();
  if (x < L || x > R) return;
  for (const each of charts) {
    const at = each.getBoundingClientRect();
    if (at.bottom < 0 || at.top > innerHeight) continue;
    const line = document.createElementNS(each.namespaceURI, "path");
    line.setAttribute("class", "cursor");
    line.setAttribute("d", `M${x} 2V${each.viewBox.baseVal.height - 16}`);
    each.append(line);
  }
  const { t0, t1 } = chart.dataset, time = new Date(+t0 + (x - L) / (R - L) * (t1 - t0));
  const lines = [time.toISOString().slice(0, 19).replace("T", " ")];
  const names = chart.closest("figure").querySelectorAll(".legend li");
  chart.querySelectorAll("path.graph").forEach(path => {
    const name = names[path.dataset.n], value = path.style.display ? null : values(chart, path, x);
    if (value !== null && name) lines.push("≈ " + value + "  " + name.textContent);
  });
  box.textContent = lines.join("\n"); box.hidden = false;
  const right = event.clientX > innerWidth / 2;
  box.style.left = right ? "" : event.clientX + 16 + "px";
  box.style.right = right ? innerWidth - event.clientX + 16 + "px" : "";
  box.style.top = Math.min(event.clientY + 12, innerHeight - box.offsetHeight - 8) + "px";
};
for (const chart of charts) {
  chart.addEventListener("pointermove", event => move(chart, event));
  chart.addEventListener("pointerleave", hide);
}
document.querySelectorAll(".legend li").forEach(item => item.addEventListener("click", () => {
  const off = item.classList.toggle("off"), figure = item.closest("figure");
  const path = figure.querySelector(`path.graph[data-n="${[...item.parentNode.children].indexOf(item)}"]`);
  if (path) path.style.display = off ? "none" : "";
}));
const filter = document.querySelector(".filter input");
if (filter) filter.addEventListener("input", () => document.querySelectorAll(".rule").forEach(rule => {
  rule.hidden = !rule.textContent.toLowerCase().includes(filter.value.toLowerCase());
}));
})();
"""

PATTERNS: Final = """
<svg class="defs" aria-hidden="true"><defs>
<pattern id="pending" width="5" height="5"
  patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
  <path d="M0 0V5"/></pattern>
<pattern id="kept" width="4" height="4"
  patternUnits="userSpaceOnUse">
  <path d="M0 0V4"/></pattern>
<pattern id="muted" width="4" height="4"
  patternUnits="userSpaceOnUse" patternTransform="rotate(-45)">
  <path d="M0 0V4"/></pattern>
</defs></svg>
"""
