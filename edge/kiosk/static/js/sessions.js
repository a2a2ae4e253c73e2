// The list of kept sessions: reports, comparisons, data, deletion.

import { Refusal, post, whoami } from "./api.js";
import { act } from "./controls.js";
import { $, element, toast, write } from "./parts.js";
import { urlFor } from "./place.js";
import { duration, number, signed, t } from "./texts.js";

const COMPARED_MAX = 8;
const table = $("#kept");
const rows = $("tbody", table);
const known = new Map();
const when = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

const chosen = () => [...rows.querySelectorAll("input:checked")].map((box) => box.value);

function cell(kind, ...content) {
  return element("td", { class: `is-${kind}`, "data-name": t(`sessions.columns.${kind}`) }, ...content);
}

function take(session) {
  const report = element("a", { class: "button is-main", href: urlFor(`/sessions/view?ids=${session.id}`) }, t("sessions.report"));
  const forms = table.dataset.forms.split(" ").map((form) =>
    element("a", { href: urlFor(`/sessions/data/${form}?ids=${session.id}`), "aria-label": t("sessions.take_data", { form: t(`sessions.forms.${form}`), title: name(session) }) }, t(`sessions.forms.${form}`)),
  );
  return cell("take", element("div", { class: "kept-take" }, report, element("span", { class: "kept-forms" }, ...forms)));
}

const name = (session) => session.title || t("session.untitled");

function people(session) {
  if (session.people === null) return "–";
  return t("sessions.people_of", { mean: number(session.people), most: number(session.people_max) });
}

function row(session) {
  const box = element("input", { type: "checkbox", value: session.id, "aria-label": t("sessions.choose_one", { title: name(session) }) });
  const kind = session.media ? `${t(`session.kinds.${session.kind}`)} · ${session.media}` : t(`session.kinds.${session.kind}`);
  const title = element("td", { class: "is-session" }, element("strong", {}, name(session)), element("span", { class: "kept-kind" }, kind));
  const length = session.running ? t("sessions.running", { time: duration(session.lasted_s) }) : duration(session.lasted_s);
  const valence = session.valence === null ? t(session.withheld_s ? "sessions.withheld" : "sessions.none_seen") : signed(session.valence);
  return element(
    "tr",
    { "data-id": session.id, class: session.running ? "is-running" : "" },
    element("td", { class: "is-choice" }, box),
    title,
    cell("when", when.format(Date.parse(session.start))),
    cell("length", length),
    cell("people", people(session)),
    cell("valence", valence),
    take(session),
  );
}

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const told = await answer.json();
  if (!answer.ok) throw new Refusal(told.error, told.detail);
  return told;
}

async function load() {
  const last = [...known.values()].at(-1)?.number;
  try {
    const { sessions, more } = await ask(urlFor(`/api/sessions${last ? `?before=${last}` : ""}`));
    for (const session of sessions) {
      known.set(session.id, session);
      rows.append(row(session));
    }
    $("#older").hidden = !more;
    write($("#kept-state"), known.size ? "" : t("sessions.none"));
    table.hidden = known.size === 0;
  } catch (error) {
    write($("#kept-state"), t("error.failed", { detail: error.detail ?? error.message }));
  }
  choose();
}

function choose() {
  const ids = chosen();
  $("#compare").disabled = ids.length < 2 || ids.length > COMPARED_MAX;
  $("#delete").disabled = ids.length === 0 || ids.some((id) => known.get(id).running);
  write($("#kept-hint"), ids.length ? t("sessions.chosen", { n: ids.length }) : t("sessions.hint"));
}

rows.addEventListener("change", choose);
$("#older").addEventListener("click", load);
$("#compare").addEventListener("click", () => {
  // in the order in which they were held: the list has the last one first
  location.assign(urlFor(`/sessions/view?ids=${chosen().reverse().join(",")}`));
});

const sure = $("#sure");
$("#delete").addEventListener("click", () => {
  $("#sure-list").replaceChildren(...chosen().map((id) => element("li", {}, `${name(known.get(id))}, ${when.format(Date.parse(known.get(id).start))}`)));
  sure.returnValue = "no";
  sure.showModal();
});
sure.addEventListener("close", async () => {
  if (sure.returnValue !== "yes") return;
  const ids = chosen();
  const done = await act("sessions/delete", { ids });
  if (!done) return;
  for (const id of done.deleted) {
    known.delete(id);
    $(`tr[data-id="${id}"]`, rows)?.remove();
  }
  toast(t("sessions.deleted", { n: done.deleted.length }));
  if (known.size === 0) await load();
  choose();
  $("#kept-hint").focus?.();
});

await whoami().catch(() => {});
load();
