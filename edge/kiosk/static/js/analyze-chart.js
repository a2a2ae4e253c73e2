// The seven scores over time as seven rows; where it is clicked the video goes on from there.

import { EMOTIONS } from "./classes.js";
import { element, write } from "./parts.js";
import { duration, t } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";
const LEAP_S = 5;

/** Areas over each stretch in which somebody was in view. */
function area(values) {
  let path = "";
  let open = false;
  values.forEach((value, index) => {
    const y = 100 - (value ?? 0);
    if (value !== null) {
      path += open ? `L${index} ${y}L${index + 1} ${y}` : `M${index} 100L${index} ${y}L${index + 1} ${y}`;
      open = true;
    }
    if (open && (value === null || index === values.length - 1)) {
      path += `L${value === null ? index : index + 1} 100Z`;
      open = false;
    }
  });
  return path || "M0 100";
}

export class Chart {
  constructor(root, result, video) {
    this.result = result;
    this.video = video;
    this.names = EMOTIONS.map((emotion) => element("span", {}, t(`emotion.${emotion}`)));
    this.figures = EMOTIONS.map(() => element("span", {}, "–"));
    this.head = element("span", { class: "chart-head" });
    this.plot = element(
      "div",
      { class: "chart-plot", role: "slider", tabindex: "0", "aria-label": t("analyze.chart"), "aria-valuemin": 0, "aria-valuemax": Math.round(result.duration_s), "aria-valuenow": 0 },
      ...EMOTIONS.map((emotion) => this.#row(emotion)),
      this.head,
    );
    const ends = element("p", { class: "chart-ends", "aria-hidden": "true" }, element("span", {}, duration(0)), element("span", {}, duration(result.duration_s)));
    root.replaceChildren(element("div", { class: "chart-names", "aria-hidden": "true" }, ...this.names), this.plot, element("div", { class: "chart-figures", "aria-hidden": "true" }, ...this.figures), ends);
    this.plot.addEventListener("pointerdown", (event) => this.#press(event));
    this.plot.addEventListener("pointermove", (event) => event.buttons && this.#press(event));
    this.plot.addEventListener("keydown", (event) => this.#key(event));
  }

  #row(emotion) {
    const svg = document.createElementNS(NS, "svg");
    const path = document.createElementNS(NS, "path");
    svg.setAttribute("viewBox", `0 -14 ${Math.max(1, this.result.faces.length)} 114`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.dataset.emotion = emotion;
    path.setAttribute("d", area(this.result.scores[emotion]));
    svg.append(path);
    return svg;
  }

  get #span() {
    return Math.max(this.result.faces.length * this.result.step_s, 0.1);
  }

  #go(seconds) {
    const end = Number.isFinite(this.video.duration) ? this.video.duration : this.result.duration_s;
    this.video.currentTime = Math.min(Math.max(0, seconds), Math.max(0, end - 0.05));
  }

  #press(event) {
    const box = this.plot.getBoundingClientRect();
    this.#go(((event.clientX - box.left) / box.width) * this.#span);
  }

  #key(event) {
    const now = this.video.currentTime;
    const to = { ArrowLeft: now - LEAP_S, ArrowDown: now - LEAP_S, ArrowRight: now + LEAP_S, ArrowUp: now + LEAP_S, Home: 0, End: this.result.duration_s }[event.key];
    if (event.key === " ") this.video[this.video.paused ? "play" : "pause"]();
    else if (to === undefined) return;
    else this.#go(to);
    event.preventDefault();
  }

  /** The scores at this moment as shares, or null where nobody was in view. */
  at(seconds) {
    const index = Math.min(Math.floor(seconds / this.result.step_s + 1e-6), this.result.faces.length - 1);
    if (index < 0 || !this.result.faces[index]) return null;
    return Object.fromEntries(EMOTIONS.map((emotion) => [emotion, this.result.scores[emotion][index] / 100]));
  }

  /** Move the line that shows the playing position; `top` is the emotion that leads there. */
  follow(seconds, scores, top) {
    this.head.style.setProperty("--at", Math.min(1, seconds / this.#span).toFixed(4));
    EMOTIONS.forEach((emotion, index) => {
      write(this.figures[index], scores ? t("bars.percent", { n: Math.round(100 * scores[emotion]) }) : "–");
      for (const node of [this.figures[index], this.names[index]]) node.classList.toggle("is-top", emotion === top);
    });
    this.plot.setAttribute("aria-valuenow", Math.round(seconds));
    this.plot.setAttribute("aria-valuetext", t("analyze.moment", { at: duration(seconds), mood: top ? t(`emotion.${top}`) : t("analyze.nobody") }));
  }
}
