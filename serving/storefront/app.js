// The storefront: whose shelf it is stands in the address; all else comes from the server.

import { Problem, appFacts, call, get, report } from "./api.js";
import { card, placeholders, tile } from "./cards.js";
import { element } from "./dom.js";
import { portrait } from "./icons.js";
import { makePicker } from "./picker.js";
import { makeSheet } from "./sheet.js";
import { capital, counted, country, joined, profileWords, titleOf } from "./words.js";

const NUM_APPS = 18;
const RETRY_MS = 1500;

const at = (id) => document.getElementById(id);
const act = { open: openApp, install: (app) => change("install", app), uninstall: (app) => change("uninstall", app) };
const sheet = makeSheet(at("sheet"), act);

let view = null; // what is shown: { user, page, apps }
let turn = 0; // the latest load; an older one that comes late is dropped

const asked = () => Object.fromEntries(new URLSearchParams(location.search));

function address(changes) {
  const given = Object.entries({ ...asked(), ...changes }).filter(([, value]) => value);
  return `?${new URLSearchParams(given)}`;
}

function go(changes) {
  history.pushState(null, "", address(changes));
  load();
}

async function load() {
  const mine = ++turn;
  at("main").setAttribute("aria-busy", "true");
  try {
    await meetStore();
    const next = await fetchView(asked());
    if (mine !== turn) return;
    problem(null);
    render(next);
  } catch (error) {
    if (mine === turn) fail(error);
  }
}

// Pickers, and a first person where the address names none.
async function meetStore() {
  if (at("country").disabled) {
    const store = await get("/v1/catalogue");
    fillSelect("country", "Home country", store.countries, country);
    fillSelect("device", "Own device", store.devices, capital);
  }
  if (!asked().user) {
    const [first] = (await get("/v1/users?limit=1")).users;
    if (!first) throw new Problem("There is nobody in the user store yet: write logs/users, then start the server anew.", 404);
    history.replaceState(null, "", address({ user: first.user_id }));
  }
  const { user, country: where = "", device = "" } = asked();
  at("person").value = user;
  at("country").value = where;
  at("device").value = device;
}

function fillSelect(id, unset, values, word) {
  const options = values.map((value) => new Option(word(value), value));
  at(id).replaceChildren(new Option(unset, ""), ...options.sort((a, b) => a.text.localeCompare(b.text)));
  at(id).disabled = false;
  at(id).hidden = values.length === 0; // a store without this distinction
  at(id).addEventListener("change", () => go({ [id]: at(id).value }));
}

async function fetchView({ user: userId, country: where, device }) {
  const [user, answer] = await Promise.all([
    get(`/v1/users/${encodeURIComponent(userId)}`).catch((error) => {
      if (error.status !== 404) throw error;
      return { user_id: userId, profile: {}, installed: [], unknown: true };
    }),
    call("/v1/recommend", {
      user_id: userId,
      k: NUM_APPS,
      context: { country: where ?? null, device: device ?? null, surface: "home" },
    }),
  ]);
  const page = answer.json;
  const apps = await appFacts(page.bundle, page.items.map((item) => item.app_id));
  return { user, page, apps, waited: answer.waited, server: answer.server };
}

function render(next) {
  view = next;
  const { user, page, apps, waited, server } = next;
  document.title = `${user.user_id} · Shelf`;
  at("name").textContent = user.user_id;
  at("avatar").replaceChildren(portrait(user.user_id));
  const words = user.unknown ? ["New here: nothing is known yet"] : profileWords(user.profile);
  at("profile").replaceChildren(...words.map((word) => element("li", {}, word)));

  const newestFirst = user.installed.toReversed();
  at("num-installed").textContent = String(newestFirst.length);
  at("installed").replaceChildren(...newestFirst.map((app) => tile(app, act)));
  if (!newestFirst.length) at("installed").append(element("li", { class: "empty" }, "Nothing yet. Install an app and it lands here."));

  at("cards").replaceChildren(...page.items.map((item, place) => card(item, apps[place], act)));
  if (!page.items.length) at("cards").append(element("li", { class: "empty" }, "No app is left that could be shown here."));
  nameForMotion(at("cards").children);

  at("made").replaceChildren(
    element("span", { class: "bundle", title: "The bundle that made this shelf" }, page.bundle),
    ` ${counted(page.items.length, "app")} in `,
    element("b", { title: `${waited.toFixed(1)} ms with the way there and back` }, `${(server ?? waited).toFixed(1)} ms`),
  );
  at("main").setAttribute("aria-busy", "false");
  if (apps.length) note("impression", page.items.map((item) => item.app_id));
}

function openApp(app) {
  note("click", [app.app_id]);
  sheet.show(app, view.user.installed.some((other) => other.app_id === app.app_id));
}

// Tells the server what was seen or looked at; the page does not wait for it.
function note(kind, appIds) {
  report(view.user.user_id, kind, appIds, view.page.request_id).catch(() => {});
}

// Installs or uninstalls: told to the server first, then seen, as the next request would show it.
async function change(kind, app) {
  const mine = ++turn;
  const userId = view.user.user_id;
  mark(app, "busy");
  try {
    await report(userId, kind, [app.app_id], view.page.request_id);
    const next = await fetchView(asked());
    if (mine !== turn) return;
    problem(null);
    await moved(app, () => keepFocus(() => render(next)));
    toast(kind, app);
  } catch (error) {
    mark(app, "");
    fail(error);
  }
}

function mark(app, state) {
  for (const place of placesOf(app)) place.dataset.state = state;
}

const placesOf = (app) => document.querySelectorAll(`[data-app-id="${CSS.escape(app.app_id)}"]`);

// The button that was pressed goes with its card: the next one in its place takes the focus.
function keepFocus(update) {
  const place = document.activeElement.closest("#cards > li, #installed > li");
  const list = place?.parentElement;
  const index = place ? [...list.children].indexOf(place) : -1;
  update();
  list?.children[Math.min(index, list.children.length - 1)].querySelector(".act, .remove")?.focus({ preventScroll: true });
}

// Lets the change be seen: the app's icon travels, the other cards close the gap.
async function moved(app, update) {
  if (!document.startViewTransition || matchMedia("(prefers-reduced-motion: reduce)").matches) return update();
  const travels = () => placesOf(app).forEach((place) => {
    place.style.viewTransitionName = "none";
    place.querySelector(".icon").style.viewTransitionName = "travelling";
  });
  travels();
  const transition = document.startViewTransition(() => {
    update();
    travels();
  });
  await transition.finished;
  for (const place of placesOf(app)) place.querySelector(".icon").style.viewTransitionName = "none";
}

function nameForMotion(cards) {
  for (const shown of cards) {
    const name = Array.from(shown.dataset.appId ?? "", (letter) => letter.codePointAt(0).toString(36)).join("_");
    shown.style.viewTransitionName = name ? `card-${name}` : "none";
  }
}

function toast(kind, app) {
  const [done, undo] = kind === "install" ? ["Installed", "uninstall"] : ["Uninstalled", "install"];
  const message = element(
    "p",
    {},
    `${done} ${titleOf(app)}. `,
    element("button", { type: "button", click: () => { message.remove(); change(undo, app); } }, "Undo"),
  );
  at("toast").replaceChildren(message);
  setTimeout(() => message.remove(), 6000);
}

// Tells what is wrong; where waiting helps, asks again by itself.
function fail(error) {
  if (!(error instanceof Problem)) throw error;
  const waits = error.status === 0 || error.status === 503;
  const heading = error.status === 503 ? "The store is not open yet" : error.status === 0 ? "No answer" : "That did not work";
  problem(element("p", {}, element("b", {}, heading), " ", capital(error.message)));
  if (waits) setTimeout(load, RETRY_MS);
  if (!waits) at("main").setAttribute("aria-busy", "false");
}

function problem(message) {
  at("problem").hidden = message === null;
  if (message?.textContent !== at("problem").textContent) at("problem").replaceChildren(...(message ? [message] : []));
}

makePicker({
  input: at("person"),
  list: at("people"),
  search: async (prefix) => (await get(`/v1/users?${new URLSearchParams({ prefix, limit: 30 })}`)).users,
  describe: (user) => joined(...profileWords(user.profile).slice(0, 3), counted(user.num_installed, "app")),
  choose: (userId) => go({ user: userId }),
});
addEventListener("popstate", load);
at("cards").replaceChildren(...placeholders(NUM_APPS));
load();
