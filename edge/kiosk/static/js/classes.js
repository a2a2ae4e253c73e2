// The classes that the device's model tells apart, in its order: the page's <html> carries them.

const given = JSON.parse(document.documentElement.dataset.classes ?? "[]");

export const EMOTIONS = given.map(({ name }) => name);

/** What people call each class. */
export const WORDS = Object.fromEntries(given.map(({ name, word }) => [name, word]));

const faces = Object.fromEntries(given.map(({ name, face }) => [name, face || "neutral"]));

/** The drawn face that stands for a class; anything else stands for itself. */
export const faceOf = (key) => faces[key] ?? key;

const own = given.filter(({ colour }) => colour);
if (own.length) {
  const sheet = new CSSStyleSheet();
  for (const { name, colour } of own) sheet.insertRule(`[data-mood="${name}"], [data-emotion="${name}"] { --mood: ${colour}; }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
