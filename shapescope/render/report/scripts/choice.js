// Choosing a step, by pointer and by keys, and finding, sorting and folding steps.

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
