// SPDX-License-Identifier: AGPL-3.0-or-later
// Keyboard shortcuts. Each only goes where a link goes, ticks a box, or presses a
// button that says so. None
// works while a field has the focus, or with a modifier; /keys switches them off.
"use strict";
(() => {
  const places = { KeyO: "/", KeyC: "/cases", KeyD: "/calendar", KeyT: "/tasks", KeyF: "/figures", KeyS: "/searches", KeyA: "/account" };
  const rows = "table.cases th a, .agenda li a, main .items li .line a";
  let gone = 0; // when g was pressed

  // A button that a key presses says which, where keys work.
  for (const button of document.querySelectorAll("main button[data-key]")) {
    const key = document.createElement("kbd");
    key.textContent = button.dataset.key;
    key.setAttribute("aria-hidden", "true");
    button.append(" ", key);
    button.setAttribute("aria-keyshortcuts", button.dataset.key);
  }

  const step = (by) => {
    const all = [...document.querySelectorAll(rows)].filter((a) => a.offsetParent);
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };

  const search = () => {
    const field = document.querySelector("form[role=search] input[type=search]");
    if (!field) return location.assign("/cases#q");
    field.focus();
    field.select();
  };

  const help = async () => {
    const open = document.querySelector("dialog.keys-help");
    if (open) return open.close();
    let list;
    try {
      const page = new DOMParser().parseFromString(await (await fetch("/keys")).text(), "text/html");
      list = page.getElementById("keys");
      if (!list) throw new Error();
      const box = document.createElement("dialog");
      box.className = "keys-help card";
      box.setAttribute("aria-label", page.querySelector("h1").textContent);
      const more = document.createElement("a");
      more.href = "/keys";
      more.textContent = page.querySelector("h2").textContent;
      box.append(document.adoptNode(list), more);
      box.addEventListener("close", () => box.remove());
      box.addEventListener("click", (e) => { if (e.target === box) box.close(); });
      document.body.append(box);
      box.showModal();
      list.tabIndex = -1; // the beginning of the list, not the link at its end
      list.focus();
      box.scrollTop = 0;
    } catch {
      location.assign("/keys");
    }
  };

  document.addEventListener("keydown", (e) => {
    const on = e.target;
    if (e.ctrlKey || e.altKey || e.metaKey || e.isComposing || e.repeat && e.code !== "KeyJ" && e.code !== "KeyK") return;
    if (on.isContentEditable || on.matches("input, select, textarea, [role=textbox], [role=combobox]")) return;
    const inDialog = document.querySelector("dialog[open]");
    const went = Date.now() - gone < 1500;
    gone = 0;
    // By the place of the key: the letters are others in Russian and Kazakh.
    const does = () => {
      if (e.key === "?" || e.code === "Slash" && e.shiftKey) return help();
      if (inDialog) return false;
      if (e.shiftKey) return false;
      if (went && places[e.code]) return location.assign(places[e.code]);
      switch (e.code) {
        case "KeyG": gone = Date.now(); return;
        case "KeyJ": return step(1);
        case "KeyK": return step(-1);
        case "Slash": return search();
        case "KeyX": {
          const box = on.closest("tr")?.querySelector("input.pick");
          if (!box) return false;
          box.click();
          return;
        }
        case "KeyU": case "Digit1": case "Digit2": case "Digit3": case "Numpad1": case "Numpad2": case "Numpad3": {
          const button = document.querySelector(`main button[data-key="${e.code.slice(-1)}"]`);
          if (!button) return false;
          for (const b of document.querySelectorAll("main button[data-key]")) b.removeAttribute("data-key"); // once a page
          button.click();
          return;
        }
        case "KeyN": case "KeyP": {
          const link = document.querySelector(`main a[rel=${e.code === "KeyN" ? "next" : "prev"}]`);
          if (!link) return false;
          link.click();
          return;
        }
      }
      if (e.key === "/") return search();
      return false;
    };
    if (does() !== false) e.preventDefault();
  });
})();
