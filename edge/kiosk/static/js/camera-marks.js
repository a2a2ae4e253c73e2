// Boxes with face and word over the video, one for each face, kept by the device's number for it.

import { Face } from "./face.js";
import { element, write } from "./parts.js";
import { t } from "./texts.js";

export class Marks {
  #root;
  #marks = new Map();

  constructor(root) {
    this.#root = root;
  }

  show({ width, height, faces }) {
    if (width) this.#root.parentElement.style.setProperty("--aspect", (width / height).toFixed(4));
    const there = new Set(faces.map((face) => face.id));
    for (const [id, mark] of this.#marks) {
      if (there.has(id)) continue;
      mark.box.remove();
      this.#marks.delete(id);
    }
    for (const face of faces) this.#place(this.#marks.get(face.id) ?? this.#add(face.id), face);
  }

  #add(id) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const word = element("span", { class: "own-word" });
    const box = element("div", { class: "own-mark" }, element("div", { class: "own-label" }, svg, word));
    this.#root.append(box);
    const mark = { box, word, face: new Face(svg) };
    this.#marks.set(id, mark);
    return mark;
  }

  #place({ box, word, face: drawn }, { box: [x, y, width, height], emotion, confidence, primary }) {
    const shares = { "--x": x, "--y": y, "--w": width, "--h": height };
    for (const [name, value] of Object.entries(shares)) box.style.setProperty(name, value);
    box.dataset.mood = emotion ?? "uncertain";
    box.classList.toggle("is-primary", primary);
    box.classList.toggle("is-high", y < 0.14);
    drawn.show(emotion ?? "uncertain", confidence);
    write(word, emotion ? t(`emotion.${emotion}`) : t("mood.uncertain.word"));
  }
}
