// The search box for people: a combobox after the ARIA pattern, with the keyboard's arrows.

import { element } from "./dom.js";

export function makePicker({ input, list, search, describe, choose }) {
  let options = [];
  let active = -1;
  let asked = 0;

  async function open(prefix) {
    const mine = ++asked;
    const found = await search(prefix).catch(() => []);
    if (mine !== asked || document.activeElement !== input) return;
    options = found;
    list.replaceChildren(...found.map(row));
    list.hidden = found.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    activate(-1);
  }

  function close() {
    asked++;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    activate(-1);
  }

  function activate(index) {
    active = index;
    [...list.children].forEach((child, at) => child.setAttribute("aria-selected", String(at === index)));
    if (index < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", list.children[index].id);
    list.children[index].scrollIntoView({ block: "nearest" });
  }

  function take(userId) {
    if (!userId) return;
    input.value = userId;
    close();
    choose(userId);
  }

  function row(user, index) {
    return element(
      "li",
      {
        id: `option-${index}`,
        role: "option",
        "aria-selected": "false",
        mousedown: (event) => event.preventDefault(), // the box keeps the focus
        click: () => take(user.user_id),
      },
      element("span", { class: "option-name" }, user.user_id),
      element("span", { class: "option-about" }, describe(user)),
    );
  }

  const keys = {
    ArrowDown: () => (list.hidden ? open("") : activate((active + 1) % options.length)),
    ArrowUp: () => (list.hidden ? open("") : activate((active <= 0 ? options.length : active) - 1)),
    Enter: () => take(active < 0 ? input.value.trim() : options[active].user_id),
    Escape: close,
  };
  input.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.isComposing) return;
    event.preventDefault();
    keys[event.key]();
  });
  input.addEventListener("input", () => open(input.value.trim()));
  input.addEventListener("focus", () => {
    input.select();
    open(""); // who is chosen already must not narrow the list
  });
  input.addEventListener("blur", close);
}
