// The page's words, all from one file: texts/<language>.json.

import { WORDS } from "./classes.js";
import { urlFor } from "./place.js";

const language = document.documentElement.lang || "en";
const answer = await fetch(urlFor(`/static/texts/${language}.json`));
const table = await answer.json();
Object.assign(table.emotion, WORDS);
const plurals = new Intl.PluralRules(language);

const find = (key) => key.split(".").reduce((node, part) => node?.[part], table);

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/** The words at `key`; `values.n` also chooses between singular and plural. */
export function t(key, values = {}) {
  let found = find(key);
  if (found && typeof found === "object" && "other" in found) found = found[plurals.select(values.n ?? 0)] ?? found.other;
  return typeof found === "string" ? fill(found, values) : key;
}

/** Whether there are words at `key`. */
export const has = (key) => find(key) !== undefined;

const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });

/** A number as the language writes it, or a dash. */
export const number = (value) => (value === null || value === undefined ? "–" : numbers.format(value));

const signs = new Intl.NumberFormat(language, { minimumFractionDigits: 2, maximumFractionDigits: 2, signDisplay: "exceptZero" });

/** A number with its sign and two decimals. */
export const signed = (value) => signs.format(value).replace("-", "−");

/** Seconds as 1:23 or 1:02:03. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
