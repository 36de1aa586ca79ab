// SPDX-License-Identifier: AGPL-3.0-or-later

// What the form of a file gains where a script may run: a large file goes in
// parts, its progress is shown, and it goes on after a cut line or the next day.
"use strict";
(() => {
  const form = document.getElementById("put-in");
  const bar = document.getElementById("sent");
  if (!form || !bar || !window.fetch || !Blob.prototype.slice) return;
  const status = document.getElementById("sent-words");
  const words = form.dataset;
  const part = 4 << 20; // bytes: what a slow line sends in some minutes
  const longest = 30000; // milliseconds between two tries

  // Left is an end: the page is another now, or there is nothing more to try.
  class Left extends Error {}

  async function ask(address, options) {
    const answer = await fetch(address, { credentials: "same-origin", redirect: "manual", ...options });
    if (answer.type === "opaqueredirect") { location.reload(); throw new Left(); } // signed out meanwhile
    const text = await answer.text();
    let said = {};
    try { said = JSON.parse(text); } catch { said = {}; }
    if (answer.ok || answer.status === 409) return said;
    if (answer.status === 423 || answer.status >= 500) throw new Error();
    status.textContent = said.problem || words.failed;
    throw new Left();
  }

  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  // again tries until it is answered: lines break and come back.
  async function again(address, options) {
    for (let pause = 1000; ; pause = Math.min(2 * pause, longest)) {
      try { return await ask(address, options); } catch (e) {
        if (e instanceof Left) throw e;
        status.textContent = words.waiting;
        await wait(pause);
      }
    }
  }

  function show(offset, bytes) {
    bar.max = bytes;
    bar.value = offset;
    status.textContent = words.sent.replace("%", Math.floor(100 * offset / bytes) + " %");
  }

  async function send(file) {
    const mark = String(file.lastModified);
    let up;
    for (const row of document.querySelectorAll("[data-upload]")) {
      if (row.dataset.mark === mark && Number(row.dataset.bytes) === file.size) up = { at: row.dataset.upload };
    }
    if (up) up = { at: up.at, ...await again(up.at) };
    else {
      const body = new URLSearchParams({ name: file.name, bytes: String(file.size), mark });
      const evidence = form.elements.evidence;
      if (evidence) body.set("evidence", evidence.value);
      const begun = await again(words.uploads, { method: "POST", body });
      up = { at: words.uploads + "/" + begun.id, ...begun };
    }
    let offset = up.offset;
    while (offset < file.size) {
      show(offset, file.size);
      let said;
      try {
        said = await ask(up.at, { method: "PATCH", body: file.slice(offset, offset + part), headers: { "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" } });
      } catch (e) {
        if (e instanceof Left) throw e;
        status.textContent = words.waiting;
        await wait(1000);
        said = await again(up.at);
      }
      offset = said.offset;
    }
    show(file.size, file.size);
    let done = await again(up.at + "/finish", { method: "POST" });
    if (!done.href) done = await again(up.at);
    location.href = done.href + "?stored=1";
  }

  form.addEventListener("submit", async (event) => {
    const file = form.elements.file.files[0];
    if (!file || !file.size) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    bar.hidden = status.hidden = false;
    try { await send(file); } catch (e) {
      if (!(e instanceof Left)) status.textContent = words.failed;
      button.disabled = false;
    }
  });
})();
