/** The look of our pages, on a screen and on paper. Colour never says what words do not say too. */
export const STYLE = `
:root { --ink: #1b2330; --soft: #5a6573; --line: #d8dde4; --wash: #f4f6f8; --good: #176b3f; --warn: #8a5700; --bad: #a8201a; --accent: #24508f; }
* { box-sizing: border-box; }
html { font-size: 15px; }
body { margin: 0 auto; max-width: 70rem; padding: 2rem 1.5rem 3rem; color: var(--ink); background: #fff; font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
header { border-bottom: 3px solid var(--ink); padding-bottom: 1rem; }
h1 { margin: 0 0 .25rem; font-size: 1.7rem; line-height: 1.25; }
h2 { margin: 2rem 0 .6rem; font-size: 1.15rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; break-after: avoid; }
h3 { margin: 1.1rem 0 .4rem; font-size: 1rem; break-after: avoid; }
p { margin: .4rem 0; }
ul, ol { margin: .4rem 0; padding-left: 1.5rem; }
li { margin: .2rem 0; overflow-wrap: anywhere; }
.lead { color: var(--soft); margin: 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .5rem 1.5rem; margin: 1rem 0 0; }
.facts div { min-width: 0; }
dt { color: var(--soft); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; margin: .5rem 0; font-size: .92rem; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: .8rem; border-bottom: 2px solid var(--line); padding: .3rem .5rem; vertical-align: bottom; }
td { border-bottom: 1px solid var(--line); padding: .45rem .5rem; vertical-align: top; overflow-wrap: anywhere; }
tr { break-inside: avoid; }
.num { text-align: right; white-space: nowrap; width: 1%; overflow-wrap: normal; }
.key { width: 1%; white-space: nowrap; overflow-wrap: normal; }
.mark { width: 1%; white-space: nowrap; overflow-wrap: normal; }
.name { width: 17rem; }
.path { width: 42%; }
.id { font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", Menlo, monospace; }
code, pre { font: .82rem/1.45 ui-monospace, "DejaVu Sans Mono", "Liberation Mono", Menlo, monospace; }
pre { margin: .3rem 0 0; padding: .4rem .6rem; background: var(--wash); border-radius: 3px; white-space: pre-wrap; overflow-wrap: anywhere; }
small { color: var(--soft); font-size: .82rem; display: block; }
.badge { display: inline-block; vertical-align: middle; border: 1px solid currentColor; border-radius: 3px; padding: 0 .4em; font-size: .78rem; font-weight: 600; white-space: nowrap; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .plain { color: var(--soft); }
.call { border: 1px solid var(--line); border-left: 4px solid var(--accent); background: var(--wash); padding: .6rem 1rem; margin: 1.2rem 0; border-radius: 3px; break-inside: avoid; }
.call.trouble { border-left-color: var(--bad); }
.call h2 { margin: 0 0 .3rem; border: 0; padding: 0; }
.bar { height: .35rem; background: var(--wash); border-radius: 2px; margin-top: .25rem; min-width: 5rem; }
.bar i { display: block; height: 100%; background: var(--accent); border-radius: 2px; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .82rem; border-top: 1px solid var(--line); padding-top: .6rem; }
@page { size: A4; margin: 14mm 13mm; }
@media print {
  html { font-size: 9pt; }
  body { max-width: none; padding: 0; }
  .facts { grid-template-columns: repeat(3, 1fr); }
  .name { width: 12rem; }
  h2 { margin-top: 1.4rem; }
  .call, .bar, .bar i, pre { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  thead { display: table-header-group; }
}
`;
