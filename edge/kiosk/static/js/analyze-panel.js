// The seven percentages of one face, or of one moment: emoji, word and bars.

import { Face } from "./face.js";
import { EMOTIONS } from "./classes.js";
import { $, element, write } from "./parts.js";
import { t } from "./texts.js";

export class Panel {
  constructor() {
    this.face = new Face($("#panel-face"));
    this.rows = EMOTIONS.map((emotion) => {
      const name = t(`emotion.${emotion}`);
      const fill = element("span", { class: "bar-fill" });
      const figure = element("span", { class: "bar-figure" }, "–");
      const meter = element("div", { class: "bar-track", role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, fill);
      const row = element("li", { class: "bar", "data-emotion": emotion }, element("span", { class: "bar-name" }, name), meter, figure);
      $("#panel-bars").append(row);
      return { row, fill, figure, meter };
    });
  }

  /** `scores` by emotion as shares, or null; `mood` is what the face shows: an emotion, "uncertain" or "no_face". */
  show(scores, mood, lead) {
    const top = scores && mood !== "uncertain" ? mood : null;
    this.face.show(mood, top ? scores[top] : 1);
    document.body.dataset.mood = mood;
    write($("#panel-lead"), lead);
    write($("#panel-word"), top ? t(`emotion.${top}`) : t(`mood.${mood}.word`));
    $("#panel-bars").classList.toggle("is-empty", !scores);
    this.rows.forEach(({ row, fill, figure, meter }, index) => {
      const emotion = EMOTIONS[index];
      const percent = Math.round(100 * (scores?.[emotion] ?? 0));
      fill.style.setProperty("--share", (percent / 100).toFixed(2));
      meter.setAttribute("aria-valuenow", percent);
      write(figure, scores ? t("bars.percent", { n: percent }) : "–");
      row.classList.toggle("is-top", emotion === top);
    });
  }
}
