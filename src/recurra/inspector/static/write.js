// A text that is written token by token; at each step another candidate can be chosen, from which it goes on.
import { el, shadeOf, short, shownToken } from "./dom.js";
import { say } from "./strings.js";

export class WritePanel {
  /** pane: {source, run, page: {text(), condition(), takeOver(text)}} */
  constructor(pane) {
    this.pane = pane;
    this.steps = [];
    this.at = -1;
    this.warm = el("input", { type: "range", min: "0", max: "2", step: "0.05", value: "0.8", oninput: () => this.words() });
    this.kept = el("input", { type: "number", min: "1", step: "1", placeholder: "–" });
    this.length = el("input", { type: "number", min: "1", max: "2000", step: "1", value: "200" });
    this.labels = { warm: el("span"), kept: el("span"), length: el("span") };
    this.go = el("button", { class: "main", onclick: () => this.#write() });
    this.one = el("button", { onclick: () => this.#write({ length: 1, more: true }) });
    this.stop = el("button", { onclick: () => this.#stopped(), disabled: true });
    this.take = el("button", { onclick: () => pane.page.takeOver(this.prompt + this.written()) });
    this.out = el("div", { class: "written", tabindex: "0", role: "group", onkeydown: (event) => this.#key(event) });
    this.out.addEventListener("click", (event) => {
      if (event.target.dataset.i !== undefined) this.#select(Number(event.target.dataset.i));
    });
    this.choiceHead = el("p", { class: "quiet" });
    this.choices = el("ul", { class: "buttons" });
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.element = el("div", {},
      el("div", { class: "row" }, el("label", {}, this.labels.warm, " ", this.warm),
        el("label", {}, this.labels.kept, " ", this.kept), el("label", {}, this.labels.length, " ", this.length)),
      el("div", { class: "row" }, this.go, this.stop, this.one, this.take),
      this.problem, this.out, this.choiceHead, this.choices);
  }

  words() {
    this.labels.warm.textContent = say("temperature", { value: Number(this.warm.value).toFixed(2) });
    this.labels.kept.textContent = say("top_k");
    this.labels.length.textContent = say("length");
    this.go.textContent = say("write");
    this.one.textContent = say("write_one");
    this.stop.textContent = say("stop");
    this.take.textContent = say("take_over");
    this.out.setAttribute("aria-label", say("written"));
    if (this.at >= 0) this.#select(this.at);
  }

  written(until = this.steps.length) {
    return this.steps.slice(0, until).map(({ piece }) => piece).join("");
  }

  /** more: behind what has been written already; first: the token to begin with */
  async #write({ length = Number(this.length.value) || 200, more = false, first = null } = {}) {
    this.#stopped();
    if (!more) {
      this.steps = [];
      this.prompt = this.pane.page.text();
      this.out.replaceChildren(el("span", { class: "quiet", text: this.prompt.slice(-300) }));
    } else this.prompt ??= this.pane.page.text();
    const control = new AbortController();
    this.control = control;
    this.stop.disabled = false;
    this.problem.hidden = true;
    const asked = {
      run: this.pane.run, text: this.prompt + this.written(), condition: this.pane.page.condition(),
      temperature: Number(this.warm.value), top_k: Number(this.kept.value) || null, length, first,
    };
    try {
      await this.pane.source.write(asked, (step) => this.#hear(step, control), control.signal);
    } catch (error) {
      if (control.signal.aborted) return;
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
    if (this.control === control) this.stop.disabled = true;
  }

  #hear(step, control) {
    if (control !== this.control) return;
    this.steps.push(step);
    const own = step.candidates.find(([id]) => id === step.id);
    const seen = step.piece.replaceAll("\n", "⏎\n"); // an end of a line alone has no width to be clicked on
    this.out.append(el("span", {
      class: "t", "data-i": this.steps.length - 1, text: seen || (step.name === "</s>" ? "⏹" : ""),
      style: { backgroundColor: shadeOf(own ? own[2] : 0) },
    }));
    this.out.scrollTop = this.out.scrollHeight;
    this.#select(this.steps.length - 1);
  }

  #select(at) {
    this.at = at;
    this.out.querySelector(".here")?.classList.remove("here");
    this.out.querySelector(`[data-i="${at}"]`)?.classList.add("here");
    const step = this.steps[at];
    this.choiceHead.textContent = say("choose", { step: at + 1, token: shownToken(step.name) });
    this.choices.replaceChildren(...step.candidates.map(([id, name, chance]) => el("li", {},
      el("button", { class: id === step.id ? "chosen" : null, "aria-pressed": String(id === step.id), onclick: () => this.#choose(at, id) },
        `${shownToken(name)} ${short(chance, 2)}`))));
  }

  /** Another token in the place of one, and what follows from it. */
  #choose(at, id) {
    const length = Math.max(1, this.steps.length - at);
    this.#stopped();
    this.steps.length = at;
    for (const span of [...this.out.querySelectorAll("[data-i]")]) if (Number(span.dataset.i) >= at) span.remove();
    this.at = -1;
    this.#write({ length, more: true, first: id });
  }

  #stopped() {
    this.control?.abort();
    this.control = null;
    this.stop.disabled = true;
  }

  #key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || !this.steps.length) return;
    event.preventDefault();
    this.#select(Math.min(Math.max(this.at + move, 0), this.steps.length - 1));
  }
}
