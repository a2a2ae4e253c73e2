// A face as inline SVG, drawn from numbers so that it can pass smoothly from one expression to the next.

import { faceOf } from "./classes.js";

const NS = "http://www.w3.org/2000/svg";
const still = matchMedia("(prefers-reduced-motion: reduce)");
const EASE_MS = 110;

// browO, browI: height of the brows at the temples and at the nose; arch: how they bend; lift: one brow above the
// other; eye: how far open; white: how much of the eyeball shows; pupil: its size; mouth: half width w, height of the
// corners y, how far upper and lower lip hang, roundness, slant; the rest are parts that come and go, 0 to 1.
const CALM = {
  browO: -47, browI: -47, arch: -5, lift: 0, eye: 1, white: 0, pupil: 1, w: 34, y: 40, upper: 0, lower: 0, round: 0.5,
  slant: 0, teeth: 0, tongue: 0, out: 0, cheeks: 0, tear: 0, sweat: 0, tilt: 0, closed: 0,
};
const EXPRESSIONS = {
  neutral: {},
  happy: { browO: -49, browI: -52, arch: -12, eye: 0.95, w: 50, y: 18, upper: 8, lower: 64, round: 0.72, teeth: 1, tongue: 1, cheeks: 1 },
  sad: { browO: -38, browI: -56, arch: -2, eye: 0.85, w: 32, y: 56, upper: -26, lower: -26, tear: 1, tilt: -4 },
  angry: { browO: -60, browI: -31, arch: 3, eye: 0.72, w: 36, y: 56, upper: -22, lower: -22, round: 0.6, cheeks: 0.4 },
  surprise: { browO: -62, browI: -66, arch: -16, eye: 1.2, white: 0.5, pupil: 0.8, w: 19, y: 46, upper: -30, lower: 32, round: 1.05 },
  fear: { browO: -48, browI: -66, arch: -6, eye: 1.25, white: 1, pupil: 0.5, w: 40, y: 46, upper: -14, lower: 22, round: 0.95, teeth: 1, sweat: 1 },
  disgust: { browO: -46, browI: -32, arch: 5, eye: 0.3, w: 38, y: 42, upper: -16, lower: 6, round: 0.6, slant: 4, out: 1, tilt: 3 },
  contempt: { browO: -46, browI: -44, lift: 9, eye: 0.8, w: 36, y: 42, slant: -11, cheeks: 0.3 },
  uncertain: { browO: -47, browI: -47, lift: 14, w: 26, y: 42, slant: -7, tilt: 3 },
  suppressed: { w: 20, y: 42, eye: 0.9 },
  starting: { w: 18, y: 42, eye: 1.05, browO: -52, browI: -52 },
  no_face: { closed: 1, w: 16, y: 40, upper: 4, lower: 4, browO: -40, browI: -40 },
  paused: { closed: 1, w: 26, y: 34, upper: 10, lower: 10, browO: -42, browI: -42 },
  ended: { closed: 1, w: 20, y: 40, upper: 4, lower: 4, browO: -40, browI: -40 },
  fault: { eye: 0.8, browO: -42, browI: -54, w: 24, y: 48, upper: -10, lower: -10 },
  lost: { closed: 1, browO: -38, browI: -48, w: 22, y: 48, upper: -8, lower: -8 },
};

function make(name, attributes = {}, parent = null) {
  const node = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent?.append(node);
  return node;
}

const f = (value) => value.toFixed(1);
let count = 0;

/** Draws into `svg`; call `show(key, intensity)` with a key of EXPRESSIONS. */
export class Face {
  #now = { ...CALM };
  #goal = { ...CALM };
  #parts = {};
  #last = 0;
  #moving = false;

  constructor(svg) {
    this.svg = svg;
    svg.setAttribute("viewBox", "-100 -100 200 200");
    svg.setAttribute("aria-hidden", "true");
    svg.classList.add("face");
    this.#build();
    this.#draw();
  }

  show(key, intensity = 1) {
    const target = EXPRESSIONS[faceOf(key)] ?? EXPRESSIONS.uncertain;
    const much = 0.6 + 0.4 * Math.min(1, Math.max(0, intensity));
    for (const name of Object.keys(CALM)) {
      const value = target[name] ?? CALM[name];
      this.#goal[name] = CALM[name] + (value - CALM[name]) * much;
    }
    if (this.svg.dataset.mood !== key) this.svg.dataset.mood = key;
    if (still.matches) {
      Object.assign(this.#now, this.#goal);
      this.#draw();
    } else if (!this.#moving) {
      this.#moving = true;
      this.#last = performance.now();
      requestAnimationFrame((now) => this.#step(now));
    }
  }

  #step(now) {
    const part = 1 - Math.exp(-Math.max(1, now - this.#last) / EASE_MS);
    this.#last = now;
    let farthest = 0;
    for (const name of Object.keys(CALM)) {
      const way = this.#goal[name] - this.#now[name];
      this.#now[name] += way * part;
      farthest = Math.max(farthest, Math.abs(way));
    }
    this.#moving = farthest > 0.02;
    if (!this.#moving) Object.assign(this.#now, this.#goal);
    this.#draw();
    if (this.#moving) requestAnimationFrame((next) => this.#step(next));
  }

  #build() {
    const p = this.#parts;
    const id = `face${(count += 1)}`;
    const defs = make("defs", {}, this.svg);
    const gradient = make("radialGradient", { id: `${id}g`, cx: "38%", cy: "30%", r: "78%" }, defs);
    make("stop", { offset: "0", class: "face-light" }, gradient);
    make("stop", { offset: "0.62", class: "face-body" }, gradient);
    make("stop", { offset: "1", class: "face-shade" }, gradient);
    const clip = make("clipPath", { id: `${id}m` }, defs);
    p.clip = make("path", {}, clip);
    p.head = make("g", {}, this.svg);
    make("circle", { r: 94, fill: `url(#${id}g)`, class: "face-head" }, p.head);
    p.cheeks = [-1, 1].map((side) => make("ellipse", { cx: side * 58, cy: 14, rx: 17, ry: 11, class: "face-cheek" }, p.head));
    p.whites = [-1, 1].map(() => make("ellipse", { class: "face-white" }, p.head));
    p.eyes = [-1, 1].map(() => make("ellipse", { class: "face-ink" }, p.head));
    p.glints = [-1, 1].map(() => make("circle", { class: "face-glint" }, p.head));
    p.lids = [-1, 1].map(() => make("path", { class: "face-line" }, p.head));
    p.brows = [-1, 1].map(() => make("path", { class: "face-line face-brow" }, p.head));
    p.mouth = make("path", { class: "face-mouth" }, p.head);
    const inside = make("g", { "clip-path": `url(#${id}m)` }, p.head);
    p.tongue = make("ellipse", { class: "face-tongue" }, inside);
    p.teeth = make("rect", { class: "face-teeth" }, inside);
    p.lips = make("path", { class: "face-line" }, p.head);
    p.out = make("path", { class: "face-tongue face-out" }, p.head);
    p.tear = make("path", { d: "M0 -12 C6 -2 9 3 9 8 A9 9 0 0 1 -9 8 C-9 3 -6 -2 0 -12Z", class: "face-drop" }, p.head);
    p.sweat = make("path", { d: "M0 -12 C6 -2 9 3 9 8 A9 9 0 0 1 -9 8 C-9 3 -6 -2 0 -12Z", class: "face-drop" }, p.head);
  }

  #draw() {
    const n = this.#now;
    const p = this.#parts;
    p.head.setAttribute("transform", `rotate(${f(n.tilt)})`);
    for (const [index, side] of [-1, 1].entries()) this.#drawEye(index, side);
    this.#drawMouth();
    for (const cheek of p.cheeks) cheek.setAttribute("opacity", f(n.cheeks * 0.55));
    p.tear.setAttribute("transform", `translate(42 ${f(14 + 6 * n.tear)}) scale(${f(n.tear)})`);
    p.sweat.setAttribute("transform", `translate(-66 ${f(-36 + 6 * n.sweat)}) scale(${f(n.sweat)})`);
  }

  #drawEye(index, side) {
    const n = this.#now;
    const p = this.#parts;
    const open = Math.max(0, n.eye * (1 - n.closed));
    const lifted = side > 0 ? n.lift : 0;
    const [x, y] = [side * 34, -14];
    const ink = { cx: x, cy: y, rx: 10.5 * n.pupil * Math.min(1, 0.7 + open), ry: Math.max(0.1, 14.5 * n.pupil * open) };
    const white = { cx: x, cy: y, rx: 21 * Math.sqrt(n.white), ry: Math.max(0.1, 22 * Math.sqrt(n.white) * open) };
    for (const [name, value] of Object.entries(ink)) p.eyes[index].setAttribute(name, f(value));
    for (const [name, value] of Object.entries(white)) p.whites[index].setAttribute(name, f(Math.max(value, name[0] === "r" ? 0 : -99)));
    p.glints[index].setAttribute("cx", f(x + 3.5 * n.pupil));
    p.glints[index].setAttribute("cy", f(y - 5.5 * n.pupil * open));
    p.glints[index].setAttribute("r", f(3.2 * n.pupil * Math.min(1, Math.max(0, open - 0.35) * 2)));
    p.lids[index].setAttribute("d", `M${f(x - 15)} ${y + 1} Q${f(x)} ${f(y + 13)} ${f(x + 15)} ${y + 1}`);
    p.lids[index].setAttribute("opacity", f(Math.max(0, n.closed * 3 - 2)));
    p.eyes[index].setAttribute("opacity", n.closed > 0.75 ? "0" : "1");
    const [outer, inner] = [n.browO - lifted, n.browI - lifted];
    const middle = (outer + inner) / 2 + n.arch;
    p.brows[index].setAttribute("d", `M${side * 53} ${f(outer)} Q${side * 35} ${f(middle)} ${side * 17} ${f(inner)}`);
  }

  #drawMouth() {
    const n = this.#now;
    const p = this.#parts;
    const [left, right] = [n.y + n.slant, n.y - n.slant];
    const k = n.round * n.w;
    const over = `C${f(-k)} ${f(left + n.upper)} ${f(k)} ${f(right + n.upper)} ${f(n.w)} ${f(right)}`;
    const under = `C${f(k)} ${f(right + n.lower)} ${f(-k)} ${f(left + n.lower)} ${f(-n.w)} ${f(left)}`;
    const path = `M${f(-n.w)} ${f(left)} ${over} ${under}Z`;
    for (const part of [p.mouth, p.clip, p.lips]) part.setAttribute("d", path);
    const top = n.y + 0.75 * Math.min(n.upper, n.lower);
    const high = 0.75 * Math.abs(n.lower - n.upper);
    const teeth = { x: -60, y: top - 4, width: 120, height: 4 + high * 0.34 };
    for (const [name, value] of Object.entries(teeth)) p.teeth.setAttribute(name, f(Math.max(value, name === "height" ? 0 : -199)));
    p.teeth.setAttribute("opacity", f(n.teeth));
    const tongue = { cx: 0, cy: top + high * 1.02, rx: n.w * 0.62, ry: high * 0.42 };
    for (const [name, value] of Object.entries(tongue)) p.tongue.setAttribute(name, f(name[0] === "r" ? Math.max(0, value) : value));
    p.tongue.setAttribute("opacity", f(n.tongue));
    const base = n.y + 0.6 * n.lower;
    const length = 26 * n.out;
    p.out.setAttribute("d", `M-3 ${f(base - 3)} L-3 ${f(base + length)} a13 13 0 0 0 26 0 L23 ${f(base - 5)}Z`);
    p.out.setAttribute("opacity", f(n.out > 0.2 ? 1 : 0));
  }
}
