// The film on the wall: plays what the session names, says how far it is, and lets the mood be seen beside it.

import { Refusal, post } from "./api.js";
import { $, element, write } from "./parts.js";
import { urlFor } from "./place.js";
import { t } from "./texts.js";

const SAY_MS = 5000;
const SOONEST_MS = 500;
const ASK_MS = 8000;
const wall = crypto.randomUUID?.() ?? `wall-${Math.random().toString(36).slice(2)}${Date.now()}`;

export class Player {
  #live;
  #film = null; // {session, video}
  #told = 0;
  #timer = 0;
  #blocked = false;

  constructor(live) {
    this.#live = live;
    live.on("topic:player", (player) => this.#follow(player));
    setInterval(() => this.#say(), SAY_MS);
    for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, () => this.#blocked && this.#play());
  }

  #follow(player) {
    if (this.#film && this.#film.session !== player?.session) this.#leave();
    if (!player || player.state === "ended") return;
    if (!this.#film) this.#claim(player);
    else this.#obey(player);
  }

  /** One wall plays: ask whether it is this one, and ask again while it is not. */
  async #claim(player) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#follow(this.#live.news.player), ASK_MS);
    try {
      await post("player/report", { wall, session: player.session, state: "paused", at_s: player.at });
    } catch {
      return;
    }
    clearTimeout(this.#timer);
    if (!this.#film && this.#live.news.player?.session === player.session) this.#show(player);
  }

  #show(player) {
    const video = element("video", { class: "film", playsinline: "", preload: "auto", "aria-label": player.name });
    this.#film = { session: player.session, video, name: player.name };
    if (player.at > 0) video.addEventListener("loadedmetadata", () => (video.currentTime = player.at), { once: true });
    for (const name of ["playing", "pause", "waiting", "seeked"]) video.addEventListener(name, () => this.#say());
    video.addEventListener("ended", () => this.#end());
    video.addEventListener("error", () => this.#note(t("player.failed", { name: player.name })));
    video.src = urlFor(player.url);
    document.body.prepend(video);
    document.body.classList.add("has-film");
    this.#obey(player);
  }

  #obey(player) {
    const { video } = this.#film;
    document.body.classList.toggle("is-filling", !player.mood);
    if (player.play && video.paused && !video.ended && !this.#blocked) this.#play();
    if (!player.play && !video.paused) video.pause();
  }

  async #play() {
    const video = this.#film?.video;
    if (!video || this.#live.news.player?.play === false) return;
    try {
      await video.play();
      this.#blocked = false;
      this.#note("");
    } catch (error) {
      if (error.name !== "NotAllowedError") return;
      this.#blocked = true;
      this.#note(t("player.start"));
    }
    this.#say();
  }

  #end() {
    this.#say();
    document.body.classList.remove("has-film", "is-filling");
    this.#film.video.hidden = true;
  }

  #leave() {
    this.#film.video.removeAttribute("src");
    this.#film.video.load();
    this.#film.video.remove();
    this.#film = null;
    this.#blocked = false;
    this.#note("");
    document.body.classList.remove("has-film", "is-filling");
  }

  #note(text) {
    const box = $("#film-note");
    write(box, text);
    box.hidden = !text;
  }

  #state(video) {
    if (video.ended) return "ended";
    return video.paused || video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA ? "paused" : "playing";
  }

  /** At once, but never more often than the device wants to hear it. */
  #say() {
    if (!this.#film) return;
    const wait = this.#told + SOONEST_MS - performance.now();
    clearTimeout(this.#timer);
    if (wait > 0) this.#timer = setTimeout(() => this.#say(), wait);
    else this.#send();
  }

  async #send() {
    if (!this.#film || this.#live.status !== "live") return;
    this.#told = performance.now();
    const { session, video } = this.#film;
    const body = { wall, session, state: this.#state(video), at_s: video.currentTime, blocked: this.#blocked };
    if (Number.isFinite(video.duration) && video.duration > 0) body.length_s = video.duration;
    try {
      await post("player/report", body);
    } catch (error) {
      if (error instanceof Refusal && error.code === "elsewhere" && this.#film?.session === session) this.#leave();
    }
  }
}
