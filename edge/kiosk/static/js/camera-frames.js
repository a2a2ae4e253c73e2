// One frame at a time: the video's newest picture as a small JPEG to the device, its answer back.

import { Refusal, currentVisit } from "./api.js";
import { urlFor } from "./place.js";

const LONGEST_SIDE = 480; // pixels; the device looks for faces in no more
const QUALITY = 0.72;
const FIRST_TIMEOUT_MS = 70000; // the device may have to start its worker first
const TIMEOUT_MS = 20000;

const headers = (type) => ({ "Content-Type": type, "X-CSRF-Token": currentVisit()?.csrf ?? "" });

export class Frames {
  #canvas = document.createElement("canvas");
  #video;
  #abort = new AbortController();
  #over = false;
  #timeout = FIRST_TIMEOUT_MS;

  constructor(video) {
    this.#video = video;
  }

  /** Send what the video shows now; gives {width, height, faces, ms}, or throws a Refusal. */
  async look() {
    const picture = await this.#picture();
    if (this.#over) throw new Refusal("offline", "");
    this.#abort = new AbortController();
    const patience = setTimeout(() => this.#abort.abort(), this.#timeout);
    let answer;
    let told;
    try {
      answer = await fetch(urlFor("/api/camera"), {
        method: "POST",
        headers: headers("image/jpeg"),
        body: picture,
        signal: this.#abort.signal,
      });
      told = await answer.json();
    } catch (error) {
      throw new Refusal("offline", error.message);
    } finally {
      clearTimeout(patience);
    }
    if (!answer.ok) throw new Refusal(told.error ?? "failed", told.detail ?? "");
    this.#timeout = TIMEOUT_MS;
    return told;
  }

  abort() {
    this.#over = true;
    this.#abort.abort();
  }

  /** Tell the device to forget us at once; it would of itself after some seconds. */
  static leave() {
    fetch(urlFor("/api/camera/leave"), { method: "POST", headers: headers("application/json"), body: "{}", keepalive: true }).catch(() => {});
  }

  async #picture() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width) throw new Refusal("no_picture", "");
    const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    canvas.getContext("2d", { alpha: false }).drawImage(this.#video, 0, 0, canvas.width, canvas.height);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    if (!picture) throw new Refusal("no_picture", "");
    return picture;
  }
}
