// The visitor's own camera: frames go to the device one at a time, what it sees is drawn over the video.

import { Refusal, whoami } from "./api.js";
import { Face } from "./face.js";
import { Frames } from "./camera-frames.js";
import { Marks } from "./camera-marks.js";
import { $, element, mountParts, write } from "./parts.js";
import { urlFor } from "./place.js";
import { has, number, t } from "./texts.js";

const RETRY_MS = 3000;
const FIGURES_MS = 500;

/** What one face of the visitor's says, in the form that the room's parts read. */
class Own extends EventTarget {
  news = { mood: { kind: "starting", people: 0 } };
  status = "live";

  on(name, listener) {
    this.addEventListener(name, (event) => listener(event.detail));
  }

  tell(faces) {
    const face = faces.find((one) => one.primary) ?? null;
    this.news.mood = {
      kind: face ? (face.emotion ? "emotion" : "uncertain") : "no_face",
      emotion: face?.emotion ?? null,
      confidence: face?.confidence ?? null,
      scores: face?.scores ?? null,
      people: face ? 1 : 0,
    };
    this.dispatchEvent(new CustomEvent("news", { detail: "mood" }));
  }
}

const own = new Own();
const marks = new Marks($("#marks"));
const video = $("#video");
const chooser = $("#device");
let running = null;

new Face($("#greeter")).show("happy");
mountParts(own);

/** Run with the camera `device` (any where it is empty) until it is stopped. */
class Run {
  constructor(device) {
    this.device = device;
    this.frames = new Frames(video);
    this.over = false;
    this.trips = [];
    this.shown = 0;
  }

  async open() {
    const wanted = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
    if (this.device) wanted.deviceId = { exact: this.device };
    else wanted.facingMode = "user";
    this.stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    const [track] = this.stream.getVideoTracks();
    track.addEventListener("ended", () => end(t("camera.problem.gone")));
    const { facingMode, deviceId } = track.getSettings();
    $("#view").classList.toggle("is-mirrored", facingMode !== "environment");
    video.srcObject = this.stream;
    await video.play();
    return deviceId ?? "";
  }

  close() {
    this.over = true;
    this.frames.abort();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }

  async loop() {
    while (!this.over) {
      try {
        const began = performance.now();
        const seen = await this.frames.look();
        if (this.over) return;
        this.show(seen, performance.now() - began);
        write($("#notice"), "");
      } catch (error) {
        if (this.over) return;
        await this.recover(error);
      }
    }
  }

  show(seen, trip) {
    marks.show(seen);
    own.tell(seen.faces);
    document.body.dataset.seen = Number(document.body.dataset.seen ?? 0) + 1;
    const now = performance.now();
    this.trips = [...this.trips.filter(([at]) => now - at < 2000), [now, trip]];
    if (now - this.shown < FIGURES_MS || this.trips.length < 2) return;
    this.shown = now;
    const sorted = this.trips.map(([, value]) => value).sort((one, other) => one - other);
    const span = (now - this.trips[0][0]) / 1000;
    write($("#rate"), t("camera.rate", { n: number((this.trips.length - 1) / span) }));
    write($("#trip"), t("camera.trip", { n: Math.round(sorted[sorted.length >> 1]) }));
  }

  async recover(error) {
    if (!(error instanceof Refusal)) throw error;
    marks.show({ faces: [] });
    if (["forbidden", "forged"].includes(error.code)) {
      const visit = await whoami().catch(() => null);
      if (error.code === "forbidden" && visit) location.assign(urlFor("/login?next=/camera"));
    }
    const key = `camera.wait.${error.code}`;
    write($("#notice"), t(has(key) ? key : "camera.wait.offline"));
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function start(device = "") {
  $("#start").disabled = true;
  write($("#problem"), "");
  running?.close();
  const run = new Run(device);
  running = run;
  try {
    await whoami();
    const opened = await run.open();
    if (run.over) return;
    show(true);
    await fillChooser(opened);
    run.loop();
  } catch (error) {
    run.close();
    const key = `camera.problem.${error.name}`;
    end(has(key) ? t(key) : t("camera.problem.other", { detail: error.message || error.name }));
  } finally {
    $("#start").disabled = false;
  }
}

async function fillChooser(current) {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "videoinput");
  chooser.replaceChildren(
    ...cameras.map((one, index) => {
      const option = element("option", { value: one.deviceId }, one.label || t("camera.number", { n: index + 1 }));
      option.selected = one.deviceId === current;
      return option;
    }),
  );
  chooser.hidden = cameras.length < 2;
}

/** Let go of the camera and say why, where there is a reason to say. */
function end(why = "") {
  if (running) {
    running.close();
    running = null;
    Frames.leave();
  }
  marks.show({ faces: [] });
  show(false);
  write($("#problem"), why);
}

function show(live) {
  $("#live").hidden = !live;
  $("#intro").hidden = live;
  $("main").dataset.state = live ? "live" : "intro";
  (live ? $("#stop") : $("#intro-heading")).focus({ preventScroll: true });
}

$("#start").addEventListener("click", () => start());
$("#stop").addEventListener("click", () => end());
chooser.addEventListener("change", () => start(chooser.value));
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden" && running) end(t("camera.hidden"));
});
addEventListener("pagehide", () => running && end());

if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
  $("#start").hidden = true;
  if (window.isSecureContext) write($("#problem"), t("camera.problem.unsupported"));
  else $("#insecure").hidden = false;
}
document.body.classList.add("is-ready");
