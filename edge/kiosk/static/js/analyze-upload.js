// Sends files one after the other: first what they are, then the bytes themselves.

import { Refusal, currentVisit, post, whoami } from "./api.js";
import { urlFor } from "./place.js";

const HEAD_BYTES = 512;
const AT_ONCE = 2;
const PAUSE_MS = 3000;
const LATER = ["throttled", "busy", "offline"]; // worth another try
const TRIES = 40;

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function head(file) {
  const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  return btoa(String.fromCharCode(...bytes));
}

async function patiently(entry, deed) {
  for (let left = TRIES; ; left -= 1) {
    try {
      return await deed();
    } catch (error) {
      if (error.code === "forged") await whoami();
      else if (!LATER.includes(error.code)) throw error;
      if (left === 0 || entry.cancelled) throw error;
      await wait(PAUSE_MS);
    }
  }
}

/** PUT with progress, which fetch cannot tell; the request is kept in `entry.request` to be broken off. */
function put(entry, tell) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    entry.request = request;
    request.open("PUT", urlFor(`/api/analyze/files/${entry.id}`));
    request.setRequestHeader("X-CSRF-Token", currentVisit().csrf);
    request.upload.addEventListener("progress", (event) => {
      entry.sent = event.total ? event.loaded / event.total : 0;
      tell(entry);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) return done();
      let told = {};
      try {
        told = JSON.parse(request.responseText);
      } catch {
        // not from the page's server: only the status is known
      }
      return fail(new Refusal(told.error ?? "failed", told.detail ?? String(request.status)));
    });
    request.addEventListener("error", () => fail(new Refusal("interrupted", "")));
    request.addEventListener("abort", () => fail(new Refusal("cancelled", "")));
    request.send(entry.file);
  });
}

/** Takes entries {file, name, state}; `tell(entry)` hears of each change, states are queued, sending, sent, failed. */
export class Uploads {
  #waiting = [];
  #running = 0;

  constructor(tell) {
    this.tell = tell;
  }

  add(entry) {
    this.#waiting.push(entry);
    this.#next();
  }

  cancel(entry) {
    entry.cancelled = true;
    this.#waiting = this.#waiting.filter((one) => one !== entry);
    entry.request?.abort();
  }

  get busy() {
    return this.#running > 0 || this.#waiting.length > 0;
  }

  #next() {
    while (this.#running < AT_ONCE && this.#waiting.length) {
      this.#running += 1;
      this.#send(this.#waiting.shift()).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #send(entry) {
    entry.state = "sending";
    this.tell(entry);
    try {
      const body = { name: entry.name, size: entry.file.size, head: await head(entry.file) };
      const told = await patiently(entry, () => post("analyze/files", body));
      entry.id = told.id;
      if (entry.cancelled) throw new Refusal("cancelled", "");
      await patiently(entry, () => put(entry, this.tell));
      entry.state = "sent";
    } catch (error) {
      entry.state = "failed";
      entry.error = error instanceof Refusal ? error.code : "unreadable";
      entry.detail = error.detail ?? "";
    }
    entry.file = null;
    entry.request = null;
    this.tell(entry);
  }
}

/** Take back what was sent, on the device as well. */
export async function discard(id) {
  const visit = currentVisit() ?? (await whoami());
  await fetch(urlFor(`/api/analyze/files/${id}`), { method: "DELETE", headers: { "X-CSRF-Token": visit.csrf } }).catch(() => {});
}
