// What operators press: buttons and keys, the same on every view.

import { Refusal, post, whoami } from "./api.js";
import { wanted } from "./group.js";
import { $, toast, write } from "./parts.js";
import { urlFor } from "./place.js";
import { has, t } from "./texts.js";

const KEYS_SETTING = "face-edge-keys";

/** Run a command and say what became of it. */
export async function act(path, body, done) {
  try {
    const answer = await post(path, body);
    if (answer.warning) toast([done, t("error.unsaved")].filter(Boolean).join(". "), "bad");
    else if (done) toast(done);
    return answer;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const key = `error.${error.code}`;
    toast(has(key) ? t(key, { detail: error.detail }) : t("error.failed", { detail: error.detail }), "bad");
    if (error.code === "forged") whoami().catch(() => {});
    if (error.code === "consent") $("#consent")?.showModal();
    return null;
  }
}

export class Controls {
  constructor(live) {
    this.live = live;
    this.operates = false;
    live.on("visit", (visit) => this.#allow(visit.role === "operator"));
    live.on("topic:privacy", () => this.#showPrivacy());
    live.on("topic:session", () => this.#showSession());
    for (const button of document.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => this[button.dataset.act]());
    }
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  #allow(operates) {
    this.operates = operates;
    document.body.classList.toggle("may-operate", operates);
  }

  async mark() {
    const field = $("#marker-label");
    const label = field?.value.trim() ?? "";
    if ((await act("mark", { label }, label ? `${t("marker.done")}: ${label}` : t("marker.done"))) && field) field.value = "";
  }

  privacy() {
    const on = !this.live.news.privacy;
    return act("privacy", { on }, on ? t("privacy.paused") : t("privacy.resumed"));
  }

  start() {
    const minutes = Number($("#session-planned")?.value || 0);
    const body = { title: $("#session-title")?.value ?? "", kind: $("#session-kind")?.value ?? "other" };
    Object.assign(body, wanted());
    if (minutes > 0) body.planned_s = minutes * 60;
    const film = $("#session-film")?.value;
    if (film) Object.assign(body, { film, film_mood: $("#film-mood").value === "small", film_ends: $("#film-ends").checked });
    return act("session/start", body, t("session.started"));
  }

  stop() {
    return act("session/stop", {}, t("session.stopped"));
  }

  session() {
    if (this.live.news.session) return this.stop();
    const field = $("#session-title");
    if (!field) return this.start();
    field.focus();
    return null;
  }

  full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen?.();
  }

  logout() {
    return this.#leave("logout");
  }

  async logoutAll() {
    if (window.confirm(t("nav.logout_all_sure"))) await this.#leave("logout/all");
  }

  async #leave(path) {
    if (await act(path, {})) location.assign(urlFor("/login"));
  }

  #showPrivacy() {
    const on = Boolean(this.live.news.privacy);
    for (const button of document.querySelectorAll('[data-act="privacy"]')) {
      const short = "short" in button.dataset ? "short_" : "";
      write($("[data-label]", button) ?? button, t(`privacy.${short}${on ? "resume" : "pause"}`));
      button.classList.toggle("is-on", on);
    }
  }

  #showSession() {
    const runs = Boolean(this.live.news.session);
    for (const node of document.querySelectorAll("[data-when]")) node.hidden = (node.dataset.when === "running") !== runs;
  }

  #key(event) {
    const typing = event.target.closest?.("input, textarea, select, dialog[open]");
    if (typing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !keysOn()) return;
    const key = event.key.toLowerCase();
    if (key === "f") this.full();
    const deed = this.operates ? { m: "mark", p: "privacy", s: "session" }[key] : null;
    if (!deed) return;
    event.preventDefault();
    this[deed]();
  }
}

/** Whether single keys act; some people's tools send stray ones. */
export const keysOn = () => localStorage.getItem(KEYS_SETTING) !== "off";

export function keysSwitch(box) {
  box.checked = keysOn();
  box.addEventListener("change", () => localStorage.setItem(KEYS_SETTING, box.checked ? "on" : "off"));
}
