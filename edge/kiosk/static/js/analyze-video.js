// One video: its marked copy with sound, and the seven scores at the moment that is shown.

import { Chart } from "./analyze-chart.js";
import { EMOTIONS } from "./classes.js";
import { $, element } from "./parts.js";
import { urlFor } from "./place.js";
import { t } from "./texts.js";

const leading = (scores) => EMOTIONS.reduce((best, one) => (scores[one] > scores[best] ? one : best));

/** Fill `stage` and the chart; returns how to let go of them. */
export function showVideo(entry, result, stage, panel) {
  const video = element("video", { src: urlFor(`/api/analyze/files/${entry.id}/copy.mp4`), controls: "", playsinline: "", preload: "metadata", "aria-label": t("analyze.video", { name: entry.name }) });
  const chart = new Chart($("#chart"), result, video);
  let running = true;
  let shown = -1;
  stage.replaceChildren(video);

  const show = () => {
    const seconds = video.currentTime;
    const scores = chart.at(seconds);
    const top = scores ? leading(scores) : null;
    chart.follow(seconds, scores, top);
    const step = Math.floor(seconds / result.step_s);
    if (step === shown) return;
    shown = step;
    panel.show(scores, top ?? "no_face", scores ? t("analyze.then", { n: result.faces[Math.min(step, result.faces.length - 1)] || 1 }) : t("analyze.nobody"));
  };
  const follow = () => {
    if (!running) return;
    show();
    if (!video.paused) requestAnimationFrame(follow);
  };
  for (const name of ["play", "timeupdate", "seeked", "loadedmetadata"]) video.addEventListener(name, follow);
  show();
  return () => {
    running = false;
    video.pause();
    video.removeAttribute("src");
    video.load();
  };
}
