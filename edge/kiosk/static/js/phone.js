// One column for a hand: the mood, and for operators three buttons in reach of a thumb.

import { Controls } from "./controls.js";
import { groupPart } from "./group.js";
import { Live } from "./live.js";
import { mountParts } from "./parts.js";

const live = new Live();

mountParts(live);
groupPart(live);
new Controls(live);
live.start();
