// The network itself: drawings, and a table of its parts.
import { el, parsedDrawing } from "./dom.js";
import { say } from "./strings.js";

export function networkOf(info, drawings) {
  const names = [say("rolled"), say("unrolled")];
  const [head, ...rows] = info.structure;
  return [
    ...drawings.map((text, place) => el("figure", {}, el("figcaption", { text: names[place] }),
      el("div", { class: "wide paper", tabindex: "0", role: "group", "aria-label": names[place] }, parsedDrawing(text)))),
    el("div", { class: "wide", tabindex: "0", role: "group", "aria-label": say("parameters") }, el("table", { class: "numbers" },
      el("thead", {}, el("tr", {}, [say("part"), say("shape"), say("parameters"), say("flops")].slice(0, head.length)
        .map((name) => el("th", { scope: "col", text: name })))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, place) =>
        place ? el("td", { class: place > 1 ? "n" : null, text: cell }) : el("th", { scope: "row", text: cell }))))))),
  ];
}
