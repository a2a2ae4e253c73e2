// The film on the operator's desk: which one a session shows, how far it is, pause and go on.

import { act } from "./controls.js";
import { $, element, write } from "./parts.js";
import { urlFor } from "./place.js";
import { duration, t } from "./texts.js";

async function fill() {
  const answer = await fetch(urlFor("/api/media"), { cache: "no-store" });
  if (!answer.ok) return;
  const { set_up, names } = await answer.json();
  const list = $("#session-film");
  const before = list.value;
  list.replaceChildren(list.options[0], ...names.map((name) => element("option", { value: name }, name)));
  list.value = names.includes(before) ? before : "";
  $("#film-choice").hidden = !set_up;
  options();
}

function options() {
  $("#film-options").hidden = !$("#session-film").value;
}

function said(player) {
  if (player.blocked) return t("player.blocked");
  if (!player.wall || !player.state) return t("player.waiting");
  return t(`player.state.${player.state}`, { at: duration(player.at), length: player.length ? duration(player.length) : "–" });
}

export function filmPart(live) {
  live.on("topic:player", (player) => {
    $("#film").hidden = !player;
    if (!player) return;
    write($("#film-name"), player.name);
    write($("#film-state"), said(player));
    write($("#film-steer"), player.play ? t("player.pause") : t("player.play"));
    $("#film-steer").hidden = player.state === "ended";
  });
  $("#film-steer").addEventListener("click", () => act("player", { play: !live.news.player.play }));
  $("#session-film").addEventListener("change", options);
  live.on("topic:session", (session) => !session && fill());
  live.on("visit", (visit) => visit.role === "operator" && fill());
}
