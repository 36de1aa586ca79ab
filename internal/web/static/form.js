// SPDX-License-Identifier: AGPL-3.0-or-later

// What a form of a record gains where a script may run: what is typed is kept
// as a draft by itself, and dates are shown as they are understood.
"use strict";
(() => {
  const form = document.querySelector(".record-form");
  const draft = form && form.elements.draft;
  if (!draft) return;
  const status = document.getElementById("kept");
  const pause = 1500; // milliseconds after the last letter
  let timer = 0, sent = "", busy = false, again = false;

  const text = () => new URLSearchParams(new FormData(form)).toString();
  sent = text();

  async function keep() {
    const now = text();
    if (now === sent) return;
    if (busy) { again = true; return; }
    busy = true;
    const body = new URLSearchParams(new FormData(form));
    body.set("then", "autosave");
    try {
      const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "error" });
      if (!answer.ok) throw new Error();
      const kept = await answer.json();
      if (kept.draft) draft.value = kept.draft;
      sent = text();
      status.textContent = kept.words;
      for (const [id, words] of Object.entries(kept.read)) show(id, "read", words);
      for (const [id, words] of Object.entries(kept.problem)) show(id, "problem", words);
    } catch { status.textContent = form.dataset.offline; }
    busy = false;
    if (again) { again = false; keep(); }
  }

  // show puts a line about an input below it, or takes it away.
  function show(id, kind, words) {
    const input = document.getElementById(id);
    if (!input) return;
    let line = document.getElementById(id + "-" + kind);
    if (!words) { if (line) line.remove(); return; }
    if (!line) {
      line = document.createElement("p");
      line.id = id + "-" + kind;
      line.className = kind;
      input.after(line);
      const about = input.getAttribute("aria-describedby");
      input.setAttribute("aria-describedby", about ? about + " " + line.id : line.id);
    }
    line.textContent = words;
  }

  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(keep, pause); });
  form.addEventListener("submit", () => clearTimeout(timer));
  document.addEventListener("visibilitychange", () => { if (document.hidden) { clearTimeout(timer); keep(); } });
})();
