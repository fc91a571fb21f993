// What lies on the page: cards of the shelf, tiles of the device, and their placeholders.

import { element } from "./dom.js";
import { icon } from "./icons.js";
import { chance, joined, price, stars, titleOf } from "./words.js";

const WHY = {
  retrieval: "near this person’s taste",
  popular: "popular in this country",
  new: "released lately",
  similar: "similar to an app looked at",
  catalogue: "fills the shelf where filters left few",
};

export function card(item, app, act) {
  const title = titleOf(app);
  return element(
    "li",
    { class: "card", "data-app-id": app.app_id },
    icon(app),
    element(
      "div",
      { class: "about" },
      element("button", { class: "open", type: "button", click: () => act.open(app) }, title),
      element("p", { class: "line" }, app.category ?? ""),
      element("p", { class: "line" }, joined(stars(app.rating), price(app.price))),
    ),
    button("Install", title, () => act.install(app)),
    element(
      "p",
      { class: "why" },
      ...item.sources.map(sourceLabel),
      element(
        "span",
        { class: "score", title: "The ranker’s chance of an install" },
        `${chance(item.score)} likely`,
      ),
    ),
  );
}

export function tile(app, act) {
  const title = titleOf(app);
  return element(
    "li",
    { class: "tile", "data-app-id": app.app_id },
    element(
      "button",
      { class: "open", type: "button", title, click: () => act.open(app) },
      icon(app),
      element("span", {}, title),
    ),
    element(
      "button",
      { class: "remove", type: "button", "aria-label": `Uninstall ${title}`, click: () => act.uninstall(app) },
      "×",
    ),
  );
}

export function button(verb, title, click, look = "quiet") {
  return element("button", { class: `act ${look}`, type: "button", "aria-label": `${verb} ${title}`, click }, verb);
}

export function placeholders(number) {
  return Array.from({ length: number }, () =>
    element("li", { class: "card placeholder", "aria-hidden": "true" }, element("span", { class: "icon" }),
      element("div", { class: "about" }, element("i"), element("i"), element("i"))));
}

function sourceLabel(name) {
  return element("span", { class: "source", "data-source": name, title: WHY[name] ?? name }, name);
}
