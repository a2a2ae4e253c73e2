// The list of files: what each is, how far it is, and buttons to open it and to take it away.

import { Face } from "./face.js";
import { element, write } from "./parts.js";
import { urlFor } from "./place.js";
import { duration, has, t } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";
const FILM = "M4 5h13v4l4-3v12l-4-3v4H4z";
const PICTURE = "M3 5h18v14H3zM6 16l4-5 3 3 3-4 3 6z";

export function sign(path) {
  const svg = document.createElementNS(NS, "svg");
  const shape = document.createElementNS(NS, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "tile-sign");
  svg.setAttribute("aria-hidden", "true");
  shape.setAttribute("d", path);
  shape.setAttribute("fill-rule", "evenodd");
  svg.append(shape);
  return svg;
}

/** Why a file could not be read, in the page's words or the device's. */
export function reason(entry) {
  const key = `analyze.error.${entry.error}`;
  return has(key) ? t(key, { detail: entry.detail }) : entry.detail || t("error.failed", { detail: entry.error });
}

function state(entry) {
  if (entry.state === "failed") return reason(entry);
  if (entry.state === "queued") return t("analyze.state.queued");
  if (entry.state === "sending") return t("analyze.state.sending", { n: Math.round(100 * (entry.sent ?? 0)) });
  if (entry.state === "waiting") return entry.before ? t("analyze.state.before", { n: entry.before }) : t("analyze.state.next");
  if (entry.state === "running" && entry.kind === "video") {
    const share = entry.done ? t("analyze.state.share", { n: Math.round(100 * entry.done) }) : duration(entry.time_s);
    return entry.left_s === null ? t("analyze.state.reading", { share }) : t("analyze.state.left", { share, left: duration(Math.max(1, entry.left_s)) });
  }
  if (entry.state === "done") return entry.faces === undefined ? t("analyze.state.done") : t("analyze.faces", { n: entry.faces });
  return t("analyze.state.looking");
}

const share = (entry) => (entry.state === "sending" ? entry.sent : entry.state === "running" ? entry.done : null);

export class Tiles {
  #shown = new Map();

  constructor(root, { open, away }) {
    this.root = root;
    this.open = open;
    this.away = away;
  }

  #make(entry) {
    const look = element("span", { class: "tile-look" }, sign(entry.kind === "video" ? FILM : PICTURE));
    const name = element("span", { class: "tile-name" }, entry.name);
    const words = element("span", { class: "tile-state" });
    const opener = element("button", { type: "button", class: "tile-open" }, look, element("span", { class: "tile-words" }, name, words));
    const remover = element("button", { type: "button", class: "tile-away" }, element("span", { "aria-hidden": "true" }, "×"));
    const fill = element("span");
    const bar = element("span", { class: "tile-bar", "aria-hidden": "true" }, fill);
    const tile = element("li", { class: "tile" }, opener, remover, bar);
    opener.addEventListener("click", () => this.open(entry));
    remover.addEventListener("click", () => this.away(entry));
    this.root.append(tile);
    return { tile, look, words, opener, remover, bar };
  }

  show(entry, chosen) {
    if (!this.#shown.has(entry)) this.#shown.set(entry, this.#make(entry));
    const { tile, look, words, opener, remover, bar } = this.#shown.get(entry);
    const ready = entry.state === "done";
    tile.classList.toggle("is-failed", entry.state === "failed");
    tile.classList.toggle("is-chosen", chosen);
    tile.dataset.state = entry.state;
    opener.disabled = !ready;
    opener.setAttribute("aria-pressed", String(chosen));
    write(words, state(entry));
    const away = t(ready || entry.state === "failed" ? "analyze.remove" : "analyze.cancel", { name: entry.name });
    remover.setAttribute("aria-label", away);
    remover.title = away;
    const part = share(entry);
    bar.hidden = !["sending", "running"].includes(entry.state);
    bar.classList.toggle("is-open-ended", bar.hidden === false && !part);
    bar.style.setProperty("--done", String(part ?? 0));
    if (ready && !look.dataset.ready) this.#picture(entry, look);
  }

  #picture(entry, look) {
    if (entry.kind === "picture") {
      look.dataset.ready = "yes";
      look.replaceChildren(element("img", { src: urlFor(`/api/analyze/files/${entry.id}/preview.jpg`), alt: "", loading: "lazy", decoding: "async" }));
    } else if (entry.emotion) {
      const svg = document.createElementNS(NS, "svg");
      look.dataset.ready = "yes";
      look.replaceChildren(svg);
      new Face(svg).show(entry.emotion);
      look.dataset.mood = entry.emotion;
    }
  }

  forget(entry) {
    this.#shown.get(entry)?.tile.remove();
    this.#shown.delete(entry);
  }

  focus(entry) {
    this.#shown.get(entry)?.opener.focus();
  }
}

