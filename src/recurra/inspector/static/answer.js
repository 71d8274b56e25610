// What a model says in the end: classes, texts, where it looked, forecasts.
import { drawn, el, shadeOf, short, shownToken } from "./dom.js";
import { say } from "./strings.js";

export function answerOf(found) {
  const parts = [];
  if (found.texts.length) parts.push(el("p", { class: "answer", text: found.texts[0] }));
  if (found.ranked.length) parts.push(rankedOf(found.ranked));
  for (const one of found.ahead) parts.push(forecastOf(one));
  if (found.attention) parts.push(attentionOf(found.attention));
  return parts;
}

function rankedOf(ranked) {
  return el("ol", { class: "ranked" }, ranked.slice(0, 6).map(([label, chance]) =>
    el("li", {}, el("span", { class: "label", text: label }),
      el("span", { class: "bar" }, el("span", { style: { width: `${(100 * chance).toFixed(1)}%` } })),
      el("span", { class: "chance", text: short(chance) }))));
}

/** Rows are what was written, columns what was read; of a picture the squares that were looked at. */
function attentionOf({ read, wrote, weights, picture }) {
  if (picture) return lookedAt(wrote, weights, picture);
  return el("figure", {}, el("figcaption", { text: say("attention") }),
    el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": say("attention") },
      el("table", { class: "attention" },
        el("thead", {}, el("tr", {}, el("td"), read.map((token) =>
          el("th", { scope: "col" }, el("span", { text: shownToken(token) }))))),
        el("tbody", {}, wrote.map((token, row) =>
          el("tr", {}, el("th", { scope: "row", text: shownToken(token) }), weights[row].map((weight) =>
            el("td", { style: { backgroundColor: shadeOf(weight) }, title: short(weight) },
              weight >= 0.1 ? short(weight, 1).replace("0.", ".") : ""))))))));
}

function lookedAt(wrote, weights, picture) {
  const side = Math.round(Math.sqrt(weights[0].length));
  return el("figure", {}, el("figcaption", { text: say("looked_at") }),
    el("div", { class: "looks" }, wrote.map((token, row) => {
      const most = Math.max(...weights[row]);
      const squares = weights[row].map((weight) =>
        el("span", { style: { opacity: String(0.75 * (1 - weight / most)) } }));
      const shades = el("span", { class: "squares", style: { gridTemplateColumns: `repeat(${side}, 1fr)` } }, squares);
      return el("div", { class: "look" },
        el("div", { class: "picture" }, el("img", { src: picture, alt: "" }), shades), el("span", { text: token }));
    })));
}

const WIDTH = 640;
const HEIGHT = 240;
const EDGE = { left: 52, right: 8, top: 10, bottom: 26 };

/** History, median and the ranges between quantiles, with the numbers in a table for who cannot see them. */
function forecastOf({ name, history, history_times, times, median, quantiles }) {
  const known = [...history, ...median, ...quantiles.flatMap(([, values]) => values)].filter((v) => v !== null);
  let low = Math.min(...known);
  let high = Math.max(...known);
  if (low === high) [low, high] = [low - 1, high + 1];
  const all = history.length + times.length;
  const x = (k) => EDGE.left + (k / Math.max(1, all - 1)) * (WIDTH - EDGE.left - EDGE.right);
  const y = (v) => EDGE.top + (1 - (v - low) / (high - low)) * (HEIGHT - EDGE.top - EDGE.bottom);
  const path = (values, first) => values.map((v, k) => (v === null ? "" : `${x(first + k)},${y(v)}`)).join(" ");
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": say("forecast_of", { name }) });
  const at = history.length;
  for (let k = 0; k < Math.floor(quantiles.length / 2); k++) {
    const lower = quantiles[k][1];
    const upper = quantiles[quantiles.length - 1 - k][1];
    const back = upper.map((v, place) => `${x(at + place)},${y(v)}`).reverse();
    svg.append(drawn("polygon", { points: `${path(lower, at)} ${back.join(" ")}`, class: "range" }));
  }
  svg.append(drawn("polyline", { points: path(history, 0), class: "history" }));
  svg.append(drawn("polyline", { points: path(median, at), class: "median" }));
  for (const value of [low, (low + high) / 2, high]) {
    svg.append(drawn("text", { x: EDGE.left - 6, y: y(value) + 4, class: "tick end" }, short(value, 2)));
  }
  const marks = [[0, history_times[0] ?? times[0], "start"], [all - 1, times[times.length - 1], "end"]];
  for (const [k, time, anchor] of marks) {
    svg.append(drawn("text", { x: x(k), y: HEIGHT - 8, class: `tick ${anchor}` }, String(time)));
  }
  const levels = quantiles.map(([level]) => `${+(100 * level).toFixed(1)} %`);
  const table = el("details", {}, el("summary", { text: say("numbers") }),
    el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": say("numbers") }, el("table", { class: "numbers" },
      el("thead", {}, el("tr", {}, [say("time"), say("median"), ...levels].map((head) => el("th", { scope: "col", text: head })))),
      el("tbody", {}, times.map((time, k) => el("tr", {}, el("th", { scope: "row", text: time }),
        el("td", { text: short(median[k]) }), quantiles.map(([, values]) => el("td", { text: short(values[k]) }))))))));
  return el("figure", {}, el("figcaption", { text: say("forecast_of", { name }) }), svg, table);
}
