// The page: the input, and a pane for each run that reads it.
import { el, forgetInks } from "./dom.js";
import { File } from "./file.js";
import { Pane } from "./pane.js";
import { Server } from "./server.js";
import { LANGUAGES, firstLanguage, remember, remembered, say, speak } from "./strings.js";
import { placesIn } from "./tokens.js";

const byId = (id) => document.getElementById(id);
const kept = byId("content");
const source = kept ? new File(JSON.parse(kept.textContent)) : new Server();
const given = byId("given");
const page = {
  source,
  text: () => given.value,
  condition: () => byId("condition").value || null,
  takeOver: (text) => {
    given.value = text;
    chooseInput(null);
  },
  problem: showProblem,
};
let panes = [];
let infos = [];
let offered = []; // by their places
let input = null; // its place among those offered, where it is no text
let reference = null;
let control = null;

start().catch(showProblem);

async function start() {
  theme(remembered("theme") ?? "auto");
  const language = firstLanguage();
  byId("language").replaceChildren(...Object.entries(LANGUAGES).map(([key, name]) => el("option", { value: key, text: name })));
  byId("language").value = language;
  const [strings, runs] = await Promise.all([source.strings(language), source.runs()]);
  infos = runs;
  speak(language, strings);
  panes = infos.map((info, run) => new Pane(page, run, info));
  byId("panes").replaceChildren(...panes.map((pane) => pane.element));
  byId("panes").className = panes.length > 1 ? "two" : "one";
  document.title = `${infos.map(({ name }) => name).join(" · ")} – Recurra`;
  byId("title").textContent = infos.map(({ name }) => name).join(" · ");
  conditions();
  listen();
  words();
  if (infos.every(({ writes }) => writes) && !source.offline) await read(); // begins with nothing
  inputs();
}

function words() {
  for (const pane of panes) pane.words();
  const text = infos[0].reads === "text";
  byId("given-label").textContent = say(text ? "type_here" : "numbers_here");
  byId("typed").hidden = infos[0].reads === "pictures";
  given.readOnly = source.offline;
  byId("file-row").hidden = source.offline || !infos.every(({ files }) => files);
  byId("erasing").hidden = source.offline || !text;
}

async function inputs() {
  if (!source.offline) byId("inputs").append(el("option", { value: "", "data-s": "own_text", text: say("own_text") }));
  try {
    offered = await source.inputs();
  } catch (error) {
    byId("state").textContent = error.message;
    return;
  }
  offer(offered.map((one, place) => ({ ...one, place })));
  if (offered.length && !given.value) {
    byId("inputs").value = "0";
    chooseInput(0);
  }
}

function offer(found) {
  for (const one of found) offered[one.place] = one;
  byId("inputs").append(...found.map(({ name, place }) => el("option", { value: String(place), text: name })));
}

async function chooseFile(event) {
  const chosen = [...event.target.files];
  if (!chosen.length) return;
  showProblem(null);
  const { inputs: found, count } = await source.files(chosen);
  offer(found);
  byId("inputs").value = String(found[0].place);
  await chooseInput(found[0].place);
  if (count > found.length) byId("state").textContent = say("first_of", { first: found.length, count });
}

function conditions() {
  const found = infos[0].conditions;
  byId("condition-row").hidden = !found.length;
  byId("condition").replaceChildren(...found.map((name) => el("option", { value: name, text: name })));
}

function chooseInput(place) {
  const one = place === null ? null : offered[place];
  byId("inputs").value = place === null ? "" : String(place);
  input = one && (one.text === null || source.offline) ? place : null;
  if (one) given.value = one.text ?? "";
  if (one?.condition) byId("condition").value = one.condition;
  return read();
}

/** The input through every run; a newer one takes its place before it has ended. */
async function read() {
  control?.abort();
  control = new AbortController();
  const { signal } = control;
  showProblem(null);
  await Promise.all(panes.map((pane) => readBy(pane, signal).catch((error) => {
    if (!signal.aborted) showProblem(error);
  })));
}

async function readBy(pane, signal) {
  const asked = { run: pane.run, before: pane.reading?.reading ?? null, reference: reference?.[pane.run] ?? null, condition: page.condition(), look: pane.look() };
  if (input !== null) asked.input = input;
  else asked.text = given.value;
  let found = await source.read(asked, signal);
  for (;;) {
    if (signal.aborted) return;
    pane.take(found);
    state();
    if (found.read >= found.total) break;
    found = await source.goOn(pane.run, found.reading, pane.look(), signal);
  }
  if (reference) await pane.compare(reference[pane.run]);
}

function state() {
  if (!panes[0].reading) return; // nothing could be read yet
  const { read, total } = panes[0].reading;
  byId("state").textContent = read < total ? say("reading", { read, total }) : say("read", { total });
}

/** Keeps what the states are now, to be compared with those of what is typed next. */
function keep() {
  reference = panes.map((pane) => pane.reading?.reading ?? null);
  byId("stop-comparing").hidden = false;
  for (const pane of panes) pane.compare(reference[pane.run]).catch(showProblem);
}

function stopComparing() {
  reference = null;
  byId("stop-comparing").hidden = true;
  for (const pane of panes) pane.compare(null);
}

/** Another text, or none, in the place of the token under the cursor of the first run. */
function change(other) {
  const [pane] = panes;
  const tokens = pane.reading?.views[pane.viewPlace] ?? [];
  const place = placesIn(given.value, tokens)[pane.selected.step];
  if (!place) {
    showProblem(new Error(say("not_in_text")));
    return;
  }
  if (!reference) keep();
  given.value = given.value.slice(0, place[0]) + other + given.value.slice(place[1]);
  chooseInput(null);
}

function listen() {
  given.addEventListener("input", () => {
    input = null;
    byId("inputs").value = "";
    read();
  });
  byId("inputs").addEventListener("change", (event) => {
    if (event.target.value !== "") chooseInput(Number(event.target.value));
  });
  byId("file").addEventListener("change", (event) => chooseFile(event).catch(showProblem));
  byId("condition").addEventListener("change", read);
  byId("keep").addEventListener("click", keep);
  byId("stop-comparing").addEventListener("click", stopComparing);
  byId("erase").addEventListener("click", () => change(""));
  byId("replace").addEventListener("click", () => change(byId("other").value));
  byId("theme").addEventListener("change", (event) => theme(event.target.value));
  byId("language").addEventListener("change", async (event) => {
    remember("language", event.target.value);
    speak(event.target.value, await source.strings(event.target.value));
    words();
    state();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function theme(name) {
  remember("theme", name);
  byId("theme").value = name;
  document.documentElement.dataset.theme = name;
  redraw();
}

function redraw() {
  forgetInks();
  for (const pane of panes) pane.heat.draw();
}

function showProblem(error) {
  byId("problem").hidden = !error;
  byId("problem").textContent = error ? error.message : "";
  if (error && !error.message) throw error;
}
