#include "page/page_style.hpp"

namespace afu::page {

// Colours: Okabe and Ito's, which the colour-blind can tell apart; lighter blues and greys on dark ground.
const char* const palette_css = R"css(
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1d2126; --soft: #5b636d; --rule: #d9dde2; --panel: #f5f6f8; --link: #0061a8;
  --good: #00694c; --bad: #a83e00; --open: #5b636d;
  --k0: #1d2126; --k1: #d55e00; --k2: #0072b2; --k3: #009e73; --k4: #cc79a7; --k5: #e69f00;
  --k6: #56b4e9; --k7: #8a919a;
  --wait: #e3e6ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e7eaee; --soft: #a3abb5; --rule: #343a42; --panel: #1d2126; --link: #6cb6f2;
    --good: #3fc79a; --bad: #ff9a5c; --open: #a3abb5;
    --k0: #f2f4f7; --k1: #ff8533; --k2: #4da6e0; --k3: #2cc295; --k4: #dd94bd; --k5: #f0b429;
    --k6: #86ccf5; --k7: #7b838d;
    --wait: #30363e;
  }
}
)css";

const char* const page_css = R"css(
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main, header, nav { max-width: 1340px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 1.25rem; margin: 44px 0 10px; padding-top: 12px; border-top: 1px solid var(--rule); }
p { max-width: 75ch; margin: 8px 0; }
a { color: var(--link); }
.subtitle, figcaption, caption, .notes { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; margin: 14px 0 0; padding: 0; }
.scroll { overflow-x: auto; margin: 12px 0 4px; }
table { border-collapse: separate; border-spacing: 0; font-size: 0.8125rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 8px; }
caption span { display: block; max-width: min(95ch, calc(100vw - 40px)); position: sticky; left: 0; }
th, td {
  padding: 5px 10px 5px 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top;
}
thead th { border-bottom: 2px solid var(--soft); vertical-align: bottom; font-weight: 600; }
th.number, td.number { text-align: right; white-space: nowrap; }
td.number, tbody th { white-space: nowrap; }
tbody th { font-weight: 600; position: sticky; left: 0; background: var(--paper); }
.verdicts-overview td, [class^="axis-"] td { white-space: nowrap; }
.verdicts td:nth-child(2) { white-space: nowrap; }
.verdicts td:last-child { min-width: 22em; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.open { color: var(--open); font-style: italic; }
.data { font-size: 0.8125rem; }
.chart-grid {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); gap: 24px 28px;
  margin: 16px 0; align-items: start;
}
figure { margin: 0; min-width: 0; }
figure:not(.wide) { max-width: 500px; }
figure.wide { grid-column: 1 / -1; }
figure.wide .scroll { margin: 0; }
figure.wide svg { min-width: 620px; max-width: 880px; }
.panels {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 10px 24px;
}
figure.wide .panels svg { min-width: 0; max-width: 480px; }
.panels > div { min-width: 0; }
.panels p { margin: 6px 0 0; font-size: 0.8125rem; font-weight: 600; overflow-wrap: anywhere; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 0.8125rem; margin-bottom: 6px; }
figure .keys svg.chart { display: inline-block; width: 26px; height: 16px; min-width: 0; vertical-align: -3px; }
figcaption { font-size: 0.8125rem; line-height: 1.4; margin-top: 6px; }
details { margin: 12px 0; }
summary { cursor: pointer; color: var(--link); }
pre {
  background: var(--panel); padding: 12px 14px; overflow-x: auto; font-size: 0.8125rem; line-height: 1.4;
}
#tip {
  position: fixed; z-index: 1; pointer-events: none; background: var(--ink); color: var(--paper);
  padding: 3px 8px; border-radius: 4px; font-size: 0.8125rem; max-width: 320px;
}
footer {
  max-width: 1340px; margin: 40px auto 24px; padding: 12px 20px 0; color: var(--soft);
  font-size: 0.8125rem;
}
@media (max-width: 640px) {
  .verdicts, .verdicts tbody, .verdicts tr, .verdicts th, .verdicts td, .verdicts caption {
    display: block;
  }
  .verdicts thead { display: none; }
  .verdicts th, .verdicts td { border: 0; padding: 1px 0; white-space: normal; }
  .verdicts td:last-child { min-width: 0; }
  .verdicts tr { border-bottom: 1px solid var(--rule); padding: 6px 0; }
  tbody th { white-space: normal; }
}
@media print {
  :root {
    --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --panel: #fff; --k0: #000; --k2: #0072b2;
    --k6: #56b4e9; --wait: #e3e6ea; --good: #00694c; --bad: #a83e00; --open: #444;
  }
  body { font-size: 10pt; }
  nav, .data, #tip { display: none; }
  main, header, footer { max-width: none; padding: 0; }
  h2, caption, thead { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  .scroll { overflow: visible; }
  table { font-size: 7.5pt; }
  figure.wide svg { min-width: 0; }
  .chart-grid { grid-template-columns: 1fr 1fr; }
  tbody th { position: static; }
}
)css";

// A <title> shows by itself, but late and not on touch: it becomes a text of our own as soon as it is pointed
// at.
const char* const page_js = R"js(
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const textOf = (target) => {
    const mark = target.closest ? target.closest("svg.chart *") : null;
    if (!mark) return "";
    const title = mark.querySelector(":scope > title");
    if (title) {
      mark.dataset.tip = title.textContent;
      mark.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    return mark.dataset.tip || "";
  };
  document.addEventListener("pointerover", (e) => {
    const text = textOf(e.target);
    tip.hidden = text === "";
    tip.textContent = text;
  });
  document.addEventListener("pointermove", (e) => {
    if (tip.hidden) return;
    const right = window.innerWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(4, Math.min(e.clientX + 12, right)) + "px";
    tip.style.top = Math.max(4, e.clientY - tip.offsetHeight - 10) + "px";
  });
})();
)js";

}  // namespace afu::page
