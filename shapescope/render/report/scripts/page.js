// Colours, paper, the address, and pages that are served.

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
