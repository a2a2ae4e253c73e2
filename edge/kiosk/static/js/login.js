// The password, or a viewing token from the address's fragment, which browsers never send: /login#token=…

import { Refusal, post, whoami } from "./api.js";
import { $, write } from "./parts.js";
import { urlFor } from "./place.js";
import { has, t } from "./texts.js";

const PAGES = ["/", "/operator", "/phone", "/camera", "/analyze", "/sessions"];

function goOn(role) {
  const asked = new URLSearchParams(location.search).get("next");
  const wanted = PAGES.includes(asked) ? asked : "/";
  const to = role === "viewer" && ["/operator", "/sessions"].includes(wanted) ? "/" : role === "operator" && !asked ? "/operator" : wanted;
  location.replace(urlFor(to));
}

const AGAIN_MS = 5000;

/** Log in; with `isPatient` whoever has to wait tries again without being asked. */
async function enter(password, isPatient = false) {
  const button = $("#enter");
  button.disabled = true;
  try {
    await whoami();
    goOn((await post("login", { password })).role);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const key = `error.${error.code}`;
    write($("#problem"), has(key) ? t(key, { detail: error.detail }) : t("error.failed", { detail: error.detail }));
    if (isPatient && error.code === "throttled") setTimeout(() => enter(password, true), AGAIN_MS);
    else $("#password").select();
  } finally {
    button.disabled = false;
  }
}

$("#login").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($("#password").value);
});

const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", location.pathname + location.search);
  enter(token, true);
} else {
  $("#password").focus();
}
