// The sheet that opens over the page: one app, what is known of it, and its neighbours.

import { appFacts, get } from "./api.js";
import { button } from "./cards.js";
import { element } from "./dom.js";
import { icon } from "./icons.js";
import { joined, price, titleOf } from "./words.js";

const NUM_SIMILAR = 8;

export function makeSheet(dialog, act) {
  let shown = null;

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // outside of it
  });

  async function show(app, isInstalled) {
    shown = app;
    const neighbours = element("ol", { class: "rows" });
    const title = titleOf(app);
    const action = isInstalled
      ? button("Uninstall", title, () => leave(() => act.uninstall(app)))
      : button("Install", title, () => leave(() => act.install(app)), "loud");
    dialog.replaceChildren(
      element("button", { class: "close", type: "button", "aria-label": "Close", click: () => dialog.close() }, "×"),
      element(
        "header",
        {},
        icon(app),
        element(
          "div",
          {},
          element("h2", { id: "sheet-title", tabindex: "-1" }, title),
          element("p", { class: "line" }, joined(app.category, app.developer)),
          action,
        ),
      ),
      facts(app),
      element("h3", {}, "Similar apps"),
      neighbours,
    );
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    dialog.querySelector("#sheet-title").focus();
    await fill(app, neighbours);
  }

  function leave(then) {
    dialog.close();
    then();
  }

  async function fill(app, list) {
    try {
      const answer = await get(`/v1/similar/${encodeURIComponent(app.app_id)}?k=${NUM_SIMILAR}`);
      const apps = await appFacts(answer.bundle, answer.items.map((item) => item.app_id));
      if (shown === app) list.replaceChildren(...apps.map(row));
    } catch (problem) {
      list.replaceChildren(element("li", { class: "line" }, problem.message));
    }
  }

  function row(app) {
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", click: () => act.open(app) },
        icon(app),
        element("span", {}, element("b", {}, titleOf(app)), element("small", {}, joined(app.category, price(app.price)))),
      ),
    );
  }

  return { show };
}

function facts(app) {
  const known = [
    ["Rating", app.rating && `${app.rating.toFixed(1)} of 5`],
    ["Price", price(app.price)],
    ["Size", app.size_mb && `${app.size_mb.toFixed(0)} MB`],
    ["Ages", app.content_rating],
    ["Released", app.release_day],
    ["Id", app.app_id],
  ];
  return element(
    "dl",
    {},
    ...known.filter(([, value]) => value).map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value))),
  );
}
