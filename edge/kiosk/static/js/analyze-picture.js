// One picture with a button on each face.

import { Face } from "./face.js";
import { element } from "./parts.js";
import { urlFor } from "./place.js";
import { number, t } from "./texts.js";

const NS = "http://www.w3.org/2000/svg";

function spot(face, index, total, size) {
  const [x, y, width, height] = face.box;
  const mood = face.uncertain ? "uncertain" : face.emotion;
  const svg = document.createElementNS(NS, "svg");
  const words = t("analyze.face", { at: number(index + 1), total: number(total), mood: t(`emotion.${face.emotion}`), percent: Math.round(100 * face.confidence) });
  const button = element("button", { type: "button", class: "spot", "aria-label": words, "aria-pressed": "false", "data-mood": mood }, svg);
  const place = { x: x / size.width, y: y / size.height, w: width / size.width, h: height / size.height };
  for (const [name, value] of Object.entries(place)) button.style.setProperty(`--${name}`, value.toFixed(5));
  new Face(svg).show(mood, face.confidence);
  return button;
}

/** Fill `stage`; returns how to let go of it. */
export function showPicture(entry, result, stage, panel) {
  const faces = result.faces;
  const spots = faces.map((face, index) => spot(face, index, faces.length, result));
  const image = element("img", { src: urlFor(`/api/analyze/files/${entry.id}/preview.jpg`), alt: t("analyze.picture", { name: entry.name, n: faces.length }) });
  const frame = element("div", { class: "frame" }, image, ...spots);
  frame.style.setProperty("--aspect", (result.width / result.height).toFixed(5));
  stage.replaceChildren(frame);

  const choose = (index) => {
    spots.forEach((button, at) => button.setAttribute("aria-pressed", String(at === index)));
    const face = faces[index];
    if (!face) return panel.show(null, "no_face", t("analyze.nobody"));
    const lead = face.uncertain ? t("mood.uncertain.lead") : t("mood.lead", { n: 1 });
    return panel.show(face.scores, face.uncertain ? "uncertain" : face.emotion, lead);
  };
  spots.forEach((button, index) => button.addEventListener("click", () => choose(index)));
  const area = (face) => face.box[2] * face.box[3];
  choose(faces.reduce((best, face, index) => (best < 0 || area(face) > area(faces[best]) ? index : best), -1));
  return () => {};
}
