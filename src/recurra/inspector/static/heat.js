// Every unit of some values over the steps: a canvas that fetches what is seen of it.
import { el, inks, onceAFrame, short, shownToken, sized } from "./dom.js";
import { say } from "./strings.js";
import { Values } from "./values.js";

const ROW = 7;
const LEFT = 42;
const BETWEEN = 8;
const SETTLED = 80; // milliseconds after which a scroll has come to rest

export class HeatMap {
  /** ask: as that of `Values`; pick: hears {name, unit, step} */
  constructor(ask, pick) {
    this.pick = pick;
    this.values = new Values(ask, () => this.draw());
    this.layer = null;
    this.names = [];
    this.from = 0;
    this.top = 0;
    this.scrolled = -SETTLED;
    this.selected = { name: "", unit: 0, step: 0 };
    this.canvas = el("canvas", { role: "img" });
    this.frame = el("div", { class: "heat", tabindex: "0", role: "group" }, this.canvas);
    this.steps = el("input", { type: "range", min: "0", step: "1" });
    this.units = el("input", { type: "range", min: "0", step: "1" });
    this.stepsLabel = el("span");
    this.unitsLabel = el("span");
    this.said = el("p", { class: "quiet said", "aria-live": "polite" });
    this.element = el("div", {}, this.frame,
      el("div", { class: "row" },
        el("label", {}, this.stepsLabel, " ", this.steps), el("label", {}, this.unitsLabel, " ", this.units)),
      this.said);
    this.draw = onceAFrame(() => this.#draw());
    this.steps.addEventListener("input", () => this.#scroll(Number(this.steps.value), this.top));
    this.units.addEventListener("input", () => this.#scroll(this.from, Number(this.units.value)));
    this.canvas.addEventListener("click", (event) => this.#at(event, (found) => this.pick(found)));
    this.canvas.addEventListener("mousemove", (event) => this.#at(event, (found) => this.#say(found)));
    this.frame.addEventListener("wheel", (event) => {
      if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      event.preventDefault();
      this.#scroll(this.from + Math.sign(event.deltaX) * Math.ceil(Math.abs(event.deltaX) / this.column), this.top);
    }, { passive: false });
    this.frame.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(this.draw).observe(this.frame);
  }

  /** layer: as the reading describes it; names: values to draw; tokens: of its steps; read: how many there are */
  show(layer, names, tokens, read) {
    this.layer = layer;
    this.names = names;
    this.tokens = tokens;
    this.read = Math.min(read, tokens.length);
    this.draw();
  }

  select(selected) {
    this.selected = selected;
    const seen = this.columns || 1;
    if (selected.step < this.from || selected.step >= this.from + seen) {
      this.from = Math.max(0, selected.step - Math.floor(seen / 2));
    }
    if (selected.unit < this.top || selected.unit >= this.top + (this.rows || 1)) {
      this.top = Math.max(0, selected.unit - Math.floor((this.rows || 1) / 2));
    }
    this.draw();
  }

  /** Steps that there is room for at most. */
  capacity() {
    return Math.min(1024, Math.ceil(Math.max(0, this.frame.clientWidth - LEFT) / 12) || 60);
  }

  /** A value as it was fetched, undefined if it is not there yet. */
  value(name, unit, step) {
    const found = this.values.at(this.layer.key, name, step);
    return found ? (found.data[found.from + unit] * found.scale) / 127 : undefined;
  }

  #units(name) {
    return this.layer.values.find((each) => each.name === name).units;
  }

  #draw() {
    const width = this.frame.clientWidth;
    if (!this.layer || !width) return;
    const wide = Math.max(...this.tokens.slice(this.from, this.from + 120).map((token) => token.length), 1) > 2;
    const head = wide ? 66 : 18;
    const room = width - LEFT - 1;
    this.column = Math.min(28, Math.max(wide ? 16 : 12, Math.floor(room / Math.max(1, this.read))));
    this.columns = Math.max(1, Math.min(this.read, Math.floor(room / this.column)));
    this.from = Math.min(Math.max(0, this.from), Math.max(0, this.read - this.columns));
    const most = Math.max(...this.names.map((name) => this.#units(name)), 1);
    this.rows = Math.min(most, Math.max(10, Math.floor(300 / this.names.length / ROW)));
    this.top = Math.min(Math.max(0, this.top), most - this.rows);
    this.blocks = [];
    let y = head;
    for (const name of this.names) {
      const units = this.#units(name);
      const rows = units === 1 ? 1 : Math.min(this.rows, units);
      this.blocks.push({ name, y, rows, top: units === 1 ? 0 : Math.min(this.top, units - rows), units });
      y += rows * ROW + BETWEEN;
    }
    this.canvas.style.width = "";
    const context = sized(this.canvas, width, y);
    this.#fetch();
    this.#paint(context, width, y, head, wide);
    this.#controls(most);
  }

  #paint(context, width, height, head, wide) {
    const colours = inks();
    context.clearRect(0, 0, width, height);
    context.font = "12px ui-monospace, Menlo, Consolas, monospace";
    context.fillStyle = colours.muted;
    const stop = Math.min(this.read, this.from + this.columns);
    for (let step = this.from; step < stop; step++) {
      const x = LEFT + (step - this.from + 0.5) * this.column;
      context.fillStyle = step === this.selected.step ? colours.ink : colours.muted;
      context.save();
      context.translate(x, head - 5);
      if (wide) context.rotate(-Math.PI / 2);
      context.textAlign = wide ? "left" : "center";
      context.fillText(shownToken(this.tokens[step]).slice(0, 8), 0, wide ? 4 : 0);
      context.restore();
    }
    for (const block of this.blocks) this.#block(context, block, stop, colours);
    const x = LEFT + (this.selected.step - this.from) * this.column;
    if (this.selected.step >= this.from && this.selected.step < stop) {
      context.strokeStyle = colours.ink;
      context.strokeRect(x + 0.5, head - 0.5, this.column - 1, height - head - BETWEEN + 1);
    }
  }

  #block(context, block, stop, colours) {
    const { name, y, rows, top, units } = block;
    context.globalAlpha = 1;
    context.fillStyle = colours.ink;
    context.textAlign = "right";
    context.fillText(name.slice(0, 5), LEFT - 6, y + (rows * ROW) / 2 + 4);
    const steps = [];
    for (let step = this.from; step < stop; step++) steps.push(this.values.at(this.layer.key, name, step));
    const largest = steps.reduce((most, found) => Math.max(most, found?.scale ?? 1), 1);
    for (const [colour, sign] of [[colours.blue, 1], [colours.orange, -1]]) { // a change of colour costs more than a cell
      context.fillStyle = colour;
      steps.forEach((found, place) => {
        if (!found) return;
        const x = LEFT + place * this.column;
        const share = (sign * found.scale) / largest / 127;
        for (let unit = 0; unit < rows; unit++) {
          const shade = found.data[found.from + top + unit] * share;
          if (shade < 0.02) continue; // cannot be seen
          context.globalAlpha = shade;
          context.fillRect(x, y + unit * ROW, this.column - 1, ROW - 1);
        }
      });
    }
    context.globalAlpha = 1;
    context.strokeStyle = colours.line;
    context.strokeRect(LEFT - 0.5, y - 0.5, this.columns * this.column, rows * ROW);
    if (name === this.selected.name && this.selected.unit >= top && this.selected.unit < top + rows) {
      context.strokeStyle = colours.ink;
      context.strokeRect(LEFT - 0.5, y + (this.selected.unit - top) * ROW - 1, this.columns * this.column, ROW + 1);
    }
  }

  /** Fetches what is seen and is not there, once a scroll has come to rest: what only passes by is not fetched. */
  #fetch() {
    if (performance.now() - this.scrolled < SETTLED) {
      clearTimeout(this.later);
      this.later = setTimeout(this.draw, SETTLED);
      return;
    }
    const stop = Math.min(this.read, this.from + this.columns);
    this.values.want(this.layer.key, this.names, this.names.map((name) => this.#units(name)), this.from, stop);
  }

  #controls(most) {
    this.steps.max = Math.max(0, this.read - this.columns);
    this.steps.value = this.from;
    this.units.max = Math.max(0, most - this.rows);
    this.units.value = this.top;
    const first = this.from + 1;
    this.stepsLabel.textContent = say("steps_shown", { first, last: this.from + this.columns, all: this.read });
    this.unitsLabel.textContent = say("units_shown", { first: this.top, last: this.top + this.rows - 1, all: most });
    this.canvas.setAttribute("aria-label", say("heat_label", {
      names: this.names.join(", "), layer: this.layer.key, first, last: this.from + this.columns,
    }));
    this.frame.setAttribute("aria-label", say("heat_keys"));
  }

  #scroll(from, top) {
    this.scrolled = performance.now();
    this.from = from;
    this.top = top;
    this.draw();
  }

  #at(event, then) {
    const step = this.from + Math.floor((event.offsetX - LEFT) / this.column);
    const block = this.blocks.find(({ y, rows }) => event.offsetY >= y && event.offsetY < y + rows * ROW);
    if (!block || event.offsetX < LEFT || step >= this.read) return;
    then({ name: block.name, unit: block.top + Math.floor((event.offsetY - block.y) / ROW), step });
  }

  #say({ name, unit, step }) {
    const value = this.value(name, unit, step);
    this.said.textContent = say("value_at", {
      name, unit, step: step + 1, token: shownToken(this.tokens[step]), value: short(value),
    });
  }

  #key(event) {
    if (event.target !== this.frame || event.altKey || event.ctrlKey || event.metaKey) return;
    const moves = {
      ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], PageUp: [-10, 0], PageDown: [10, 0],
    };
    const { name, unit, step } = this.selected;
    let next = null;
    if (event.key in moves) {
      const [down, right] = moves[event.key];
      const most = this.#units(name) - 1;
      next = { name, unit: Math.min(Math.max(unit + down, 0), most), step: step + right };
      next.step = Math.min(Math.max(next.step, 0), this.read - 1);
    } else if (event.key === "n" || event.key === "p") {
      const place = this.names.indexOf(name) + (event.key === "n" ? 1 : this.names.length - 1);
      const other = this.names[place % this.names.length];
      next = { name: other, unit: Math.min(unit, this.#units(other) - 1), step };
    }
    if (!next) return;
    event.preventDefault();
    this.pick(next);
    this.#say(next);
  }
}
