// What the page asks its server.

/** A refusal in the server's own words. */
export class Refused extends Error {}

export class Server {
  offline = false;

  strings(language) {
    return this.#json(`static/strings/${language}.json`);
  }

  runs() {
    return this.#json("api/runs");
  }

  drawings(run) {
    return this.#json("api/drawings", { run });
  }

  inputs() {
    return this.#json("api/inputs");
  }

  /** Reads files as the runs do; what is in them, with the places to ask for it by. */
  async files(chosen) {
    const sent = await Promise.all([...chosen].map(async (one) => ({ name: one.name, data: packed(await one.arrayBuffer()) })));
    return this.#post("api/files", { files: sent });
  }

  read(asked, signal) {
    return this.#post("api/read", asked, signal);
  }

  goOn(run, reading, look, signal) {
    return this.#post("api/continue", { run, reading, look }, signal);
  }

  answer(run, reading) {
    return this.#json("api/answer", { run, reading });
  }

  thoughts(run, reading, start, stop, top) {
    return this.#json("api/thoughts", { run, reading, start, stop, top });
  }

  /** One probability a step, null where there is none. */
  async column(run, reading) {
    const answer = await this.#ask("api/column", { run, reading });
    return answer.status === 204 ? null : new Float32Array(await answer.arrayBuffer());
  }

  /** Some steps of all units of some values, as `Values.put` takes them. */
  async values(run, reading, strip, names, units, start, stop) {
    const query = [["run", run], ["reading", reading], ["strip", strip], ["start", start], ["stop", stop]];
    const answer = await this.#ask("api/values", [...query, ...names.map((name) => ["names", name])]);
    return answer.arrayBuffer();
  }

  async unit(run, reading, strip, name, unit) {
    const answer = await this.#ask("api/unit", { run, reading, strip, name, unit });
    return new Float32Array(await answer.arrayBuffer());
  }

  step(run, reading, strip, unit, step) {
    return this.#json("api/step", { run, reading, strip, unit, step });
  }

  active(run, reading, strip, step) {
    return this.#json("api/active", { run, reading, strip, step });
  }

  difference(run, reading, reference, strip) {
    return this.#json("api/difference", { run, reading, reference, strip });
  }

  contexts(run, strip, name, unit) {
    return this.#json("api/contexts", { run, strip, name, unit });
  }

  /** Calls `hear` with each token as it is written. */
  async write(asked, hear, signal) {
    const answer = await fetch("api/write", this.#posted(asked, signal));
    await this.#check(answer);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let held = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (held + value).split("\n");
      held = lines.pop();
      for (const line of lines) {
        const step = JSON.parse(line);
        if (step.error) throw new Refused(step.error);
        hear(step);
      }
    }
  }

  async #json(path, query = {}) {
    return (await this.#ask(path, query)).json();
  }

  async #ask(path, query) {
    const answer = await fetch(`${path}?${new URLSearchParams(query)}`);
    await this.#check(answer);
    return answer;
  }

  async #post(path, body, signal) {
    const answer = await fetch(path, this.#posted(body, signal));
    await this.#check(answer);
    return answer.json();
  }

  #posted(body, signal) {
    return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal };
  }

  async #check(answer) {
    if (answer.ok) return;
    const said = await answer.json().catch(() => ({ error: `${answer.status}` }));
    throw new Refused(said.error);
  }
}

/** Bytes in base 64. */
function packed(content) {
  const bytes = new Uint8Array(content);
  let letters = "";
  for (let start = 0; start < bytes.length; start += 8192) letters += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return btoa(letters);
}
