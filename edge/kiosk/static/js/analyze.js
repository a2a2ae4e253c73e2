// Pictures and videos of one's own: what is dropped here is sent, read on the device, shown, and deleted on leaving.

import { showPicture } from "./analyze-picture.js";
import { showVideo } from "./analyze-video.js";
import { Panel } from "./analyze-panel.js";
import { Tiles, reason } from "./analyze-tiles.js";
import { Uploads, discard } from "./analyze-upload.js";
import { currentVisit, whoami } from "./api.js";
import { Face } from "./face.js";
import { $, element, toast, write } from "./parts.js";
import { EMOTIONS } from "./classes.js";
import { currentPath, urlFor } from "./place.js";
import { duration, number, t } from "./texts.js";

const RETRY_MS = 2000;
const tab = crypto.getRandomValues(new Uint32Array(4)).join("");
const entries = [];
const panel = new Panel();
const tiles = new Tiles($("#tiles"), { open, away });
const uploads = new Uploads(update);
let chosen = null;
let release = () => {};
let source = null;
let version = null;

["happy", "surprise", "sad"].forEach((mood, index) => {
  const svg = $(`.drop-faces svg:nth-child(${index + 1})`);
  new Face(svg).show(mood);
});
document.body.dataset.mood = "neutral";

// what is shown -------------------------------------------------------------------------------------------------------

function update(entry) {
  if (entry.cancelled) return;
  if (entry.state === "failed" && !entry.told) {
    entry.told = true;
    write($("#announce"), `${entry.name}: ${reason(entry)}`);
  }
  tiles.show(entry, entry === chosen);
}

function layout() {
  const some = entries.length > 0;
  $("#main").classList.toggle("is-empty", !some);
  $("#tray").hidden = !some;
  $("#view").hidden = chosen === null;
  $("#export").hidden = !entries.some((entry) => entry.state === "done");
  write($("#tray-heading"), t("analyze.count", { n: entries.length }));
}

async function fetchResult(entry) {
  const answer = await fetch(urlFor(`/api/analyze/files/${entry.id}/result.json`));
  if (!answer.ok) return;
  entry.result = await answer.json();
  const { faces, scores } = entry.result;
  entry.faces = entry.kind === "picture" ? faces.length : Math.max(0, ...faces);
  if (scores) entry.emotion = mostly(scores);
  if (!entries.includes(entry)) return;
  write($("#announce"), `${entry.name}: ${t("analyze.faces", { n: entry.faces })}`);
  update(entry);
  if (chosen === null) open(entry, { quietly: true });
  layout();
}

function mostly(scores) {
  const sums = EMOTIONS.map((emotion) => scores[emotion].reduce((sum, value) => sum + (value ?? 0), 0));
  const most = Math.max(...sums);
  return most > 0 ? EMOTIONS[sums.indexOf(most)] : null;
}

function links(entry) {
  const at = urlFor(`/api/analyze/files/${entry.id}`);
  const link = (href, words) => element("a", { class: "button", href, download: "" }, words);
  const rows = link(`${at}/faces.csv?download`, t("analyze.rows"));
  return entry.kind === "video" ? [link(`${at}/copy.mp4?download`, t("analyze.download")), rows] : [rows];
}

function facts({ kind, width, height, duration_s: length, faces }) {
  const size = `${number(width)} × ${number(height)}`;
  if (kind === "picture") return `${t("analyze.faces", { n: faces.length })} · ${size}`;
  return `${duration(length)} · ${size} · ${t("analyze.most", { n: Math.max(0, ...faces) })}`;
}

function open(entry, { quietly = false } = {}) {
  if (!entry.result) return;
  release();
  const before = chosen;
  chosen = entry;
  if (before) update(before);
  update(entry);
  write($("#view-heading"), entry.name);
  write($("#view-facts"), facts(entry.result));
  $("#chart").hidden = entry.kind !== "video";
  $("#links").replaceChildren(...links(entry));
  layout();
  const show = entry.kind === "video" ? showVideo : showPicture;
  release = show(entry, entry.result, $("#stage"), panel);
  if (!quietly) $("#view-heading").focus();
}

function away(entry) {
  const index = entries.indexOf(entry);
  if (index < 0) return;
  uploads.cancel(entry);
  entry.cancelled = true;
  if (entry.id) discard(entry.id);
  entries.splice(index, 1);
  tiles.forget(entry);
  if (chosen === entry) {
    release();
    release = () => {};
    chosen = null;
    $("#stage").replaceChildren();
    const next = entries.slice(index).find((one) => one.result) ?? entries.findLast((one) => one.result);
    if (next) open(next, { quietly: true });
  }
  const neighbour = entries[Math.min(index, entries.length - 1)];
  if (neighbour) tiles.focus(neighbour);
  else $("#choose").focus();
  layout();
}

// what comes in -------------------------------------------------------------------------------------------------------

function take(files) {
  for (const file of files) {
    const entry = { file, name: file.name || t("analyze.pasted"), kind: file.type.startsWith("video/") ? "video" : "picture", state: "queued", sent: 0 };
    entries.push(entry);
    update(entry);
    uploads.add(entry);
  }
  layout();
}

$("#choose").addEventListener("click", () => $("#files").click());
$("#files").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});
$("#clear").addEventListener("click", () => {
  for (const entry of [...entries]) away(entry);
});
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) take(event.clipboardData.files);
});
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("is-over");
});
addEventListener("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("is-over"));
addEventListener("drop", (event) => {
  document.body.classList.remove("is-over");
  if (!carriesFiles(event)) return;
  event.preventDefault();
  take(event.dataTransfer.files);
});

// how the device tells ------------------------------------------------------------------------------------------------

function hear(jobs) {
  const told = new Map(jobs.map((job) => [job.id, job]));
  for (const entry of entries.filter((one) => one.id)) {
    const job = told.get(entry.id);
    if (!job) {
      const lost = ["waiting", "running", "done", "sent"].includes(entry.state);
      if (lost) Object.assign(entry, { state: "failed", error: "gone", detail: "" });
    } else if (!["announced", "uploading"].includes(job.state)) {
      Object.assign(entry, job);
      if (job.state === "done" && !entry.asked) {
        entry.asked = true;
        fetchResult(entry);
      }
    }
    update(entry);
  }
}

function greet(hello) {
  if (version !== null && version !== hello.version) location.reload();
  version = hello.version;
  write($("#limits"), t("analyze.limits", { mb: number(hello.upload_bytes / 1e6), minutes: number(hello.video_s / 60) }));
  $("#on-disk").hidden = hello.in_memory;
  $("#choose").disabled = false;
}

function forgotten() {
  toast(t("analyze.forgotten"), "bad");
  for (const entry of [...entries]) away(entry);
}

async function listen() {
  source?.close();
  try {
    const visit = await whoami();
    if (visit.role === "nobody") {
      location.assign(urlFor(`/login?next=${encodeURIComponent(currentPath())}`));
      return;
    }
  } catch {
    setTimeout(listen, RETRY_MS);
    return;
  }
  source = new EventSource(urlFor(`/api/analyze/live?tab=${tab}`));
  source.addEventListener("hello", (event) => greet(JSON.parse(event.data)));
  source.addEventListener("files", (event) => hear(JSON.parse(event.data)));
  source.addEventListener("gone", forgotten);
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    if (version === null) write($("#limits"), t("analyze.error.full"));
    setTimeout(listen, RETRY_MS);
  });
}

addEventListener("pagehide", () => {
  const visit = currentVisit();
  if (!visit) return;
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": visit.csrf };
  fetch(urlFor("/api/analyze/leave"), { method: "POST", keepalive: true, headers, body: JSON.stringify({ tab }) }).catch(() => {});
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("beforeunload", (event) => uploads.busy && event.preventDefault());

listen();
