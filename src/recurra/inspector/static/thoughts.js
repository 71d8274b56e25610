// The picture of every tutorial: below each step what the model holds for most probable there.
import { el, shadeOf, short, shownToken } from "./dom.js";
import { say } from "./strings.js";

const COLUMN = 74;
const RANKS = 5;

export class ThoughtTable {
  /** pick: hears the step of a column that was clicked */
  constructor(ask, pick) {
    this.ask = ask;
    this.pick = pick;
    this.element = el("div", { class: "wide thoughts", tabindex: "0", role: "group" });
    this.number = 0;
  }

  /** How many there is room for. */
  columns() {
    this.width = this.element.clientWidth || this.width || 600;
    return Math.max(3, Math.floor((this.width - 26) / COLUMN));
  }

  /** tokens: of all steps; read: that there are; step: of the cursor; next: the columns hold what comes next */
  async show(reading, tokens, read, step, next) {
    const count = this.columns();
    const start = Math.max(0, Math.min(step - Math.floor(count / 2), read - count));
    const stop = Math.min(read, start + count);
    const number = ++this.number;
    const rows = await this.ask(reading, start, stop, RANKS);
    if (number !== this.number) return; // a newer question is on its way
    this.element.setAttribute("aria-label", say("thoughts_label"));
    const heads = rows.map((_, k) =>
      el("th", { scope: "col", class: start + k === step ? "here" : null, onclick: () => this.pick(start + k) },
        shownToken(tokens[start + k])));
    const body = Array.from({ length: Math.min(RANKS, Math.max(...rows.map((row) => row.length), 0)) }, (_, rank) =>
      el("tr", {}, el("th", { scope: "row", text: String(rank + 1) }), rows.map((row, k) => {
        const found = row[rank];
        if (!found) return el("td");
        const [label, chance] = found;
        const came = next && tokens[start + k + 1] === label;
        return el("td", { class: came ? "came" : null, style: { backgroundColor: shadeOf(chance) } },
          el("span", { class: "label", text: shownToken(label) }), el("span", { class: "chance", text: short(chance, 2) }));
      })));
    this.element.replaceChildren(el("table", {},
      el("caption", { class: "hidden", text: say("thoughts_label") }),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "hidden", text: say("rank") })), heads)),
      el("tbody", {}, body)));
  }
}
