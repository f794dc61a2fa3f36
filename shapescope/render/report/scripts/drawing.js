// The drawing: its parts are buttons that choose a step.

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
