// Which steps have a row, and the rows in sight; reads what steps.js says of the tree.

// --- which rows there are

let rows = [], place = new Map(), active = -1, chosen = -1;
let sort = "", ascending = true, query = "", printing = false;
let haystack = null;
const text = (i) => S[T.path[i]] + " " + S[T.op[i]] + " " + S[T.words[i]] + " " +
  S[T.shape[i]] + " " + S[T.settings[i]];
const keys = {
  index: (i) => i,
  name: (i) => (S[T.path[i]] + " " + S[T.op[i]]).toLowerCase(),
  shape: (i) => size(S[T.shape[i]]),
  settings: (i) => S[T.settings[i]],
  params: (i) => T.total[i],
  macs: (i) => T.macs[i],
  check: (i) => (T.status[i] + 2) % 4,
};

function size(shape) {
  const numbers = shape.split(",")[0].match(/\d+/g);
  return numbers ? numbers.reduce((product, one) => product * Number(one), 1) : -1;
}

function collect() {
  rows = [];
  if (!query && !sort) {
    for (let i = base; i < N; i = isModule[i] && !open[i] ? end[i] : i + 1) rows.push(i);
  } else {
    if (!haystack) haystack = Array.from({ length: N }, (_, i) => text(i).toLowerCase());
    const words = query.toLowerCase().split(/\s*,\s*|\s{2,}/).filter(Boolean);
    for (let i = base; i < N; i++) {
      if (!query && isModule[i]) continue;
      if (words.every((word) => haystack[i].includes(word))) rows.push(i);
    }
    if (sort) {
      const key = keys[sort], sign = ascending ? 1 : -1;
      const value = new Array(N);
      for (const i of rows) value[i] = key(i);
      rows.sort((a, b) => (value[a] < value[b] ? -sign : value[a] > value[b] ? sign : a - b));
    }
  }
  place = new Map(rows.map((i, at) => [i, at]));
  grid.setAttribute("aria-rowcount", rows.length + 1);
  const short = rows.length <= SHORT;
  scroller.classList.toggle("short", short);
  found.textContent = query ? `${rows.length} of ${N - base} found` : `${N - base} rows`;
  if (!place.has(active)) active = rows.length ? rows[0] : -1;
  draw(true);
}

// --- drawing the rows in sight

let from = -1, to = -1;
const biggest = { params: 1, macs: 1 };
for (let i = base; i < N; i++) {
  if (isModule[i]) continue;
  biggest.params = Math.max(biggest.params, T.total[i]);
  biggest.macs = Math.max(biggest.macs, T.macs[i]);
}

function draw(force) {
  let first = 0, last = rows.length;
  if (!printing && rows.length > SHORT) {
    first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - SPARE);
    last = Math.min(rows.length, first + Math.ceil((scroller.clientHeight || 600) / ROW) + 2 * SPARE);
  }
  if (!force && first === from && last === to) return;
  from = first;
  to = last;
  const part = document.createDocumentFragment();
  if (first) part.append(gap(first));
  for (let at = first; at < last; at++) part.append(row(rows[at], at));
  if (last < rows.length) part.append(gap(rows.length - last));
  body.replaceChildren(part);
  mark();
}

function gap(count) {
  const line = element("tr", "gap"), cell = element("td");
  line.setAttribute("aria-hidden", "true");
  cell.colSpan = 7;
  cell.style.height = `${count * ROW}px`;
  line.append(cell);
  return line;
}

function element(tag, name, content) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (content !== undefined) made.textContent = content;
  return made;
}

function row(i, at) {
  const line = element("tr", isModule[i] ? "module" : "");
  line.id = `row-${i}`;
  line.dataset.step = i;
  line.setAttribute("role", "row");
  line.setAttribute("aria-rowindex", at + 2);
  line.setAttribute("aria-level", depth[i] - base + 1);
  const tree = !query && !sort;
  if (isModule[i] && tree) line.setAttribute("aria-expanded", open[i] ? "true" : "false");
  if (i === data.failed) line.classList.add("failed");
  const name = element("td", "c-name");
  name.style.paddingLeft = `${8 + (tree ? Math.min(depth[i] - base, 12) * 14 : 0)}px`;
  if (isModule[i]) {
    const twist = element("span", "twist", tree ? (open[i] ? "\u25BE" : "\u25B8") : "");
    twist.setAttribute("aria-hidden", "true");
    name.append(twist);
  } else {
    const dot = element("span", "dot");
    dot.style.background = `var(--draw-${S[T.kind[i]]})`;
    dot.style.borderColor = `var(--draw-${S[T.kind[i]]}-line)`;
    name.append(dot);
  }
  const path = shortPath(i, tree);
  if (path) name.append(element("span", "path", path));
  name.append(element("span", path ? "op" : "path", S[T.op[i]]));
  const cells = [
    element("td", "c-index", i),
    name,
    element("td", "c-shape", S[T.shape[i]] || (i === data.failed ? "fails" : "")),
    element("td", "c-settings", S[T.settings[i]]),
    number("params", T.total[i], i),
    number("macs", T.macs[i], i),
    checkCell(i),
  ];
  const status = data.statuses[T.status[i]];
  cells[6].className += status === "match" ? " good" : status === "mismatch" ? " error" : " unsure";
  for (const cell of cells) cell.setAttribute("role", "gridcell");
  cells[2].title = S[T.shape[i]];
  line.append(...cells);
  return line;
}

function shortPath(i, tree) {
  const path = S[T.path[i]];
  if (T.call[i]) return tree ? "" : path;
  const parent = T.parent[i];
  const above = tree && parent >= 0 ? S[T.path[parent]] : "";
  return above && path.startsWith(above + ".") ? path.slice(above.length + 1) : path;
}

function number(kind, value, i) {
  const cell = element("td", `c-${kind}`, value > 0 ? value.toLocaleString("en-US") : "");
  if (value > 0 && !isModule[i]) cell.style.setProperty("--share", `${(100 * value) / biggest[kind]}%`);
  return cell;
}

function checkCell(i) {
  const status = data.statuses[T.status[i]], cell = element("td", "c-check");
  if (status === "not_applicable") return cell;
  const sign = status === "match" ? "\u2713" : status === "mismatch" ? "\u2717" : "?";
  const result = S[T.formula[i]].split("\n")[0].split(" = ").pop();
  cell.append(sign);
  if (/^\d+$/.test(result)) cell.append(element("span", "result", ` = ${result}`));
  return cell;
}

function mark() {
  for (const line of body.querySelectorAll("tr[data-step]")) {
    const i = Number(line.dataset.step);
    line.classList.toggle("active", i === active);
    line.setAttribute("aria-selected", i === chosen ? "true" : "false");
  }
  if (byId(`row-${active}`)) grid.setAttribute("aria-activedescendant", `row-${active}`);
  else grid.removeAttribute("aria-activedescendant");
}

function show(i) {
  const at = place.get(i);
  if (at === undefined) return;
  const head = ROW + 4, top = at * ROW, height = scroller.clientHeight - head;
  if (top < scroller.scrollTop) scroller.scrollTop = top;
  else if (top + ROW > scroller.scrollTop + height) scroller.scrollTop = top + ROW - height;
  draw(false);
}
