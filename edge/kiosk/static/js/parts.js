// Parts that several views share: mood word, bars, timeline, clock, status, words for screen readers.

import { EMOTIONS } from "./classes.js";
import { Face } from "./face.js";
import { BLIND, scene } from "./live.js";
import { duration, number, t } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";
const FIGURES_MS = 300; // numbers that change faster cannot be read
const ANNOUNCE_MS = 8000;
const SHORTEST_SPAN_S = 60;

export const $ = (selector, root = document) => root.querySelector(selector);

/** Write `text` where it differs. */
export function write(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

/** The big face, the word and the line above it, in `root`. */
function moodPart(live, root) {
  const face = new Face($("[data-face]", root));
  const [word, lead] = [$("[data-word]", root), $("[data-lead]", root)];
  const show = () => {
    const now = scene(live);
    const feels = now.key === "emotion";
    face.show(feels ? now.emotion : now.key, now.intensity);
    write(word, feels ? t(`emotion.${now.emotion}`) : t(`mood.${now.key}.word`));
    write(lead, feels ? t("mood.lead", { n: now.people }) : t(`mood.${now.key}.lead`));
    const body = document.body.dataset;
    if (body.mood !== (now.emotion ?? now.key)) body.mood = now.emotion ?? now.key;
    if (body.scene !== now.key) body.scene = now.key;
    const frame = live.news.mood?.t;
    if (frame) body.frame = frame;
  };
  live.on("news", (topic) => ["mood", "privacy", "camera", "status"].includes(topic) && show());
  show();
}

/** A bar a class in `root`, made here. */
function barsPart(live, root) {
  const rows = EMOTIONS.map((emotion) => {
    const fill = element("span", { class: "bar-fill" });
    const figure = element("span", { class: "bar-figure" }, "–");
    const meter = element(
      "div",
      { class: "bar-track", role: "meter", "aria-label": t(`emotion.${emotion}`), "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 },
      fill,
    );
    const row = element("li", { class: "bar", "data-emotion": emotion }, element("span", { class: "bar-name" }, t(`emotion.${emotion}`)), meter, figure);
    root.append(row);
    return { row, fill, figure, meter };
  });
  let told = 0;
  const show = () => {
    const now = scene(live);
    const scores = ["emotion", "uncertain"].includes(now.key) ? live.news.mood?.scores : null;
    const changed = root.classList.contains("is-empty") === Boolean(scores);
    root.classList.toggle("is-empty", !scores);
    const readable = performance.now() - told > FIGURES_MS || changed || !scores;
    if (readable) told = performance.now();
    rows.forEach(({ row, fill, figure, meter }, index) => {
      const share = scores?.[index] ?? 0;
      fill.style.setProperty("--share", share.toFixed(3));
      row.classList.toggle("is-top", EMOTIONS[index] === now.emotion);
      if (!readable) return;
      const percent = Math.round(share * 100);
      meter.setAttribute("aria-valuenow", percent);
      write(figure, scores ? t("bars.percent", { n: percent }) : "–");
    });
  };
  live.on("news", (topic) => ["mood", "privacy", "camera", "status"].includes(topic) && show());
  show();
}

/** How many people, in `root`: number and noun. */
function peoplePart(live, root) {
  const show = () => {
    const { key, people } = scene(live);
    const known = !BLIND.includes(key);
    write($("[data-count]", root), known ? number(people) : "–");
    write($("[data-noun]", root), t("people", { n: known ? people : 0 }));
  };
  live.on("news", show);
  show();
}

/** The session's title and how long it runs. */
function sessionPart(live, root) {
  const [title, clock] = [$("[data-title]", root), $("[data-clock]", root)];
  const show = () => {
    const session = live.news.session;
    root.classList.toggle("is-running", Boolean(session));
    write(title, session ? session.title || t("session.untitled") : t("session.none"));
    const seconds = session ? (live.now() - Date.parse(session.start)) / 1000 : 0;
    write(clock, session ? duration(seconds) : "");
    clock.hidden = !session;
  };
  live.on("topic:session", show);
  setInterval(show, 500);
  show();
}

function bands(codes, total, svg) {
  const parts = [];
  for (let start = 0; start < codes.length; ) {
    let end = start + 1;
    while (end < codes.length && codes[end] === codes[start]) end += 1;
    if (codes[start] !== ".") {
      const band = document.createElementNS(NS, "rect");
      const place = { x: (100 * start) / total, width: (100 * (end - start)) / total + 0.05, y: 0, height: 10 };
      for (const [name, value] of Object.entries(place)) band.setAttribute(name, value.toFixed(3));
      band.setAttribute("class", "band");
      band.dataset.emotion = EMOTIONS[parseInt(codes[start], 36)];
      parts.push(band);
    }
    start = end;
  }
  svg.replaceChildren(...parts);
}

function most(codes) {
  const counts = {};
  for (const code of codes) if (code !== ".") counts[code] = (counts[code] ?? 0) + 1;
  const [top] = Object.entries(counts).sort((one, other) => other[1] - one[1]);
  return top ? t(`emotion.${EMOTIONS[parseInt(top[0], 36)]}`) : t("timeline.nothing");
}

/** Labels that would lie on each other go, the older ones first; their lines stay. */
function thin(flags) {
  let free = Infinity;
  const places = flags.map((flag) => flag.lastElementChild.getBoundingClientRect());
  for (let index = flags.length - 1; index >= 0; index -= 1) {
    const { left, right } = places[index];
    const crowded = right > free;
    flags[index].classList.toggle("is-crowded", crowded);
    if (!crowded && right > left) free = left;
  }
}

/** Expression over time with markers; `root` holds an svg[data-bands] and [data-flags]. */
function timelinePart(live, root) {
  const [svg, flags] = [$("[data-bands]", root), $("[data-flags]", root)];
  const [heading, left] = [$("[data-span]", root), $("[data-left]", root)];
  svg.setAttribute("viewBox", "0 0 100 10");
  svg.setAttribute("preserveAspectRatio", "none");
  live.on("topic:timeline", (line) => {
    const span = Math.max(SHORTEST_SPAN_S, line.elapsed, line.emotions.length * line.step);
    bands(line.emotions, span / line.step, svg);
    svg.setAttribute("aria-label", t("timeline.label", { mood: most(line.emotions), n: line.markers.length }));
    write(heading, line.session ? t("timeline.session") : t("timeline.recent"));
    write(left, line.session ? duration(0) : `−${duration(line.elapsed)}`);
    flags.replaceChildren(
      ...line.markers.map(([at, label]) => {
        const flag = element("span", { class: "flag", title: `${duration(at)} ${label}` }, element("span", { class: "flag-label" }, label));
        flag.style.setProperty("--at", `${((100 * at) / span).toFixed(2)}%`);
        flag.classList.toggle("is-late", at > span * 0.8);
        return flag;
      }),
    );
    thin([...flags.children]);
  });
}

/** Connection and camera, in words and a dot. */
function statusPart(live, root) {
  const show = () => {
    const camera = live.news.camera;
    const healthy = live.status === "live" && (camera ?? "online") === "online";
    root.dataset.status = live.status === "live" ? (healthy ? "live" : camera) : live.status;
    write($("[data-status-text]", root), live.status === "live" && camera ? t(`status.camera.${camera}`) : t(`status.${live.status}`));
  };
  live.on("news", show);
  show();
}

/** Tell screen readers of changes that last, at most every few seconds. */
function announcer(live, node) {
  let said = "";
  let due = 0;
  const words = () => {
    const { key, emotion, people } = scene(live);
    if (key !== "emotion") return `${t(`mood.${key}.word`)}. ${t(`mood.${key}.lead`)}`;
    return `${t("mood.lead", { n: people })}: ${t(`emotion.${emotion}`)}. ${people} ${t("people", { n: people })}`;
  };
  live.on("news", () => {
    const topic = scene(live).key + (scene(live).emotion ?? "");
    if (topic === said || performance.now() < due) return;
    said = topic;
    due = performance.now() + ANNOUNCE_MS;
    write(node, words());
  });
}

/** Every part that this page has a place for: an element with the part's name as its id. */
export function mountParts(live) {
  const parts = { mood: moodPart, bars: barsPart, people: peoplePart, session: sessionPart, status: statusPart, timeline: timelinePart, announce: announcer };
  for (const [id, mount] of Object.entries(parts)) {
    const root = document.getElementById(id);
    if (root) mount(live, root);
  }
}

/** A short message at the page's edge, also read out. */
export function toast(text, kind = "info") {
  const box = $("#toasts");
  if (!box) return;
  const note = element("p", { class: `toast is-${kind}` }, text);
  box.append(note);
  setTimeout(() => note.remove(), kind === "bad" ? 6000 : 2600);
}
