// The device's news over server-sent events. A lost connection is made again by itself, also after a restart.

import { whoami } from "./api.js";
import { currentPath, urlFor } from "./place.js";

const TOPICS = [
  "mood", "faces", "timeline", "camera", "privacy", "session", "lighting", "health", "info", "events", "player", "reach",
];
const SILENCE_MS = 12000; // the device sends something every 5 s
const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 4000;

/** Holds the newest of every topic in `news` and tells of changes: "topic:NAME", "news", "status", "visit". */
export class Live extends EventTarget {
  news = {};
  status = "connecting";
  offset = 0; // the device's clock less ours, in milliseconds
  #source = null;
  #silence = 0;
  #failures = 0;
  #version = null;

  async start() {
    try {
      const visit = await whoami();
      this.dispatchEvent(new CustomEvent("visit", { detail: visit }));
      if (visit.role === "nobody") {
        location.assign(urlFor(`/login?next=${encodeURIComponent(currentPath())}`));
        return;
      }
      this.#open();
    } catch {
      this.#lose();
    }
  }

  on(name, listener) {
    this.addEventListener(name, (event) => listener(event.detail));
  }

  /** Milliseconds of the device's clock. */
  now() {
    return Date.now() + this.offset;
  }

  #open() {
    const source = new EventSource(urlFor("/api/live"));
    this.#source = source;
    source.addEventListener("hello", (event) => this.#greet(JSON.parse(event.data)));
    source.addEventListener("ping", () => this.#hear());
    source.addEventListener("error", () => this.#lose());
    for (const topic of TOPICS) {
      source.addEventListener(topic, (event) => {
        this.#hear();
        this.news[topic] = JSON.parse(event.data);
        this.#tell(`topic:${topic}`, this.news[topic]);
        this.#tell("news", topic);
      });
    }
    this.#hear();
  }

  #greet(hello) {
    if (this.#version !== null && this.#version !== hello.version) location.reload();
    this.#version = hello.version;
    this.offset = hello.now - Date.now();
    this.#failures = 0;
    this.#set("live");
    this.#hear();
  }

  #hear() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#lose(), SILENCE_MS);
  }

  #lose() {
    clearTimeout(this.#silence);
    this.#source?.close();
    this.#source = null;
    this.#set("lost");
    const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures) * (0.7 + 0.6 * Math.random());
    this.#failures += 1;
    setTimeout(() => this.start(), pause);
  }

  #set(status) {
    if (status === this.status) return;
    this.status = status;
    this.#tell("status", status);
    this.#tell("news", "status");
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Keys of scenes in which nobody is looked at. */
export const BLIND = ["lost", "paused", "ended", "fault", "starting"];

/** What to show now, the gravest first: {key, emotion, people, intensity}; `key` is a key of texts' mood.*. */
export function scene(live) {
  const { mood, privacy, camera } = live.news;
  const people = mood?.people ?? 0;
  const plain = (key) => ({ key, emotion: null, people, intensity: 1 });
  if (live.status === "lost") return plain("lost");
  if (privacy) return plain("paused");
  if (camera === "ended") return plain("ended");
  if (camera === "offline" || mood?.kind === "fault") return plain("fault");
  if (!mood || mood.kind === "starting") return plain("starting");
  if (mood.suppressed) return plain("suppressed");
  if (mood.emotion) return { key: "emotion", emotion: mood.emotion, people, intensity: mood.confidence ?? 1 };
  return plain(mood.kind in { no_face: 1, uncertain: 1 } ? mood.kind : "uncertain");
}
