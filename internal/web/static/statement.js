// SPDX-License-Identifier: AGPL-3.0-or-later

// What the editor of statements gains where a script may run: the preview
// follows what is typed, what can be put in is put in where one writes, and a
// finding leads to its line. Without it the buttons do the same.
"use strict";
(() => {
  const form = document.querySelector("form[data-preview]");
  const preview = document.getElementById("preview");
  if (!form || !preview) return;
  const status = document.getElementById("kept");
  const pause = 600; // milliseconds after the last letter
  const texts = [...form.querySelectorAll("textarea[data-lang]")];
  let timer = 0, running = null;
  let last = texts.find((t) => t.value) || texts[0];

  const shown = (root) => new Map([...root.querySelectorAll("details[data-lang]")].map((d) => [d.dataset.lang, d]));

  async function show() {
    if (running) running.abort();
    const mine = running = new AbortController();
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.preview, { method: "POST", body, credentials: "same-origin", redirect: "error", signal: mine.signal });
      if (!answer.ok) throw new Error();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const before = shown(preview);
      for (const [lang, now] of shown(page)) {
        const old = before.get(lang);
        now.open = old ? old.open : lang === last.dataset.lang;
        const text = old && old.querySelector("article");
        if (text && !now.querySelector("article")) { // a fault while one writes: what was readable stays
          text.classList.add("stale");
          now.append(text);
        }
      }
      preview.replaceChildren(...page.body.childNodes);
      preview.dataset.shown = String(1 + Number(preview.dataset.shown || 0));
    } catch (e) {
      if (e.name !== "AbortError") status.textContent = form.dataset.offline;
    }
  }

  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, pause); });
  for (const t of texts) {
    t.addEventListener("focus", () => { last = t; });
  }

  // A finding leads to its line.
  preview.addEventListener("click", (e) => {
    const to = e.target.closest("a[data-to]");
    const area = to && texts.find((t) => t.dataset.lang === to.dataset.to);
    if (!area) return;
    e.preventDefault();
    area.closest("details").open = true;
    const lines = area.value.split("\n"), n = Number(to.dataset.line) || 1;
    const start = lines.slice(0, n - 1).join("\n").length + (n > 1 ? 1 : 0);
    area.focus();
    area.setSelectionRange(start, start + (lines[n - 1] || "").length);
    area.scrollTop = area.scrollHeight * (n - 1) / lines.length - area.clientHeight / 3;
  });

  // What can be put in.
  const list = document.getElementById("insert");
  if (!list) return;
  for (const code of list.querySelectorAll("code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet small";
    button.textContent = list.dataset.insert;
    button.setAttribute("aria-label", list.dataset.insert + ": " + code.textContent);
    button.addEventListener("click", () => {
      last.closest("details").open = true;
      last.focus();
      last.setRangeText(code.textContent, last.selectionStart, last.selectionEnd, "end");
      last.dispatchEvent(new Event("input", { bubbles: true }));
    });
    code.after(button);
  }
  const find = document.getElementById("find");
  document.getElementById("insert-find").hidden = false;
  find.addEventListener("input", () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const part of list.querySelectorAll("details")) {
      let some = false;
      for (const row of part.querySelectorAll("li")) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((w) => text.includes(w));
        some = some || !row.hidden;
      }
      part.hidden = !some;
      if (words.length) part.open = some;
    }
  });
})();
