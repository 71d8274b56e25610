// Elements, and the two colours that numbers have everywhere.

/** An element. attributes: its properties and attributes, `on...` its listeners; children: elements and texts. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key === "style") Object.assign(made.style, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** An element of SVG. */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Text of a server as elements of SVG; its styles are set one by one, which the page's policy allows. */
export function parsedDrawing(text) {
  const held = text.replaceAll(' style="', ' data-style="');
  const root = document.importNode(new DOMParser().parseFromString(held, "image/svg+xml").documentElement, true);
  for (const element of [root, ...root.querySelectorAll("[data-style]")]) element.style.cssText = element.dataset.style ?? "";
  return root;
}

const DEEPEST = 0.5; // behind words, which stay readable

/** Behind a word: blue above 0, orange below, whole at 1. */
export function shadeOf(value, largest = 1) {
  if (!Number.isFinite(value)) return "";
  const share = Math.min(1, Math.abs(value) / largest) * DEEPEST * 100;
  return `color-mix(in srgb, var(${value >= 0 ? "--blue" : "--orange"}) ${share.toFixed(1)}%, transparent)`;
}

let mixed = null;

/** The page's colours as they are now, for canvases. */
export function inks() {
  if (mixed) return mixed;
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(name).trim();
  mixed = {
    ink: read("--ink"), muted: read("--muted"), line: read("--line"), card: read("--card"),
    blue: read("--blue"), orange: read("--orange"), green: read("--green"),
  };
  return mixed;
}

/** They have changed. */
export function forgetInks() {
  mixed = null;
}

/** A canvas in the size that it has on the page, sharp on every screen; its context counts in CSS pixels. */
export function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** A token for people: what cannot be seen by a sign. */
export function shownToken(token) {
  if (token === "\n" || token === "\r") return "⏎";
  if (token === "\t") return "⇥";
  if (token === " ") return "␣";
  return token.replaceAll("\n", "⏎");
}

/** The largest of numbers, nothing and NaN passed over, or `least`. Of any many: a call takes so many arguments only. */
export function largestOf(values, least) {
  let found = least;
  for (const value of values) if (value > found) found = value;
  return found;
}

/** A number in few letters. */
export function short(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value !== 0 && Math.abs(value) < 10 ** -digits) return value.toExponential(1);
  return Math.abs(value) >= 1000 ? value.toLocaleString("en", { maximumFractionDigits: 0 }) : value.toFixed(digits);
}

/** Calls a function once a frame, however often it is asked for. */
export function onceAFrame(run) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      run();
    });
  };
}
