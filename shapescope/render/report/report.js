// The page's own script. It reads the steps from #trace-data and draws only the rows in sight.
(() => {
  "use strict";
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
    found.textContent = query ? `${rows.length} of ${N - base} found` : `${N - base} steps`;
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

  // --- choosing a step

  function choose(i, options = {}) {
    if (i < base || i >= N) return;
    chosen = active = i;
    if (!place.has(i)) {
      if (query || sort) { query = search.value = ""; sort = ""; arrows(); }
      reveal(i);
      collect();
    }
    show(i);
    mark();
    describe(i);
    split.classList.add("open");
    highlight(i);
    if (options.scroll) byId("steps").scrollIntoView();
    if (options.focus) grid.focus({ preventScroll: true });
    history.replaceState(null, "", `#step-${i}`);
  }

  function toggle(i, value) {
    if (!isModule[i] || query || sort) return false;
    if (value !== undefined && Boolean(open[i]) === value) return false;
    open[i] = open[i] ? 0 : 1;
    collect();
    show(i);
    return true;
  }

  body.addEventListener("click", (event) => {
    const line = event.target.closest("tr[data-step]");
    if (!line) return;
    const i = Number(line.dataset.step);
    if (event.target.closest(".twist")) { active = i; toggle(i); return; }
    choose(i);
  });
  body.addEventListener("dblclick", (event) => {
    const line = event.target.closest("tr[data-step]");
    if (line) toggle(Number(line.dataset.step));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-goto]");
    if (link) choose(Number(link.dataset.goto), { scroll: !detail.contains(link), focus: true });
  });

  function move(by) {
    if (!rows.length) return;
    const at = Math.min(rows.length - 1, Math.max(0, (place.get(active) ?? 0) + by));
    active = rows[at];
    show(active);
    mark();
  }

  grid.addEventListener("keydown", (event) => {
    if (event.target !== grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(scroller.clientHeight / ROW) - 2);
    const act = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      PageDown: () => move(page),
      PageUp: () => move(-page),
      Home: () => move(-N),
      End: () => move(N),
      ArrowRight: () => { if (!toggle(active, true)) move(isModule[active] ? 1 : 0); },
      ArrowLeft: () => {
        if (toggle(active, false)) return;
        const parent = T.parent[active];
        if (place.has(parent)) move(place.get(parent) - place.get(active));
      },
      Enter: () => choose(active),
      " ": () => choose(active),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) { event.preventDefault(); search.focus(); search.select(); }
    if (event.key === "Escape") {
      if (event.target === search && search.value) { search.value = ""; find(); }
      else { split.classList.remove("open"); }
    }
  });

  // --- search, sort, fold

  function find() {
    query = search.value.trim();
    scroller.scrollTop = 0;
    collect();
  }
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      grid.focus();
      if (event.key === "Enter" && rows.length) choose(rows[0]);
    }
  });
  byId("unfold").addEventListener("click", () => { openAll(1); collect(); });
  byId("fold").addEventListener("click", () => {
    openAll(0);
    if (base) open[0] = 1;
    scroller.scrollTop = 0;
    collect();
  });

  const heads = [...grid.querySelectorAll("[data-sort]")];
  function arrows() {
    for (const head of heads) {
      const on = head.dataset.sort === sort;
      const cell = head.closest("th");
      if (on) cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    }
  }
  const falling = new Set(["params", "macs", "shape", "check"]);
  for (const head of heads) {
    head.addEventListener("click", () => {
      const key = head.dataset.sort, first = !falling.has(key);
      if (sort !== key) { sort = key; ascending = first; }
      else if (ascending === first) ascending = !first;
      else sort = "";
      scroller.scrollTop = 0;
      arrows();
      collect();
    });
  }

  let waiting = false;
  scroller.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; draw(false); });
  });
  addEventListener("resize", () => draw(true));

  // --- the drawing

  const marks = new Map();
  for (const part of document.querySelectorAll(".picture g[data-step]")) {
    const i = Number(part.dataset.step);
    if (!marks.has(i)) marks.set(i, []);
    marks.get(i).push(part);
    part.setAttribute("tabindex", "0");
    part.setAttribute("role", "button");
    part.addEventListener("click", () => choose(i));
    part.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(i); }
    });
  }
  const svg = document.querySelector(".picture svg");
  if (svg) {
    svg.setAttribute("role", "group");
    // Small pictures stay small, large ones may be scrolled on a phone.
    const natural = svg.viewBox.baseVal.width;
    svg.style.maxWidth = `${natural * 1.25}px`;
    svg.style.minWidth = `${Math.min(natural * 0.75, 760)}px`;
  }

  function highlight(i) {
    for (const part of document.querySelectorAll(".picture g.chosen")) part.classList.remove("chosen");
    for (let at = i; at >= 0; at = T.parent[at]) {
      if (marks.has(at)) { for (const part of marks.get(at)) part.classList.add("chosen"); return; }
    }
  }

  // --- the details of one step

  function describe(i) {
    const parts = [];
    const close = element("button", "close", "Close");
    close.type = "button";
    close.addEventListener("click", () => { split.classList.remove("open"); grid.focus(); });
    parts.push(close, element("h3", "", S[T.path[i]] || S[T.op[i]]));
    const what = S[T.words[i]] === S[T.op[i]] ? S[T.op[i]] : `${S[T.op[i]]}: ${S[T.words[i]]}`;
    parts.push(element("p", "hint", `step ${i}, ${T.call[i] ? "function call" : "module"}, ${what}`));
    if (i === data.failed) parts.push(element("p", "error", "The model fails here."));
    parts.push(...inputsOf(i));
    if (S[T.shape[i]]) parts.push(element("h4", "", "Output"), element("p", "formula", S[T.shape[i]]));
    parts.push(...checkOf(i), ...costOf(i), ...valuesOf(i), ...fieldOf(i));
    parts.push(...sourceOf("Called", T.site[i]), ...sourceOf("Made", T.made[i]));
    detail.replaceChildren(...parts);
  }

  function inputsOf(i) {
    const inputs = data.inputs[T.inputs[i]];
    if (!inputs.length) return [];
    const list = element("ul");
    for (const [back, shape] of inputs) {
      const item = element("li", "formula", S[shape]);
      if (back) {
        const link = element("button", "linkish", `from step ${i - back}`);
        link.type = "button";
        link.dataset.goto = i - back;
        item.append(" ", link);
      }
      list.append(item);
    }
    return [element("h4", "", inputs.length > 1 ? "Inputs" : "Input"), list];
  }

  function checkOf(i) {
    const status = data.statuses[T.status[i]], formula = S[T.formula[i]];
    if (status === "not_applicable" && !formula) return [];
    const words = { match: "\u2713 matches", mismatch: "\u2717 does not match", unknown: "? no rule for it" };
    const parts = [element("h4", "", `Formula ${words[status] ? "(" + words[status] + ")" : ""}`)];
    for (const line of formula ? formula.split("\n") : []) parts.push(element("p", "formula", line));
    if (status === "mismatch") parts.push(element("p", "error", `expected ${S[T.expected[i]]}`));
    return parts;
  }

  function costOf(i) {
    const parts = [], own = data.params[T.own[i]];
    if (T.total[i] || T.macs[i] > 0) {
      const macs = T.macs[i] < 0 ? "MACs not counted" : `${T.macs[i].toLocaleString("en-US")} MACs`;
      parts.push(element("h4", "", "Cost"),
        element("p", "", `${T.total[i].toLocaleString("en-US")} params, ${macs}`));
    }
    if (own.length) {
      const table = element("table");
      for (const [name, shape, numel, trainable] of own) {
        const line = element("tr");
        line.append(element("td", "formula", S[name] + (trainable ? "" : " (frozen)")),
          element("td", "formula", S[shape]), element("td", "n", numel.toLocaleString("en-US")));
        table.append(line);
      }
      parts.push(table);
    }
    return parts;
  }

  function valuesOf(i) {
    const values = T.values && T.values[i];
    if (!values) return [];
    const [low, high, mean] = values.map((value) => Number(value.toPrecision(4)));
    return [element("h4", "", "Values"), element("p", "", `min ${low}, max ${high}, mean ${mean}`)];
  }

  function fieldOf(i) {
    if (T.field[i] < 0) return [];
    const [size, jump, start] = data.fields[T.field[i]];
    const rank = size.length, whole = data.input.slice(data.input.length - rank);
    const parts = [element("h4", "", "Receptive field")];
    const shape = S[T.shape[i]].split(",")[0].match(/\d+/g) || [];
    const counts = shape.slice(shape.length - rank).map(Number);
    parts.push(element("p", "", `sees ${size.map(round).join(" x ")} of the input, jump ${jump.map(round).join(" x ")}`));
    if (!rank || whole.some((one) => !(one > 0)) || counts.length !== rank) return parts;
    const wide = whole[rank - 1], high = rank > 1 ? whole[rank - 2] : Math.max(1, wide / 12);
    const scale = Math.min(200 / wide, 200 / high);
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("class", "sight");
    picture.setAttribute("role", "img");
    picture.setAttribute("width", wide * scale + 2);
    picture.setAttribute("height", high * scale + 2);
    const box = (name, x, y, w, h) => {
      const made = document.createElementNS(space, "rect");
      made.setAttribute("class", name);
      for (const [key, value] of Object.entries({ x, y, width: w, height: h })) made.setAttribute(key, value);
      return made;
    };
    picture.append(box("whole", 1, 1, wide * scale, high * scale));
    const seen = box("seen", 0, 0, 0, 0);
    picture.append(seen);
    const told = element("p", "formula");
    const axes = rank > 1 ? [rank - 2, rank - 1] : [0];
    const at = axes.map((axis) => Math.floor((counts[axis] - 1) / 2));
    const sliders = axes.map((axis, place) => {
      const label = element("label", "slide", rank > 1 ? (place ? "column" : "row") : "place");
      const input = element("input");
      Object.assign(input, { type: "range", min: 0, max: Math.max(counts[axis] - 1, 0), value: at[place] });
      input.addEventListener("input", () => { at[place] = Number(input.value); paint(); });
      label.append(input);
      return label;
    });
    function span(axis, index) {
      const first = start[axis] + jump[axis] * index;
      return [Math.max(0, first), Math.min(whole[axis], first + size[axis])];
    }
    function paint() {
      const [left, right] = span(rank - 1, at[at.length - 1]);
      const [top, bottom] = rank > 1 ? span(rank - 2, at[0]) : [0, high];
      seen.setAttribute("x", 1 + left * scale);
      seen.setAttribute("y", 1 + top * scale);
      seen.setAttribute("width", Math.max((right - left) * scale, 1));
      seen.setAttribute("height", Math.max((bottom - top) * scale, 1));
      const places = axes.map((axis, place) => {
        const [a, b] = span(axis, at[place]);
        return `${round(a)}..${round(b - 1)}`;
      });
      told.textContent = `output (${at.join(", ")}) sees ${places.join(" x ")}`;
      picture.setAttribute("aria-label", told.textContent);
    }
    paint();
    return [...parts, picture, told, ...sliders];
  }

  const round = (value) => Number(Number(value).toFixed(2));

  function sourceOf(title, index) {
    if (index < 0) return [];
    const [file, line, column, endLine, endColumn, name] = data.spans[index];
    const place = `${S[file]}:${line}:${column}${name >= 0 ? ` in ${S[name]}` : ""}`;
    const parts = [element("h4", "", title), element("p", "hint", place)];
    const lines = data.sources[file] || {}, out = [];
    const width = String(endLine).length;
    for (let at = line; at <= endLine && lines[at] !== undefined; at++) {
      const source = lines[at];
      out.push(`${String(at).padStart(width)} | ${source}`);
      const first = at === line ? column - 1 : source.length - source.trimStart().length;
      const last = at === endLine ? endColumn - 1 : source.length;
      const before = source.slice(0, first).replace(/[^\t]/g, " ");
      out.push(`${" ".repeat(width)} | ${before}${"^".repeat(Math.max(last - first, 1))}`);
    }
    if (out.length) {
      const code = element("pre", "", out.join("\n"));
      code.tabIndex = 0;
      parts.push(code);
    }
    return parts;
  }

  // --- the page

  const root = document.documentElement;
  byId("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  addEventListener("beforeprint", () => { printing = true; draw(true); });
  addEventListener("afterprint", () => { printing = false; draw(true); });

  collect();
  const asked = /^#step-(\d+)$/.exec(location.hash);
  if (asked) choose(Number(asked[1]), { scroll: false });
  else if (data.failed >= 0) { chosen = active = data.failed; show(chosen); describe(chosen); mark(); highlight(chosen); }

  if (document.body.hasAttribute("data-served")) {
    const events = new EventSource("events");
    events.addEventListener("changed", () => location.reload());
  }
})();
