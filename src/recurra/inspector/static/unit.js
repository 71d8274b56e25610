// One unit: the equations of its step with its values, the units that stand out, where it is high in the training text.
import { el, short, shownToken } from "./dom.js";
import { say } from "./strings.js";

export class UnitPanel {
  /** pane: {source, known, run, info, reading, layer, selected, pick} */
  constructor(pane) {
    this.pane = pane;
    this.name = el("select", { onchange: () => this.#typed() });
    this.unit = el("input", { type: "number", min: "0", step: "1", onchange: () => this.#typed() });
    this.nameLabel = el("span");
    this.unitLabel = el("span");
    this.equations = el("div", { class: "wide", tabindex: "0", role: "group" });
    this.active = el("ul", { class: "buttons" });
    this.activeHead = el("h4");
    this.ask = el("button", { onclick: () => this.#contexts() });
    this.found = el("div", { class: "contexts", "aria-live": "polite" });
    this.element = el("div", {},
      el("div", { class: "row" }, el("label", {}, this.nameLabel, " ", this.name),
        el("label", {}, this.unitLabel, " ", this.unit)),
      this.equations, this.activeHead, this.active, pane.source.offline ? null : this.ask, this.found);
    this.asked = 0;
  }

  words() {
    this.nameLabel.textContent = say("value");
    this.unitLabel.textContent = say("unit");
    this.activeHead.textContent = say("stand_out");
    this.ask.textContent = say("find_contexts");
    this.equations.setAttribute("aria-label", say("equations"));
  }

  async show() {
    const { known, reading, layer, selected, info } = this.pane;
    if (!layer) return;
    this.name.replaceChildren(...layer.values.map(({ name }) => el("option", { value: name, text: name })));
    this.name.value = selected.name;
    this.unit.max = layer.values.find(({ name }) => name === selected.name).units - 1;
    this.unit.value = selected.unit;
    const key = `${layer.key}/${selected.name}/${selected.unit}`;
    if (key !== this.contextsOf) this.found.replaceChildren();
    this.contextsOf = key;
    const asked = ++this.asked;
    const [step, active] = await Promise.all([
      known.step(reading.reading, layer.key, selected.unit, selected.step),
      known.active(reading.reading, layer.key, selected.step),
    ]);
    if (asked !== this.asked) return;
    this.#equations(info.cells[layer.stack], step, layer, selected);
    this.active.replaceChildren(...active.map((each) => el("li", {}, el("button", {
      onclick: () => this.pane.pick({ strip: each.strip, name: each.name, unit: each.unit }),
      title: say("deviations", { score: short(each.score, 1) }),
    }, `${each.strip.replace(/^stack\./, "")} ${each.name} ${each.unit}: ${short(each.value, 2)}`))));
  }

  #equations(cell, step, layer, selected) {
    const rows = cell.equations.map((line) => {
      const name = line.slice(0, line.indexOf("["));
      return el("tr", { class: name === selected.name ? "here" : null },
        el("td", {}, el("code", { text: line })), el("td", { class: "n", text: short(step.values[name]) }));
    });
    const before = Object.entries(step.before).filter(([, value]) => value !== null);
    const states = before.map(([name, value]) => el("tr", { class: "quiet" },
      el("td", {}, el("code", { text: `${name}[${layer.direction ? "t+1" : "t-1"}]` })), el("td", { class: "n", text: short(value) })));
    this.equations.replaceChildren(
      el("table", { class: "equations" }, el("caption", { text: `${cell.title} · ${say("at_step", { unit: selected.unit, step: selected.step + 1 })}` }),
        el("tbody", {}, states, rows)));
  }

  #typed() {
    this.pane.pick({ name: this.name.value, unit: Math.max(0, Math.min(Number(this.unit.value) || 0, Number(this.unit.max))) });
  }

  /** Asks again until the training text has been read. */
  async #contexts() {
    const { source, run, layer, selected } = this.pane;
    const key = this.contextsOf;
    for (;;) {
      const found = await source.contexts(run, layer.key, selected.name, selected.unit);
      if (key !== this.contextsOf) return;
      this.#places(found);
      if (found.done) return;
      await new Promise((go) => setTimeout(go, 500));
    }
  }

  #places({ share, done, problem, steps, highest, lowest }) {
    const list = (head, rows) => rows.length ? [el("h4", { text: head }), el("ol", {}, rows.map(({ value, tokens, at }) => {
      const spaced = tokens.some((token) => token.length > 1) && !tokens.some((token) => token.startsWith(" "));
      const words = tokens.map((token, k) => el(k === at ? "mark" : "span", { text: shownToken(token) + (spaced ? " " : "") }));
      return el("li", {}, el("span", { class: "n", text: short(value, 2) }), " ", el("span", { class: "context" }, words));
    }))] : [];
    const head = problem || (done ? say("contexts_of", { steps }) : say("contexts_reading", { percent: Math.round(100 * share) }));
    this.found.replaceChildren(el("p", { class: "quiet", text: head }),
      ...list(say("highest"), highest), ...list(say("lowest"), lowest));
  }
}
