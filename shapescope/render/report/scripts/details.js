// All that is known of the chosen step.

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
