// One report, or several sessions side by side, in a frame of its own; print, save, data.

import { $, write } from "./parts.js";
import { urlFor } from "./place.js";
import { t } from "./texts.js";

const ids = new URLSearchParams(location.search).get("ids") ?? "";
const address = urlFor(`/sessions/report?ids=${encodeURIComponent(ids)}`);
const frame = $("#report");
const POLL_MS = 500;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait until the device has drawn it, and show how far it is. */
async function draw() {
  const [text, bar] = [$("#state-text"), $("#progress")];
  for (;;) {
    const answer = await fetch(urlFor(`/api/sessions/report?ids=${encodeURIComponent(ids)}`), { cache: "no-store" });
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      bar.hidden = true;
      write(text, t("error.failed", { detail: told.detail ?? String(answer.status) }));
      return;
    }
    if (told.ready) break;
    bar.hidden = false;
    bar.value = Math.round(100 * told.progress);
    write(text, told.ahead ? t("sessions.queued", { n: told.ahead }) : t("sessions.drawing"));
    await pause(POLL_MS);
  }
  frame.addEventListener("load", show, { once: true });
  frame.src = address; // the device kept it
  frame.hidden = false;
}

function show() {
  $("#state").hidden = true;
  const title = frame.contentDocument?.title;
  if (title) {
    write($("#heading"), title);
    document.title = title;
    frame.title = title;
  }
  $("#print").disabled = false;
  $("#save").href = `${address}&save`;
  $("#save").hidden = false;
  if (ids.includes(",")) return;
  for (const link of document.querySelectorAll("[data-form]")) link.href = urlFor(`/sessions/data/${link.dataset.form}?ids=${encodeURIComponent(ids)}`);
  $("#data").hidden = false;
}

$("#print").addEventListener("click", () => frame.contentWindow.print());
draw().catch(() => write($("#state-text"), t("error.offline")));
