// Figures with a knob (book/_ext/companion_knobs.py): rows of a table that the page stores, drawn anew for each setting.
// The figure above them stays; without scripts nothing is missing.
"use strict";

document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".knob").forEach(turnable));

const SVG = "http://www.w3.org/2000/svg";
// What tells curves apart: colour (companion.css has them for light and dark), dashes and the shape of points.
const LOOKS = [["1", "", "circle"], ["2", "7 3", "square"], ["3", "7 3 2 3", "diamond"], ["4", "2 3", "triangle"]];
const SHAPES = { circle: "M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0", square: "M-3,-3h6v6h-6z",
                 diamond: "M0,-4.5l4.5,4.5l-4.5,4.5l-4.5,-4.5z", triangle: "M0,-4l4,7h-8z" };

function element(name, attributes = {}, ...children) {
  const made = name === "svg" || attributes.xmlns ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (key !== "xmlns") made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const shape = (name, attributes, ...children) => element(name, { xmlns: SVG, ...attributes }, ...children);
const short = value => `${+value.toPrecision(4)}`.replace("-", "−");

// Where an axis has its marks: at 1, 2, 5 times powers of ten, in number about `wanted`; at whole numbers where only
// those have a meaning.
function ticks([low, high], log, wanted, whole = false) {
  if (log) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const digit of [1, 2, 5]) found.push(digit * 10 ** power);
    const inside = found.filter(value => value >= low * 0.999 && value <= high * 1.001);
    if (inside.length > wanted + 2) return inside.filter(value => /^0?\.?0*1/.test(`${+value.toPrecision(1)}`));
    if (inside.length > 1) return inside;  // a part of a decade has marks as a linear axis has them
  }
  const rough = (high - low) / wanted || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max([1, 2, 5, 10].find(factor => factor * unit >= rough * 0.999) * unit, whole ? 1 : 0);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) found.push(+(n * step).toPrecision(12));
  return found;
}

// Draw curves [{look, line, points: [[x, y], ...]}] into an svg, at the size that it has: letters keep theirs.
// look "exact" is the black line of exact results; axes are {label, log, range}.
function plot(svg, x, y, curves) {
  const width = Math.max(svg.clientWidth, 240), height = Math.max(svg.clientHeight, 160);
  const left = 58, right = 12, top = 10, bottom = 46;
  const scale = ({ log, range: [low, high] }, from, to) => value => {
    const [a, b, c] = log ? [Math.log(value), Math.log(low), Math.log(high)] : [value, low, high];
    return from + (to - from) * (a - b) / (c - b || 1);
  };
  const across = scale(x, left, width - right), up = scale(y, height - bottom, top);
  const parts = [];
  for (const value of ticks(y.range, y.log, 5)) {
    parts.push(shape("path", { class: "plot-grid", d: `M${left},${up(value)}H${width - right}` }),
               shape("text", { x: left - 7, y: up(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticks(x.range, x.log, Math.min(7, width / 70), x.whole)) {
    parts.push(shape("path", { class: "plot-grid", d: `M${across(value)},${top}V${height - bottom}` }),
               shape("text", { x: across(value), y: height - bottom + 18, "text-anchor": "middle" }, short(value)));
  }
  parts.push(shape("path", { class: "plot-frame", d: `M${left},${top}V${height - bottom}H${width - right}` }),
             shape("text", { x: (left + width - right) / 2, y: height - 8, "text-anchor": "middle" }, x.label),
             shape("text", { transform: `translate(14 ${(top + height - bottom) / 2}) rotate(-90)`,
                             "text-anchor": "middle" }, y.label));
  const clip = `clip-${svg.dataset.number ||= `${plot.count = (plot.count || 0) + 1}`}`;
  const drawn = shape("g", { "clip-path": `url(#${clip})` });
  parts.push(shape("clipPath", { id: clip }, shape("rect", { x: left - 6, y: top - 6, width: width - left - right + 12,
                                                              height: height - top - bottom + 12 })), drawn);
  for (const { look, line = true, points } of curves) {
    const seen = points.filter(([a, b]) => (!x.log || a > 0) && (!y.log || b > 0)).map(([a, b]) => [across(a), up(b)]);
    const [colour, dash, mark] = look === "exact" ? ["exact", "", ""] : LOOKS[look % LOOKS.length];
    const style = `stroke:var(--curve-${colour})`;
    if (line && seen.length) {
      drawn.append(shape("path", { class: "plot-curve", style, "stroke-dasharray": dash, d: `M${seen.join("L")}` }));
    }
    for (const place of mark ? seen : []) {
      drawn.append(shape("path", { class: "plot-point", style: `${style};fill:var(--curve-${colour})`,
                                   transform: `translate(${place})`, d: SHAPES[mark] }));
    }
  }
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
}

// The key to the curves, [[look, name, line], ...], as a list beside a drawing.
function key(entries) {
  return element("ul", { class: "plot-key" }, ...entries.map(([look, name, line = true]) => {
    const [colour, dash, mark] = look === "exact" ? ["exact", "", ""] : LOOKS[look % LOOKS.length];
    const style = `stroke:var(--curve-${colour})`;
    const sample = element("svg", { class: "plot", width: 30, height: 12, viewBox: "0 0 30 12", "aria-hidden": "true" });
    if (line) sample.append(shape("path", { class: "plot-curve", style, "stroke-dasharray": dash, d: "M0,6H30" }));
    if (mark) {
      sample.append(shape("path", { class: "plot-point", style: `${style};fill:var(--curve-${colour})`,
                                    transform: "translate(15,6)", d: SHAPES[mark] }));
    }
    return element("li", {}, sample, name);
  }));
}

const extent = (values, log) => {
  const used = values.filter(value => Number.isFinite(value) && (!log || value > 0));
  return [Math.min(...used), Math.max(...used)];
};

// A label with a range input, whose value is told in words.
function slider(name, highest, words, changed) {
  const said = element("span", { class: "knob-value", "aria-hidden": "true" });
  const input = element("input", { type: "range", min: 0, max: highest, step: 1, value: 0 });
  const tell = () => {
    said.textContent = words(+input.value);
    input.setAttribute("aria-valuetext", said.textContent);
  };
  input.addEventListener("input", () => { tell(); changed(); });
  tell();
  return { input, tell, label: element("div", { class: "knob-slider" }, element("label", {}, name, input), said) };
}

function turnable(box) {
  const { pick, knob, x, y, charts } = JSON.parse(box.querySelector("script").textContent);
  const svg = element("svg", { class: "plot", role: "img" });
  const table = element("table", { class: "companion-table" });
  const select = element("select");
  charts.forEach((chart, n) => select.append(element("option", { value: n }, chart.name)));
  const chart = () => charts[+select.value || 0];
  const setting = slider(knob, charts[0].settings.length - 1, n => chart().settings[n].text, show);
  const keyed = element("div");
  const numbers = element("details", { class: "knob-table" }, element("summary", {}, "Numbers at this setting"),
                          element("div", { class: "companion-table-wrap" }, table));

  function show() {
    const { curves, text } = chart().settings[+setting.input.value];
    svg.setAttribute("aria-label", `${y.label} against ${x.label}: ${text}${pick ? `, ${chart().name}` : ""}. ` +
                                   "The table below has the numbers.");
    plot(svg, { ...x, range: chart().across, whole: chart().whole }, { ...y, range: y.range || chart().up }, curves);
    const at = curves.map(curve => new Map(curve.points));
    const places = [...new Set(curves.flatMap(curve => curve.points.map(([place]) => place)))].sort((a, b) => a - b);
    table.replaceChildren(
      element("caption", {}, `${y.label}: ${text}`),
      element("thead", {}, element("tr", {}, ...[x.label, ...curves.map(curve => curve.name)]
        .map(name => element("th", { scope: "col" }, name)))),
      element("tbody", {}, ...places.map(place => element("tr", {},
        element("td", { "data-label": x.label }, short(place)),
        ...at.map((found, n) => element("td", { "data-label": curves[n].name },
                                        found.has(place) ? short(found.get(place)) : "–"))))));
  }
  function choose() {
    setting.input.max = chart().settings.length - 1;
    setting.tell();
    keyed.replaceChildren(key(chart().settings[0].curves.map(curve => [curve.look, curve.name])));
    show();
  }

  for (const one of charts) {  // axes stay while the knob turns
    const all = one.settings.flatMap(at => at.curves.flatMap(curve => curve.points));
    one.across = extent(all.map(point => point[0]), x.log);
    one.whole = all.every(point => Number.isInteger(point[0]));
    one.up = extent(all.map(point => point[1]), y.log);
  }
  const controls = element("div", { class: "knob-controls" });
  if (pick) controls.append(element("label", {}, pick, select));
  controls.append(setting.label);
  box.append(controls, svg, keyed, numbers);
  box.classList.add("ready");
  select.addEventListener("input", choose);
  new ResizeObserver(show).observe(svg);
  choose();
}
