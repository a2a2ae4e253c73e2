// The wall: full screen, read from far, touched by nobody.

import { Controls } from "./controls.js";
import { Live } from "./live.js";
import { mountParts } from "./parts.js";
import { Player } from "./player.js";

const IDLE_MS = 3000;
const live = new Live();

mountParts(live);
new Controls(live);
new Player(live);
live.start();

let idle = 0;
function stir() {
  document.body.classList.remove("is-idle");
  clearTimeout(idle);
  idle = setTimeout(() => document.body.classList.add("is-idle"), IDLE_MS);
}
for (const name of ["pointermove", "pointerdown", "keydown", "focusin"]) document.addEventListener(name, stir);
stir();

async function stayAwake() {
  // only where the page is trusted (https or this machine), and only while it is seen
  if (document.visibilityState === "visible") await navigator.wakeLock?.request("screen").catch(() => {});
}
document.addEventListener("visibilitychange", stayAwake);
stayAwake();
