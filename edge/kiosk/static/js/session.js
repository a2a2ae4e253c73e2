// One report, or several sessions side by side, in a frame of its own; print, save, data.

import { $, write } from "./parts.js";
import { urlFor } from "./place.js";
import { t } from "./texts.js";

const ids = new URLSearchParams(location.search).get("ids") ?? "";
const address = urlFor(`/sessions/report?ids=${encodeURIComponent(ids)}`);
const frame = $("#report");

async function draw() {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({}));
    write($("#state"), t("error.failed", { detail: told.detail ?? String(answer.status) }));
    return;
  }
  await answer.arrayBuffer();
  frame.addEventListener("load", show, { once: true });
  frame.src = address; // the device kept it
  frame.hidden = false;
}

function show() {
  write($("#state"), "");
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
draw().catch(() => write($("#state"), t("error.offline")));
