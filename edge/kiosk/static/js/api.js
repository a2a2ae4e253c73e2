// Requests to the device: who we are, and commands with the token that proves they come from this page.

import { urlFor } from "./place.js";

let visit = null;

/** A refusal: `code` is for texts' error.*, `detail` the device's own words. */
export class Refusal extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
    this.detail = detail;
  }
}

/** Ask anew who we are: {role, csrf, login, consent, picture}. */
export async function whoami() {
  const answer = await fetch(urlFor("/api/visit"), { cache: "no-store" });
  if (!answer.ok) throw new Refusal("offline", String(answer.status));
  visit = await answer.json();
  return visit;
}

/** Send `body` to /api/`path`; throws a Refusal. */
export async function post(path, body = {}) {
  if (!visit) await whoami();
  let answer;
  try {
    answer = await fetch(urlFor(`/api/${path}`), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": visit.csrf },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refusal("offline", "");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(told.error ?? "failed", told.detail ?? String(answer.status));
  return told;
}

/** What the device last said of us. */
export const currentVisit = () => visit;
