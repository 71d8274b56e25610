// What the states keep of a change: how far they are from those of the text before, step by step.
import { drawn, el, largestOf } from "./dom.js";
import { say } from "./strings.js";

const WIDE = 640;
const HIGH = 150;
const SHOWN = 200; // steps behind the change
const LINES = ["--blue", "--orange", "--green", "--purple", "--gold", "--pink", "--teal", "--grey"];

/** found: by layer {values, begin, forgotten} */
export function forgettingOf(found) {
  const layers = Object.entries(found).slice(0, LINES.length);
  const begin = Math.min(...layers.map(([, each]) => each.begin));
  const stop = Math.min(begin + SHOWN, Math.max(...layers.map(([, each]) => each.values.length)));
  const cut = layers.map(([, each]) => each.values.slice(begin, stop));
  const high = largestOf(cut.flat(), 1e-9);
  const x = (k) => 34 + (k / Math.max(1, stop - begin - 1)) * (WIDE - 44);
  const y = (value) => 8 + (1 - value / high) * (HIGH - 34);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": say("forgetting") });
  svg.append(drawn("line", { x1: 34, x2: WIDE - 10, y1: y(0), y2: y(0), class: "axis" }));
  svg.append(drawn("text", { x: 30, y: y(high) + 8, class: "tick end" }, `${Math.round(100 * high)} %`));
  svg.append(drawn("text", { x: 30, y: y(0), class: "tick end" }, "0"));
  svg.append(drawn("text", { x: WIDE - 10, y: HIGH - 6, class: "tick end" }, say("steps_behind", { steps: stop - begin })));
  cut.forEach((values, place) => {
    const points = values.map((value, k) => (value === null ? "" : `${x(k).toFixed(1)},${y(value).toFixed(1)}`));
    const line = drawn("polyline", { points: points.join(" "), class: "line" });
    line.style.stroke = `var(${LINES[place]})`;
    svg.append(line);
  });
  const rows = layers.map(([key, each], place) => {
    const sign = el("span", { class: "sign", style: { backgroundColor: `var(${LINES[place]})` } });
    const left = each.forgotten === null ? say("not_forgotten") : say("forgotten_after", { steps: each.forgotten });
    return el("li", {}, sign, ` ${key}: ${left}`);
  });
  return [svg, el("ul", { class: "legend" }, rows)];
}
