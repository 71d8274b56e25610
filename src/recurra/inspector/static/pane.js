// One run: what it says, the text in colours, what it thinks at each step, its gates and states, one unit of it.
import { answerOf } from "./answer.js";
import { el, largestOf, shadeOf, shownToken } from "./dom.js";
import { forgettingOf } from "./forgetting.js";
import { HeatMap } from "./heat.js";
import { Known, unpacked } from "./known.js";
import { networkOf } from "./network.js";
import { metric, say } from "./strings.js";
import { ThoughtTable } from "./thoughts.js";
import { TokenText } from "./tokens.js";
import { UnitPanel } from "./unit.js";
import { WritePanel } from "./write.js";

export class Pane {
  /** page: {source, text(), condition(), takeOver(text)} */
  constructor(page, run, info) {
    Object.assign(this, { page, source: page.source, run, info, reading: null, layer: null, colour: "thoughts", follows: true });
    this.selected = { name: "", unit: 0, step: 0 };
    this.tokens = new TokenText((step) => this.pick({ step }));
    this.known = new Known(this.source, run);
    this.heat = new HeatMap((...asked) => this.source.values(run, ...asked), (found) => this.pick(found));
    this.thoughts = new ThoughtTable((...asked) => this.known.thoughts(...asked), (step) => this.pick({ step }));
    this.unit = new UnitPanel(this);
    this.#build();
  }

  #build() {
    const { info, run } = this;
    const number = `pane${run}`;
    const section = (key, ...children) => {
      const id = `${number}-${key}`;
      const head = el("h3", { id, "data-s": `head_${key}` });
      return el("section", { class: `card ${key}`, "aria-labelledby": id }, head, ...children);
    };
    const choice = (key, onchange) => {
      const select = el("select", { onchange: () => onchange(select.value) });
      return [select, el("label", {}, el("span", { "data-s": key }), " ", select)];
    };
    [this.views, this.viewLabel] = choice("shown_tokens", (value) => this.#view(Number(value)));
    [this.colours, this.colourLabel] = choice("colour_by", (value) => {
      this.colour = value;
      this.#colour();
    });
    [this.layers, this.layerLabel] = choice("layer", (value) => this.pick({ strip: value }));
    this.names = el("fieldset", { class: "row names" });
    this.here = el("p", { class: "quiet", "aria-live": "polite" });
    this.answers = el("div");
    this.forgetting = el("div");
    this.forgettingSection = section("forgetting", this.forgetting);
    this.forgettingSection.hidden = true;
    this.thoughtSection = section("thoughts", this.thoughts.element);
    this.network = el("div");
    this.details = el("details", { class: "card", ontoggle: () => this.#network() }, el("summary", { "data-s": "head_network" }), this.network);
    this.about = el("p", { class: "quiet" });
    this.writing = info.writes && !this.source.offline ? new WritePanel(this) : null;
    this.element = el("article", { class: "pane", "aria-labelledby": `${number}-name` },
      el("header", {}, el("h2", { id: `${number}-name`, text: info.name }),
        this.about),
      el("div", { class: "columns" },
        el("div", {},
          section("answer", this.answers),
          section("text", el("div", { class: "row" }, this.viewLabel, this.colourLabel), this.tokens.element, this.here),
          this.thoughtSection, this.forgettingSection,
          this.writing ? section("write", this.writing.element) : null),
        el("div", {},
          section("heat", el("div", { class: "row" }, this.layerLabel), this.names, this.heat.element),
          section("unit", this.unit.element))),
      this.details);
  }

  /** All that has words, in the language that is spoken now. */
  words() {
    for (const element of this.element.querySelectorAll("[data-s]")) element.textContent = say(element.dataset.s);
    const { task, data, parameters, scores } = this.info;
    const said = scores.map(({ name, short, value }) => `${metric(name, short)} ${value}`);
    this.about.textContent = [say(`task_${task}`), data, parameters.toLocaleString("en"), ...said].join(" · ");
    this.unit.words();
    this.writing?.words();
    this.tokens.element.setAttribute("aria-label", say("text_keys"));
    this.network.replaceChildren();
    this.heat.said.textContent = ""; // in the language before
    if (this.details.open) this.#network();
    if (this.reading) this.show(this.reading);
  }

  /** What is shown, so that an answer brings all of it; nothing where other tokens than the layer's are shown. */
  look() {
    if (this.source.offline) return null;
    if (this.layer && this.viewPlace !== this.layer.view) return null;
    const { name, unit, step } = this.selected;
    const strip = this.layer?.key ?? null;
    const colour = this.colour === "difference" ? "none" : this.colour;
    return {
      strip, name: name || null, names: this.heat.names, unit, step, follows: this.follows, colour,
      columns: this.heat.capacity(), start: this.heat.from, thoughts: this.thoughts.columns(),
      coloured: this.known.colouredBy(colour === "unit" ? `unit/${strip}/${name}/${unit}` : "column"),
      values: this.heat.values.reading,
    };
  }

  /** A server's answer, which makes a new reading or goes on with one. */
  take(found) {
    const reading = this.known.take(found, this.reading);
    const { look } = reading;
    const { values } = this.heat;
    values.begin(reading.reading, look && values.reading === (found.before === undefined ? found.reading : found.before) ? look.kept : 0);
    if (look) {
      const { values: some, strip } = look;
      const layer = reading.strips.find(({ key }) => key === strip);
      const units = some.names.map((name) => layer.values.find((each) => each.name === name).units);
      values.put(strip, some.names, units, some.start, some.stop, unpacked(some.data));
    }
    this.show(reading);
  }

  /** A reading, new or gone on with. */
  show(reading) {
    this.reading = reading;
    const known = reading.strips.find(({ key }) => key === this.layer?.key);
    if (reading.strips.length) this.layer = known ?? reading.strips[reading.strips.length - 1];
    this.viewPlace = this.viewPlace < reading.views.length ? this.viewPlace : (this.layer?.view ?? 0);
    if (!this.layer) return;
    if (!this.layer.values.some(({ name }) => name === this.selected.name)) {
      this.selected = { name: this.layer.states[0], unit: 0, step: this.selected.step };
    }
    const read = this.#read();
    const last = Math.max(0, read - 1);
    const whole = reading.read === reading.total;
    this.selected.step = this.follows && whole ? last : Math.min(this.selected.step, last);
    this.#choices();
    this.tokens.show(this.#tokens(), read);
    this.#colour();
    this.#selected();
    if (whole) this.#answer();
  }

  /** A step, a unit or a layer, whichever are given. */
  pick({ step, unit, name, strip }) {
    if (strip !== undefined) this.layer = this.reading.strips.find(({ key }) => key === strip);
    if (this.layer.view !== this.viewPlace && (strip !== undefined || name !== undefined)) {
      this.viewPlace = this.layer.view;
      this.selected.step = Math.min(this.selected.step, Math.max(0, this.#read() - 1));
    }
    if (step !== undefined) {
      this.selected.step = step;
      this.follows = step >= this.#read() - 1; // what is typed at the end is looked at as it is typed
    }
    if (unit !== undefined) this.selected.unit = unit;
    if (name !== undefined) this.selected.name = name;
    const value = this.layer.values.find((each) => each.name === this.selected.name) ?? this.layer.values[0];
    this.selected.name = value.name;
    this.selected.unit = Math.min(this.selected.unit, value.units - 1);
    if (unit !== undefined || name !== undefined) this.colour = "unit";
    this.#choices();
    this.tokens.show(this.#tokens(), this.#read());
    if (step === undefined || unit !== undefined) this.#colour();
    this.#selected();
  }

  /** reference: the number of the reading to compare with, null to stop */
  async compare(reference) {
    this.reference = reference;
    this.forgettingSection.hidden = reference === null;
    if (reference === null || this.reading.read < this.reading.total) return;
    const { reading, strips } = this.reading;
    const found = await Promise.all(strips.map(async ({ key }) => [key, await this.source.difference(this.run, reading, reference, key)]));
    if (this.reading.reading !== reading) return;
    this.distances = Object.fromEntries(found);
    this.forgetting.replaceChildren(...forgettingOf(this.distances));
    this.#choices();
    if (this.colour === "difference") this.#colour();
  }

  #tokens() {
    return this.reading.views[this.viewPlace];
  }

  /** Steps of the view that have been read. */
  #read() {
    const tokens = this.#tokens();
    return this.reading.read < this.reading.total ? Math.min(this.reading.read, tokens.length) : tokens.length;
  }

  #view(place) {
    this.viewPlace = place;
    const own = this.reading.strips.find(({ view }) => view === place);
    if (own && this.layer.view !== place) this.layer = own;
    this.selected.step = Math.min(this.selected.step, Math.max(0, this.#read() - 1));
    this.pick({});
    this.#colour();
  }

  #choices() {
    const options = (select, rows, value) => {
      select.replaceChildren(...rows.map(([key, words]) => el("option", { value: key, text: words })));
      select.value = value;
    };
    const { views, strips, thoughts } = this.reading;
    options(this.views, views.map((tokens, place) => [place, `${place + 1}: ${tokens.slice(0, 4).map(shownToken).join(" ")} …`]), this.viewPlace);
    this.viewLabel.hidden = views.length < 2;
    options(this.layers, strips.map(({ key, cell }) => [key, `${key} (${cell})`]), this.layer.key);
    const thinks = thoughts && thoughts.view === this.viewPlace;
    const rows = [...(thinks ? [["thoughts", say("by_thoughts")]] : []), ["unit", say("by_unit", this.selected)],
      ...(this.reference !== null && this.reference !== undefined ? [["difference", say("by_difference")]] : []), ["none", say("by_none")]];
    if (!rows.some(([key]) => key === this.colour)) this.colour = rows[0][0];
    options(this.colours, rows, this.colour);
    const hidden = this.hiddenNames ??= new Set();
    const key = `${this.layer.key}${say("values_shown")}`;
    if (this.namesOf !== key) {
      this.namesOf = key;
      this.names.replaceChildren(el("legend", { class: "quiet", text: say("values_shown") }), ...this.layer.values.map(({ name }) =>
        el("label", {}, el("input", { type: "checkbox", checked: !hidden.has(name), onchange: (event) => {
          if (event.target.checked) hidden.delete(name);
          else if (hidden.size < this.layer.values.length - 1) hidden.add(name);
          else event.target.checked = true;
          this.#heat();
        } }), ` ${name}`)));
    }
  }

  #heat() {
    let names = this.layer.values.map(({ name }) => name).filter((name) => !this.hiddenNames.has(name));
    if (!names.length) names = [this.layer.values[0].name];
    const { read, total, views } = this.reading;
    const tokens = views[this.layer.view];
    this.heat.show(this.layer, names, tokens, read < total ? read : tokens.length);
    this.heat.select(this.selected);
  }

  #selected() {
    const { step } = this.selected;
    const tokens = this.#tokens();
    this.tokens.select(step);
    this.#heat();
    this.unit.show().catch((error) => this.page.problem(error));
    const { thoughts, reading } = this.reading;
    this.thoughtSection.hidden = !thoughts || thoughts.view !== this.viewPlace;
    if (!this.thoughtSection.hidden) {
      this.thoughts.show(reading, tokens, this.#read(), step, this.info.writes).catch((error) => this.page.problem(error));
    }
    this.here.textContent = say("here", { step: step + 1, all: tokens.length, token: shownToken(tokens[step] ?? "") });
  }

  async #colour() {
    const { reading } = this.reading;
    const { layer, selected, colour } = this;
    const shade = (values, sign = 1) => this.tokens.colour((step) => (values && step < values.length ? shadeOf(sign * (values[step] ?? NaN), this.largest) : ""));
    this.largest = 1;
    if (colour === "difference") {
      const values = this.distances?.[layer.key]?.values;
      this.largest = values ? largestOf(values, 1e-9) : 1;
      shade(values, -1);
    } else if (colour === "unit" && layer.view === this.viewPlace) {
      const values = await this.known.unit(reading, layer.key, selected.name, selected.unit);
      if (reading !== this.reading.reading) return;
      this.largest = largestOf(values.map(Math.abs), 1);
      shade(values);
    } else if (colour === "thoughts") {
      const values = await this.known.column(reading);
      if (reading === this.reading.reading) shade(values);
    } else this.tokens.colour(() => "");
  }

  async #answer() {
    const { reading } = this.reading;
    try {
      const found = answerOf(await this.known.answer(reading));
      if (reading !== this.reading.reading) return;
      this.answers.replaceChildren(...found);
      this.answers.parentElement.hidden = !found.length;
    } catch (error) {
      this.page.problem(error);
    }
  }

  async #network() {
    if (!this.details.open || this.network.childElementCount) return;
    this.network.replaceChildren(...networkOf(this.info, await this.source.drawings(this.run)));
  }
}
