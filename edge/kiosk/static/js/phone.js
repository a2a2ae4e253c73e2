// One column for a hand: the mood, and for operators three buttons in reach of a thumb.

import { Controls } from "./controls.js";
import { Live } from "./live.js";
import { $, announcer, barsPart, moodPart, peoplePart, sessionPart, statusPart, timelinePart } from "./parts.js";

const live = new Live();

moodPart(live, $("#mood"));
barsPart(live, $("#bars"));
peoplePart(live, $("#people"));
sessionPart(live, $("#session"));
statusPart(live, $("#status"));
timelinePart(live, $("#timeline"));
announcer(live, $("#announce"));
new Controls(live);
live.start();
