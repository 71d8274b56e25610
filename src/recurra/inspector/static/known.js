// What the page holds of a run already: of an answer only what is new is sent, and much of it before it is asked for.

export class Known {
  constructor(source, run) {
    Object.assign(this, { source, run, ahead: new Map(), colours: null });
  }

  /** The reading that an answer makes of the one before. */
  take(found, before) {
    const { look, views, ...rest } = found;
    const reading = { ...before, ...rest };
    if (views) reading.views = views.map((view, place) => spliced(view, before?.views?.[place]));
    this.ahead.clear();
    if (look) this.#look(reading, look);
    reading.look = look ?? null;
    return reading;
  }

  #look(reading, look) {
    const { strip, name, unit, step, thoughts, colours, at, active, answer } = look;
    const number = reading.reading;
    this.ahead.set(`step/${number}/${strip}/${unit}/${step}`, at);
    this.ahead.set(`active/${number}/${strip}/${step}`, active);
    if (answer) this.ahead.set(`answer/${number}`, answer);
    if (thoughts) this.ahead.set(`thoughts/${number}/${thoughts.start}/${thoughts.start + thoughts.rows.length}`, thoughts.rows);
    if (!colours) {
      this.colours = null;
      return;
    }
    const added = new Float32Array(unpacked(colours.data));
    const values = new Float32Array(colours.start + added.length);
    if (colours.start) values.set(this.colours.values.subarray(0, colours.start));
    values.set(added, colours.start);
    this.colours = { reading: number, values };
    const key = colours.of === "unit" ? `unit/${number}/${strip}/${name}/${unit}` : `column/${number}`;
    this.ahead.set(key, values);
    this.coloured = key.replace(`/${number}`, "");
  }

  /** The reading whose colours are held, if these are of the same kind. */
  colouredBy(kind) {
    return this.colours && this.coloured === kind ? this.colours.reading : null;
  }

  answer(reading) {
    return this.#held(`answer/${reading}`, () => this.source.answer(this.run, reading));
  }

  thoughts(reading, start, stop, top) {
    return this.#held(`thoughts/${reading}/${start}/${stop}`, () => this.source.thoughts(this.run, reading, start, stop, top));
  }

  column(reading) {
    return this.#held(`column/${reading}`, () => this.source.column(this.run, reading));
  }

  unit(reading, strip, name, unit) {
    return this.#held(`unit/${reading}/${strip}/${name}/${unit}`, () => this.source.unit(this.run, reading, strip, name, unit));
  }

  step(reading, strip, unit, step) {
    return this.#held(`step/${reading}/${strip}/${unit}/${step}`, () => this.source.step(this.run, reading, strip, unit, step));
  }

  active(reading, strip, step) {
    return this.#held(`active/${reading}/${strip}/${step}`, () => this.source.active(this.run, reading, strip, step));
  }

  #held(key, ask) {
    return this.ahead.has(key) ? this.ahead.get(key) : ask();
  }
}

/** Tokens as those before, with others between how it begins and how it ends. */
function spliced({ same: [first, last], tokens }, known) {
  if (!known) return tokens;
  if (!tokens.length && first + last === known.length) return known;
  return [...known.slice(0, first), ...tokens, ...known.slice(known.length - last)];
}

/** The bytes of a text in base 64. */
export function unpacked(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let place = 0; place < letters.length; place++) bytes[place] = letters.charCodeAt(place);
  return bytes.buffer;
}
