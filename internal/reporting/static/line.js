// SPDX-License-Identifier: AGPL-3.0-or-later

// What the page for reports and the page on a member's phone have in common:
// bytes, days, the seal of a message, and a line that is cut and comes back.
// docs/spec/submission.md and reporting.md have what is written; `sealing` is
// what stands before.
"use strict";
const kua = (() => {
  const messageRow = 4 << 10, mostMessage = 256 << 10, mostText = 100 << 10;
  const longest = 30000; // milliseconds between two tries

  // Told is an error with a text for who reads the page.
  class Told extends Error {}
  const fill = (text, ...args) => text.replace(/\{(\d)\}/g, (_, n) => args[n]);
  // spoken is a day as a language writes it, of a day of each of its months.
  const spoken = (day, months) => { const [y, m, d] = day.split("-").map(Number); return fill(months[m - 1], y, d); };

  // Bytes.
  const utf8 = (text) => new TextEncoder().encode(text);
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g) || [], (two) => parseInt(two, 16));
  const drawn = (n) => crypto.getRandomValues(new Uint8Array(n));
  function base64(bytes) {
    let text = "";
    for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096));
    return btoa(text);
  }
  const unbase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  function big(n) {
    const b = new Uint8Array(4);
    new DataView(b.buffer).setUint32(0, n);
    return b;
  }
  function rounded(bytes, row) {
    const out = new Uint8Array(Math.max(1, Math.ceil(bytes.length / row)) * row);
    out.set(bytes);
    return out;
  }
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  // Sealing.
  async function seal(to, bytes) {
    const e = new sealing.Encrypter();
    e.addRecipient(to);
    return e.encrypt(bytes);
  }
  async function open(identity, sealed) {
    const d = new sealing.Decrypter();
    d.addIdentity(identity);
    return JSON.parse(new TextDecoder().decode(await d.decrypt(sealed)));
  }
  const identityOf = (seed) => sealing.bech32.encode("age-secret-key-pq-", sealing.bech32.toWords(seed), false).toUpperCase();
  function writeMessage(message, toolong) {
    const out = {};
    for (const [key, value] of Object.entries(message)) if (value !== "" && (!Array.isArray(value) || value.length)) out[key] = value;
    const bytes = utf8(JSON.stringify(out));
    const full = new Uint8Array(Math.ceil(bytes.length / messageRow) * messageRow).fill(32);
    full.set(bytes);
    if (full.length > mostMessage) throw new Told(toolong);
    return full;
  }

  // The line: cut and come back. What is answered otherwise than well is thrown
  // with its number.
  class Answered extends Error {
    constructor(status) { super(String(status)); this.status = status; }
  }
  // whenCut is called before it is tried again, and may throw so that it is not.
  function lineOf(whenCut) {
    let work = "";
    async function doWork() {
      const asked = await (await fetch("/api/work", { credentials: "omit" })).json();
      const head = utf8(asked.token + ".");
      for (let n = 0; ; n++) {
        if (n % 1024 === 0) await pause(0);
        const sum = sealing.sha256(new Uint8Array([...head, ...utf8(String(n))]));
        const lead = (sum[0] << 16 | sum[1] << 8 | sum[2]) >>> 0;
        if (lead >>> (24 - asked.bits) === 0) { work = asked.token + "." + n; return; }
      }
    }
    // ask asks until it is answered, and says whether the line was cut meanwhile:
    // then it may have arrived before.
    async function ask(method, path, body) {
      let cut = false;
      for (let wait = 1000; ; ) {
        let answer;
        try {
          if (!work && method !== "GET") await doWork();
          answer = await fetch(path, { method, body, credentials: "omit", headers: method === "GET" ? {} : { "Kua-Work": work } });
          if (answer.ok) return { said: await answer.json(), cut };
        } catch (e) { answer = undefined; }
        if (answer && answer.status === 403) { work = ""; continue; }
        if (answer && answer.status < 500 || answer && answer.status === 507) {
          const e = new Answered(answer.status);
          e.cut = cut;
          throw e;
        }
        cut = true;
        whenCut();
        await pause(wait);
        wait = Math.min(2 * wait, longest);
      }
    }
    const post = (path, what) => ask("POST", path, JSON.stringify(what));
    return { post, putPiece: (upload, n, sealed) => ask("PUT", "/api/pieces/" + upload + "/" + n, sealed) };
  }

  return { mostText, Told, Answered, fill, spoken, utf8, hex, unhex, drawn, base64, unbase64, big, rounded, pause, seal, open, identityOf, writeMessage, lineOf };
})();
