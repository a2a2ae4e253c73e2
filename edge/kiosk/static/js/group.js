// How many faces the figures of a session need: said before the start and while it runs, and fewer where all agree.

import { $, write } from "./parts.js";
import { t } from "./texts.js";

const AGREEING_KINDS = ["game", "private"]; // whose people can be asked, each of them

const dataset = document.body.dataset;
const [usual, least] = [Number(dataset.k ?? 1), Number(dataset.leastK ?? 1)];

const mayAgree = () => usual > least && AGREEING_KINDS.includes($("#session-kind")?.value);

/** What the start of a session asks for beside its title and kind. */
export function wanted() {
  return mayAgree() && $("#session-agreed").checked ? { k: least, agreed: true } : {};
}

function planned() {
  const agreed = wanted().agreed;
  if (usual === 1 || (agreed && least === 1)) return t("group.all");
  return t("group.needs", { n: agreed ? least : usual });
}

function kept(session, mood) {
  const k = session.k ?? usual;
  const rule = session.agreed ? t("group.agreed", { n: k }) : k === 1 ? t("group.all") : t("group.keeps", { n: k });
  const people = mood?.people ?? 0;
  return people > 0 && people < k ? `${rule} ${t("group.withheld", { n: people })}` : rule;
}

/** The lines `#session-k` and `#session-kept`, and the choice `#session-agree`, where the page has them. */
export function groupPart(live) {
  const agree = $("#session-agree");
  const show = () => {
    const { session, mood } = live.news;
    if (agree) agree.hidden = !mayAgree();
    write($("#session-k"), session ? "" : planned());
    write($("#session-kept"), session ? kept(session, mood) : "");
  };
  live.on("topic:session", (session) => {
    if (session && agree) $("#session-agreed").checked = false; // the people of the next one are asked anew
    show();
  });
  live.on("topic:mood", show);
  $("#session-form")?.addEventListener("change", show);
  show();
}
