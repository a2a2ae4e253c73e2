// One column for a hand: the mood, and for operators three buttons in reach of a thumb.

import { Controls } from "./controls.js";
import { Live } from "./live.js";
import { mountParts } from "./parts.js";

const live = new Live();

mountParts(live);
new Controls(live);
live.start();
