// The operator's desk.

import { act, Controls, keysSwitch } from "./controls.js";
import { Face } from "./face.js";
import { filmPart } from "./film.js";
import { groupPart } from "./group.js";
import { BLIND, Live, scene } from "./live.js";
import { $, element, mountParts, write } from "./parts.js";
import { Refusal, post } from "./api.js";
import { urlFor } from "./place.js";
import { duration, number, t } from "./texts.js";

const PICTURE_MS = 100;
const SLIDER_MS = 150;
const NS = "http://www.w3.org/2000/svg";
const live = new Live();

mountParts(live);
filmPart(live);
groupPart(live);
keysSwitch($("#keys-on"));
new Controls(live);

// faces at their places -----------------------------------------------------------------------------------------------

const stage = $("#stage");
const shown = new Map();

function place(entry, { box, emotion, primary }) {
  const [x, y, width, height] = box;
  const style = entry.node.style;
  style.setProperty("--x", x + width / 2);
  style.setProperty("--y", y + height / 2);
  style.setProperty("--w", width);
  style.setProperty("--h", height);
  entry.node.classList.toggle("is-primary", primary);
  entry.node.dataset.mood = emotion ?? "uncertain";
  entry.face.show(emotion ?? "uncertain");
  write(entry.name, emotion ? t(`emotion.${emotion}`) : t("mood.uncertain.word"));
}

function appear() {
  const svg = document.createElementNS(NS, "svg");
  const name = element("span", { class: "seat-name" });
  const node = element("div", { class: "seat" }, svg, name);
  stage.append(node);
  return { node, name, face: new Face(svg) };
}

function showFaces() {
  const seen = ["emotion", "uncertain", "suppressed"].includes(scene(live).key);
  const { aspect = null, faces = [] } = (seen && live.news.faces) || {};
  if (aspect) stage.style.setProperty("--aspect", aspect);
  const left = new Set(shown.keys());
  for (const face of faces) {
    left.delete(face.id);
    if (!shown.has(face.id)) shown.set(face.id, appear());
    place(shown.get(face.id), face);
  }
  for (const id of left) {
    shown.get(id).node.remove();
    shown.delete(id);
  }
  stage.classList.toggle("is-empty", faces.length === 0);
  write($("#stage-empty"), faces.length ? "" : t(`mood.${scene(live).key === "emotion" ? "no_face" : scene(live).key}.word`));
}
live.on("news", (topic) => ["faces", "mood", "privacy", "camera", "status"].includes(topic) && showFaces());

// the camera's picture, only where it is switched on ------------------------------------------------------------------

const picture = $("#picture");
let fetching = false;

function nextPicture() {
  if (!fetching || document.hidden || BLIND.includes(scene(live).key)) {
    picture.hidden = true;
    setTimeout(nextPicture, 500);
    return;
  }
  picture.src = urlFor(`/api/picture?at=${Date.now()}`);
}
picture.addEventListener("load", () => {
  picture.hidden = false;
  setTimeout(nextPicture, PICTURE_MS);
});
picture.addEventListener("error", () => {
  picture.hidden = true;
  setTimeout(nextPicture, 1000);
});
live.on("visit", (visit) => {
  stage.classList.toggle("has-picture", visit.picture);
  write($("#stage-note"), t(visit.picture ? "stage.picture_on" : "stage.drawn"));
  if (visit.picture && !fetching) {
    fetching = true;
    nextPicture();
  }
  $("#logout").hidden = $("#logout-all").hidden = !visit.login;
  if (visit.role === "operator" && visit.consent === null) askConsent();
  if (visit.role === "viewer") location.replace("/");
});

// what happened -------------------------------------------------------------------------------------------------------

live.on("topic:events", (events) => {
  const time = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
  $("#events").replaceChildren(
    ...[...events].reverse().map((event) => {
      const what = t(`events.${event.type}`, { mood: event.emotion ? t(`emotion.${event.emotion}`) : "" });
      const row = element("li", { "data-type": event.type }, element("time", {}, time.format(Date.parse(event.ts))), element("span", {}, event.label ? `${what}: ${event.label}` : what));
      if (event.emotion) row.dataset.emotion = event.emotion;
      return row;
    }),
  );
  $("#events-none").hidden = events.length > 0;
});

// the report of a session that has just ended ------------------------------------------------------------------------

let running = null;
live.on("topic:session", (session) => {
  const ended = $("#ended");
  if (running && !session) {
    const report = element("a", { href: urlFor(`/sessions/view?ids=${running.id}`) }, t("sessions.open"));
    ended.replaceChildren(t("sessions.ended", { title: running.title || t("session.untitled") }), " ", report);
  } else if (session) ended.replaceChildren();
  running = session;
});

// displays ------------------------------------------------------------------------------------------------------------

const [lightOn, brightness] = [$("#light-on"), $("#light-brightness")];
let sliding = 0;
live.on("topic:lighting", (light) => {
  lightOn.checked = light.on;
  if (document.activeElement !== brightness) brightness.value = Math.round(light.brightness * 100);
});
lightOn.addEventListener("change", () => act("display", { on: lightOn.checked }));
brightness.addEventListener("input", () => {
  clearTimeout(sliding);
  sliding = setTimeout(() => act("display", { brightness: Number(brightness.value) / 100 }), SLIDER_MS);
});

// device --------------------------------------------------------------------------------------------------------------

function showReach({ pixels, metres }) {
  const places = Object.entries(metres).map(([lens, n]) => t("reach.place", { n: number(n), lens: t(`reach.lens.${lens}`) }));
  write($("#stage-reach"), t(places.length ? "reach.places" : "reach.pixels", { n: pixels, places: places.join(", ") }));
}
live.on("topic:reach", showReach);

function showLight() {
  const dark = live.news.health?.light === "too_dark" && live.news.camera === "online";
  $("#stage-light").hidden = !dark;
  write($("#stage-light"), dark ? t("stage.too_dark") : "");
}
live.on("topic:health", showLight);
live.on("topic:camera", showLight);

function showDevice() {
  const { health = {}, info = {} } = live.news;
  const unit = (key, value) => (value === null || value === undefined ? t("device.unknown") : t(`device.${key}`, { n: number(value) }));
  const values = {
    node: info.node ?? "–",
    source: info.source ?? "–",
    model: info.model ?? "–",
    light: health.light ? t(`device.lights.${health.light}`) : t("device.unknown"),
    rate: unit("fps", health.process_fps),
    detect: unit("ms", health.detect_ms_p95),
    infer: unit("ms", health.infer_ms_p95),
    cpu: unit("percent", health.cpu_percent),
    memory: unit("mb", health.memory_mb),
    temperature: unit("celsius", health.temperature_c),
    uptime: duration(health.uptime_s ?? 0),
    drops: number(health.drops),
  };
  for (const [name, value] of Object.entries(values)) write($(`[data-device="${name}"]`), value);
}
live.on("topic:health", showDevice);
live.on("topic:info", showDevice);

// the context of use, asked once --------------------------------------------------------------------------------------

const consent = $("#consent");

function askConsent() {
  if (!consent.open) consent.showModal();
}
consent.addEventListener("cancel", (event) => event.preventDefault());
$("#consent-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = $("#consent-problem");
  try {
    await post("consent", { context: new FormData(event.target).get("context") });
    consent.close();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    write(problem, error.code === "prohibited" ? t("consent.prohibited") : t("error.failed", { detail: error.detail }));
    problem.focus();
  }
});
$("#session-form").addEventListener("submit", (event) => event.preventDefault());
$("#marker-form").addEventListener("submit", (event) => event.preventDefault());

live.start();
