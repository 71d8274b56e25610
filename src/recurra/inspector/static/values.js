// The values of a heat map as they arrive: bytes of all units with a scale for each step, in tiles.

const TILE = 64;
const MOST = 48 << 20; // bytes of tiles

export class Values {
  /** ask: (reading, strip, names, units, start, stop) to what `put` takes; changed: hears of new ones */
  constructor(ask, changed) {
    Object.assign(this, { ask, changed, tiles: new Map(), bytes: 0, reading: null, asked: new Set() });
  }

  /** Another reading, whose first steps are as before; those behind them are shown until the new ones are there. */
  begin(reading, kept) {
    this.reading = reading;
    this.asked.clear();
    for (const tile of this.tiles.values()) tile.fresh.fill(0, Math.min(TILE, Math.max(0, kept - tile.start)));
  }

  /** units: of each name; content: for each name scales of the steps, then for each name the bytes of their units */
  put(strip, names, units, start, stop, content) {
    const time = stop - start;
    const scales = new Float32Array(content, 0, names.length * time);
    let at = 4 * scales.length;
    names.forEach((name, place) => {
      const width = units[place];
      const data = new Int8Array(content, at, time * width);
      at += time * width;
      for (let step = start; step < stop;) {
        const tile = this.#tile(strip, name, width, step);
        const end = Math.min(stop, tile.start + TILE);
        const first = step - tile.start;
        tile.data.set(data.subarray((step - start) * width, (end - start) * width), first * width);
        tile.scales.set(scales.subarray(place * time + step - start, place * time + end - start), first);
        tile.fresh.fill(1, first, end - tile.start);
        step = end;
      }
    });
  }

  /** The bytes of a step's units, where they begin, and their scale; nothing if they have never been there. */
  at(strip, name, step) {
    const tile = this.tiles.get(`${strip}/${name}/${Math.floor(step / TILE)}`);
    if (!tile || !tile.scales[step - tile.start]) return null;
    return { data: tile.data, from: (step - tile.start) * tile.width, scale: tile.scales[step - tile.start] };
  }

  /** Asks for those of the steps that are not there. */
  want(strip, names, units, start, stop) {
    const missing = (step) => names.some((name) => {
      const tile = this.tiles.get(`${strip}/${name}/${Math.floor(step / TILE)}`);
      return !tile?.fresh[step - tile.start];
    });
    while (start < stop && !missing(start)) start++;
    while (start < stop && !missing(stop - 1)) stop--;
    const request = `${strip}/${names}/${start}/${stop}`;
    if (start === stop || this.asked.has(request)) return;
    this.asked.add(request);
    const { reading } = this;
    Promise.resolve(this.ask(reading, strip, names, units, start, stop))
      .then((content) => {
        if (reading !== this.reading) return;
        this.put(strip, names, units, start, stop, content);
        this.changed();
      })
      .catch(() => this.asked.delete(request)); // the reading is gone: a newer one is on its way
  }

  #tile(strip, name, width, step) {
    const place = Math.floor(step / TILE);
    const key = `${strip}/${name}/${place}`;
    let tile = this.tiles.get(key);
    if (tile?.width === width) return tile;
    if (this.bytes > MOST) {
      this.tiles.clear();
      this.bytes = 0;
    }
    tile = { start: place * TILE, width, data: new Int8Array(TILE * width), scales: new Float32Array(TILE), fresh: new Uint8Array(TILE) };
    this.bytes += TILE * (width + 5);
    this.tiles.set(key, tile);
    return tile;
  }
}
