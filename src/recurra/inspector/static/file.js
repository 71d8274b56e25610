// What a page that is a file knows: some inputs, read before, and nothing that needs the network again.
import { unpacked } from "./known.js";

export class File {
  offline = true;

  constructor(content) {
    this.content = content;
  }

  strings(language) {
    return this.content.strings[language];
  }

  runs() {
    return this.content.runs;
  }

  drawings(run) {
    return this.content.drawings[run];
  }

  inputs() {
    return this.content.inputs;
  }

  read(asked) {
    return this.content.readings[asked.run][asked.input].document;
  }

  answer(run, reading) {
    return this.#of(run, reading).answer;
  }

  thoughts(run, reading, start, stop, top) {
    return this.#of(run, reading).thoughts.slice(start, stop).map((row) => row.slice(0, top));
  }

  column(run, reading) {
    const found = this.#of(run, reading).column;
    return found && Float32Array.from(found, (value) => (value === null ? NaN : value));
  }

  values(run, reading, strip, names, units, start, stop) {
    const blocks = names.map((name) => this.#block(run, reading, strip, name));
    const time = stop - start;
    const made = new Uint8Array(blocks.reduce((sum, { units }) => sum + time * (4 + units), 0));
    blocks.forEach(({ scales }, place) => new Float32Array(made.buffer, 4 * place * time, time).set(scales.subarray(start, stop)));
    let at = 4 * time * blocks.length;
    for (const { data, units } of blocks) {
      made.set(new Uint8Array(data.buffer, data.byteOffset + start * units, time * units), at);
      at += time * units;
    }
    return made.buffer;
  }

  unit(run, reading, strip, name, unit) {
    const { scales, data, units } = this.#block(run, reading, strip, name);
    return scales.map((scale, k) => (data[k * units + unit] * scale) / 127);
  }

  step(run, reading, strip, unit, step) {
    const layer = this.#layer(run, reading, strip);
    const at = (name, when) => {
      const { scales, data, units } = this.#block(run, reading, strip, name);
      const value = data[when * units + (unit < units ? unit : 0)];
      return when < 0 || value === undefined ? null : (value * scales[when]) / 127;
    };
    const before = layer.direction ? step + 1 : step - 1;
    return {
      values: Object.fromEntries(layer.values.map(({ name }) => [name, at(name, step)])),
      before: Object.fromEntries(layer.states.map((name) => [name, at(name, before)])),
    };
  }

  active(run, reading, strip, step) {
    const view = this.#layer(run, reading, strip).view;
    const rows = [];
    for (const layer of this.#of(run, reading).document.strips.filter((each) => each.view === view)) {
      const name = layer.states[0];
      const { scales, data, units } = this.#block(run, reading, layer.key, name);
      for (let unit = 0; unit < units; unit++) {
        const found = [];
        for (let step = 0; step < scales.length; step++) found.push((data[step * units + unit] * scales[step]) / 127);
        const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
        const spread = Math.sqrt(found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / found.length);
        const value = found[step];
        rows.push({ strip: layer.key, name, unit, value, score: (value - mean) / Math.max(spread, 0.05) });
      }
    }
    return rows.sort((a, b) => Math.abs(b.score) - Math.abs(a.score)).slice(0, 10);
  }

  #of(run, reading) {
    return this.content.readings[run].find((each) => each.document.reading === reading);
  }

  #layer(run, reading, strip) {
    return this.#of(run, reading).document.strips.find((each) => each.key === strip);
  }

  #block(run, reading, strip, name) {
    const found = this.#of(run, reading);
    found.unpacked ??= {};
    const key = `${strip}/${name}`;
    if (!found.unpacked[key]) {
      const content = unpacked(found.values[key]);
      const units = this.#layer(run, reading, strip).values.find((each) => each.name === name).units;
      const time = content.byteLength / (4 + units);
      found.unpacked[key] = { scales: new Float32Array(content, 0, time), data: new Int8Array(content, 4 * time), units };
    }
    return found.unpacked[key];
  }
}
