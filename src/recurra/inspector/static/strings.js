// What the page says, in the reader's language: one file of strings for each.
export const LANGUAGES = { en: "English", zh: "中文" };

let spoken = {};
let chosen = "en";

/** Speak a language from now on. strings: as its file has them */
export function speak(language, strings) {
  chosen = language;
  spoken = strings;
  document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
  for (const element of document.querySelectorAll("[data-s]")) element.textContent = say(element.dataset.s);
}

/** A string, with {names} replaced by values. */
export function say(key, values = {}) {
  const found = spoken[key];
  if (found === undefined) throw new Error(`no string ${key} in ${chosen}`);
  return found.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** A metric's name; its English one, which its task knows, stands in no file. */
export function metric(name, english) {
  return spoken[`metric_${name}`] ?? english;
}

/** What was chosen before, what the browser prefers, or English. */
export function firstLanguage() {
  const kept = remembered("language");
  if (kept && kept in LANGUAGES) return kept;
  return (navigator.language || "en").startsWith("zh") ? "zh" : "en";
}

/** A choice of an earlier visit; a page that is a file may remember nothing. */
export function remembered(name) {
  try {
    return localStorage.getItem(`recurra-${name}`);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    localStorage.setItem(`recurra-${name}`, value);
  } catch {
    // a page that is a file may remember nothing
  }
}
