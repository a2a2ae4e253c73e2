// The list of kept sessions: reports, comparisons, data, deletion.

import { Refusal, post, whoami } from "./api.js";
import { act } from "./controls.js";
import { $, element, toast, write } from "./parts.js";
import { urlFor } from "./place.js";
import { duration, number, signed, t } from "./texts.js";

const COMPARED_MAX = 8;
const LEAST_COVERAGE = 0.1; // as in reports
const AGAIN_MS = 1000;
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
  if (session.people === null) return t(session.pending ? "sessions.pending" : "sessions.none_seen");
  return t("sessions.people_of", { mean: number(session.people), most: number(session.people_max) });
}

/** Mean valence, and of how much of the time with faces it is; withheld where that is too little to sum it up. */
function valence(session) {
  if (session.pending) return [t("sessions.pending")];
  const covers = session.figures_s / Math.max(session.figures_s + session.withheld_s, 1);
  if (session.valence === null || covers < LEAST_COVERAGE) return [t(session.withheld_s ? "sessions.withheld" : "sessions.none_seen")];
  const part = Math.floor(100 * covers);
  return part >= 100 ? [signed(session.valence)] : [signed(session.valence), element("span", { class: "kept-kind" }, t("sessions.covers", { n: part }))];
}

function row(session) {
  const box = element("input", { type: "checkbox", value: session.id, "aria-label": t("sessions.choose_one", { title: name(session) }) });
  const agreed = session.agreed ? ` · ${t("sessions.agreed", { n: session.k })}` : "";
  const kind = session.media ? `${t(`session.kinds.${session.kind}`)} · ${session.media}` : t(`session.kinds.${session.kind}`);
  const title = element("td", { class: "is-session" }, element("strong", {}, name(session)), element("span", { class: "kept-kind" }, kind + agreed));
  const length = session.running ? t("sessions.running", { time: duration(session.lasted_s) }) : duration(session.lasted_s);
  return element(
    "tr",
    { "data-id": session.id, class: session.running ? "is-running" : "" },
    element("td", { class: "is-choice" }, box),
    title,
    cell("when", when.format(Date.parse(session.start))),
    cell("length", length),
    cell("people", people(session)),
    cell("valence", ...valence(session)),
    take(session),
  );
}

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const told = await answer.json();
  if (!answer.ok) throw new Refusal(told.error, told.detail);
  return told;
}

const piece = (before) => ask(urlFor(`/api/sessions${before ? `?before=${before}` : ""}`));

/** Figures that were still being summed up; the rows stay where they are. */
async function complete(before) {
  const { sessions } = await piece(before).catch(() => ({ sessions: [] }));
  for (const session of sessions) {
    const old = $(`tr[data-id="${session.id}"]`, rows);
    if (!old || !known.get(session.id)?.pending || session.pending) continue;
    known.set(session.id, session);
    const fresh = row(session);
    $("input", fresh).checked = $("input", old).checked;
    old.replaceWith(fresh);
  }
  if (sessions.some((session) => session.pending)) setTimeout(complete, AGAIN_MS, before);
}

async function load() {
  const last = [...known.values()].at(-1)?.number;
  try {
    const { sessions, more } = await piece(last);
    for (const session of sessions) {
      known.set(session.id, session);
      rows.append(row(session));
    }
    if (sessions.some((session) => session.pending)) setTimeout(complete, AGAIN_MS, last);
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
