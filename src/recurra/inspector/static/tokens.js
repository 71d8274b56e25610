// A text as its tokens, coloured: of a long one only the lines that are seen are there.
import { el, onceAFrame, shownToken } from "./dom.js";

const LINE = 30; // pixels
const SPARE = 6; // lines above and below

export class TokenText {
  /** pick: hears the step that was chosen */
  constructor(pick) {
    this.pick = pick;
    this.tokens = [];
    this.lines = [];
    this.rows = new Map();
    this.widths = new Map();
    this.step = 0;
    this.read = 0;
    this.shade = () => "";
    this.space = el("div", { class: "space" });
    this.element = el("div", { class: "tokens", tabindex: "0", role: "group" }, this.space);
    this.draw = onceAFrame(() => this.#draw());
    this.element.addEventListener("scroll", this.draw);
    this.element.addEventListener("click", (event) => {
      const at = event.target.dataset?.i;
      if (at !== undefined) this.pick(Number(at));
    });
    this.element.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => {
      if (this.element.clientWidth !== this.width) this.#layOut();
    }).observe(this.element);
  }

  /** read: tokens that have been read; the others stand in grey */
  show(tokens, read) {
    const same = tokens === this.tokens;
    this.tokens = tokens;
    this.read = read;
    if (!same) this.#layOut();
    this.draw();
  }

  /** shade: of a step, the colour behind it */
  colour(shade) {
    this.shade = shade;
    this.draw();
  }

  select(step, reveal = true) {
    this.step = step;
    const line = this.#lineOf(step);
    const top = line * LINE;
    const { scrollTop, clientHeight } = this.element;
    if (reveal && (top < scrollTop || top + LINE > scrollTop + clientHeight)) {
      this.element.scrollTop = Math.max(0, top - clientHeight / 2);
    }
    this.draw();
  }

  #layOut() {
    this.width = this.element.clientWidth;
    if (!this.width) return;
    if (!this.measure) {
      const style = getComputedStyle(this.element);
      this.measure = document.createElement("canvas").getContext("2d");
      this.measure.font = `${style.fontSize} ${style.fontFamily}`;
    }
    const { widths, measure } = this;
    const spaced = this.tokens.some((token) => token.length > 1 && token.startsWith(" "));
    const letters = this.tokens.every((token) => token.length === 1 || [...token].length === 1 || token.startsWith("<"));
    this.gap = spaced || letters ? 0 : 6;
    const room = this.width - 16;
    this.lines = [0];
    let x = 0;
    this.tokens.forEach((token, step) => {
      let width = widths.get(token);
      if (width === undefined) {
        width = measure.measureText(shownToken(token)).width;
        widths.set(token, width);
      }
      width += this.gap;
      if (x + width > room && x > 0) {
        this.lines.push(step);
        x = 0;
      }
      x += width;
      if (token === "\n" && step + 1 < this.tokens.length) {
        this.lines.push(step + 1);
        x = 0;
      }
    });
    this.space.style.height = `${this.lines.length * LINE}px`;
    this.draw();
  }

  #lineOf(step) {
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.lines[middle] <= step) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Lines that were there stay, and of their tokens only what is new is set. */
  #draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / LINE) - SPARE);
    const last = Math.min(this.lines.length, Math.ceil((scrollTop + clientHeight) / LINE) + SPARE);
    const kept = new Map();
    const unused = [];
    for (const [line, row] of this.rows) {
      if (line >= first && line < last) kept.set(line, row);
      else unused.push(row);
    }
    for (let line = first; line < last && this.tokens.length; line++) {
      let row = kept.get(line);
      if (!row) {
        row = unused.pop() ?? { element: el("div", { class: "line" }), spans: [] };
        kept.set(line, row);
        row.element.style.top = `${line * LINE}px`;
        if (!row.element.isConnected) this.space.append(row.element);
      }
      this.#line(row, this.lines[line], line + 1 < this.lines.length ? this.lines[line + 1] : this.tokens.length);
    }
    if (!this.tokens.length) kept.forEach((row) => unused.push(row));
    for (const row of unused) row.element.remove();
    this.rows = this.tokens.length ? kept : new Map();
  }

  #line(row, start, stop) {
    const { spans, element } = row;
    while (spans.length > stop - start) spans.pop().element.remove();
    for (let step = start; step < stop; step++) {
      let span = spans[step - start];
      if (!span) {
        span = { element: el("span"), token: null, step: -1, kind: "", colour: "", gap: 0 };
        spans.push(span);
        element.append(span.element);
      }
      const token = this.tokens[step];
      if (span.token !== token) span.element.textContent = shownToken((span.token = token));
      if (span.step !== step) span.element.dataset.i = span.step = step;
      const kind = `t${step === this.step ? " here" : ""}${step >= this.read ? " unread" : ""}`;
      if (span.kind !== kind) span.element.className = span.kind = kind;
      const colour = step < this.read ? this.shade(step) : "";
      if (span.colour !== colour) span.element.style.backgroundColor = span.colour = colour;
      if (span.gap !== this.gap) span.element.style.marginRight = `${(span.gap = this.gap)}px`;
    }
  }

  #key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const line = this.#lineOf(this.step);
    const beside = (other) => {
      const start = this.lines[Math.min(Math.max(other, 0), this.lines.length - 1)];
      return start + (this.step - this.lines[line]);
    };
    const steps = {
      ArrowRight: this.step + 1, ArrowLeft: this.step - 1, ArrowUp: beside(line - 1), ArrowDown: beside(line + 1),
      Home: 0, End: this.read - 1, PageDown: this.step + 50, PageUp: this.step - 50,
    };
    if (!(event.key in steps)) return;
    event.preventDefault();
    this.pick(Math.min(Math.max(steps[event.key], 0), Math.max(0, this.read - 1)));
  }
}

/** Where each token stands in a text: [start, stop], null where it cannot be found. */
export function placesIn(text, tokens) {
  const whole = text.toLowerCase();
  let from = 0;
  return tokens.map((token) => {
    const wanted = (token.trim() || token).toLowerCase();
    const at = whole.indexOf(wanted, from);
    if (at < 0 || at > from + 40) return null;
    from = at + wanted.length;
    return [at, from];
  });
}
