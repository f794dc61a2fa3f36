// The steps of the trace from #trace-data, and the tree they form.

const ROW = 30, SPARE = 8, OPEN_BELOW = 200, SHORT = 22;
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("trace-data").textContent);
const S = data.strings, T = data.steps, N = T.parent.length;
const grid = byId("grid"), body = byId("rows"), scroller = byId("scroller");
const detail = byId("detail"), search = byId("search"), found = byId("found");
const split = document.querySelector(".split");

// --- the tree of steps

const depth = new Int32Array(N), end = new Int32Array(N), isModule = new Uint8Array(N);
for (let i = 0; i < N; i++) {
  end[i] = i + 1;
  const parent = T.parent[i];
  if (parent >= 0) { depth[i] = depth[parent] + 1; isModule[parent] = 1; }
}
for (let i = N - 1; i >= 0; i--) {
  const parent = T.parent[i];
  if (parent >= 0) end[parent] = Math.max(end[parent], end[i]);
}
for (let i = 0; i < N; i++) if (S[T.kind[i]] === "block") isModule[i] = 1;
// A single module around everything is the page itself.
const base = N > 1 && end[0] === N && isModule[0] ? 1 : 0;
const open = new Uint8Array(N);
const openAll = (value, from = 0) => { for (let i = from; i < N; i++) open[i] = value; };
openAll(1);
if (N > OPEN_BELOW) for (let i = 0; i < N; i++) open[i] = depth[i] < base + 1 ? 1 : 0;
if (base) open[0] = 1;
if (data.failed >= 0) reveal(data.failed);

function reveal(i) {
  for (let p = T.parent[i]; p >= 0; p = T.parent[p]) open[p] = 1;
}
