// SPDX-License-Identifier: AGPL-3.0-or-later

// Seals on the device of who tells: what leaves it opens with the key of those
// who read reports, and with nothing else. docs/spec/submission.md, receipt.md
// and reporting.md have what is written; `sealing` and `kua` are what stands before.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const config = JSON.parse($("config").textContent);
  const texts = config.texts;
  const offline = location.protocol === "file:";
  const words = config.words.split(" ");
  const pieceBytes = 4 << 20, pieceRow = 64 << 10, mostFile = 2 ** 31, mostFiles = 50;
  const { mostText, Told, Answered, fill, utf8, hex, unhex, drawn, base64, unbase64, big, rounded, pause, seal, open, identityOf, writeMessage } = kua;
  const { post, putPiece } = kua.lineOf(() => say(texts.waiting));

  // Receipts: eight words of eleven bits each.
  function toWords(secret) {
    let n = BigInt("0x" + hex(secret));
    const out = [];
    for (let i = 0; i < 8; i++) { out.unshift(words[Number(n & 2047n)]); n >>= 11n; }
    return out;
  }
  const russian = { "ә": "а", "ғ": "г", "қ": "к", "ң": "н", "ө": "о", "ұ": "у", "ү": "у", "һ": "х", "і": "и", "ё": "е" };
  const folded = (word) => Array.from(word.toLowerCase(), (c) => russian[c] || c).join("");
  function oneSlip(a, b) {
    if (a.length > b.length) [a, b] = [b, a];
    if (b.length - a.length > 1) return false;
    let i = 0;
    while (i < a.length && a[i] === b[i]) i++;
    if (a.length < b.length) return a.slice(i) === b.slice(i + 1);
    if (a.slice(i + 1) === b.slice(i + 1)) return true;
    return a[i] === b[i + 1] && a[i + 1] === b[i] && a.slice(i + 2) === b.slice(i + 2);
  }
  function fromWords(text) {
    const typed = text.normalize("NFC").split(/[^\p{L}]+/u).filter((w) => w);
    if (typed.length !== 8) throw new Told(texts.words_count);
    const list = words.map(folded);
    let n = 0n;
    typed.forEach((word, i) => {
      word = folded(word);
      let at = list.indexOf(word);
      if (at < 0) {
        const near = list.filter((other) => oneSlip(word, other));
        if (near.length !== 1) throw new Told(fill(texts.words_wrong, i + 1));
        at = list.indexOf(near[0]);
      }
      n = n << 11n | BigInt(at);
    });
    return unhex(n.toString(16).padStart(22, "0"));
  }
  async function stretch(secret) {
    const salt = new Uint8Array([...utf8("kua/receipt/v1/"), ...unhex(config.installation)]);
    const master = await sealing.argon2idAsync(secret, salt, { t: 2, m: 19456, p: 1, dkLen: 32, asyncTick: 25 });
    const part = (name, n) => sealing.expand(sealing.sha256, master, utf8(name), n);
    const door = part("door", 16), seed = part("answers", 32), mark = hex(part("mark", 16));
    const identity = identityOf(seed);
    return { secret, door, mark, stored: sealing.sha256(door), identity, answers: await sealing.identityToRecipient(identity) };
  }

  function fileName(name) {
    name = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
    name = Array.from(name).filter((c) => c === " " || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(c)).join("");
    while (utf8(name).length > 255) name = Array.from(name).slice(1).join("");
    return name.replace(/^[ .]+|[ .]+$/g, "") || "file";
  }

  // Files, piece by piece: no more than one is in memory. What has arrived
  // before a cut is not sent again.
  async function sendFile(file, to, keep) {
    const upload = hex(drawn(16));
    const pieces = Math.max(1, Math.ceil(file.size / pieceBytes));
    const sum = sealing.sha256.create();
    for (let n = 0; n < pieces; n++) {
      say(fill(texts.sealing, Math.floor(100 * n / pieces) + " %"));
      const plain = new Uint8Array(await file.slice(n * pieceBytes, (n + 1) * pieceBytes).arrayBuffer());
      sum.update(plain);
      await keep(upload, n, await seal(to, rounded(plain, pieceRow)));
    }
    const type = /^[!-~]{0,100}$/.test(file.type) ? file.type : "";
    return { name: fileName(file.name), type, bytes: file.size, upload, pieces, sha256: hex(sum.digest()) };
  }

  const fields = ["told", "who", "where", "when", "by", "wish", "contact"];
  const value = (form, name) => (form.elements[name] ? form.elements[name].value : "");

  // What can't be sent is said before anybody waits for anything.
  function look(form) {
    const files = Array.from(form.elements.files.files);
    if (fields.some((name) => utf8(value(form, name)).length > mostText)) throw new Told(texts.toolong);
    if (!files.length && !fields.some((name) => value(form, name).trim())) throw new Told(texts.empty);
    if (files.length > mostFiles || files.some((f) => f.size > mostFile)) throw new Told(texts.toolarge);
    const program = files.find((f) => config.programs.some((ending) => f.name.toLowerCase().endsWith(ending)));
    if (program) throw new Told(fill(texts.program, program.name));
    return files;
  }

  async function sealMessage(form, mine, keep) {
    const files = look(form);
    const message = { format: 1, language: config.language };
    for (const name of fields) message[name] = value(form, name);
    message.consents = Array.from(form.querySelectorAll("input[name=consent]:checked"), (c) => c.value);
    message.answers = mine.answers;
    message.mark = mine.mark;
    const chosen = document.querySelector("input[name=to]:checked");
    const to = chosen ? chosen.value : config.intakes[0].recipient;
    message.files = [];
    for (const f of files) message.files.push(await sendFile(f, to, keep));
    say(fill(texts.sealing, "99 %"));
    return { sealed: await seal(to, writeMessage(message, texts.toolong)), files: message.files.map((f) => ({ upload: f.upload, pieces: f.pieces })) };
  }

  async function sendReport(form) {
    look(form);
    const mine = await stretch(drawn(11));
    const m = await sealMessage(form, mine, putPiece);
    try {
      await post("/api/reports", { door: hex(mine.stored), answers: mine.answers, message: base64(m.sealed), files: m.files });
    } catch (e) {
      if (!(e instanceof Answered && e.status === 409 && e.cut)) throw e; // it was there already: by this page, before the line was cut
    }
    showReceipt(mine);
  }

  // Without a line: one file, of what is sealed.
  async function saveReport(form) {
    look(form);
    const earlier = $("earlier-words").value.trim(); // it adds to what they told before
    const mine = await stretch(earlier ? fromWords(earlier) : drawn(11));
    const head = utf8(JSON.stringify({ door: hex(mine.stored), answers: mine.answers }));
    const parts = [utf8("kua-report/1\n"), big(head.length), head];
    const m = await sealMessage(form, mine, (upload, n, sealed) => { parts.push(new Blob([utf8("p"), unhex(upload), big(n), big(sealed.length), sealed])); });
    parts.push(utf8("m"), big(m.sealed.length), m.sealed);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "application/octet-stream" }));
    link.download = "document-" + hex(drawn(3)) + ".dat"; // whose name tells nothing
    link.id = "sealed-file";
    link.hidden = true;
    document.body.append(link);
    link.click();
    showReceipt(mine);
    $("receipt-title").textContent = texts["offline.done"];
  }

  // The page.
  let opened; // the report that was opened with its words
  let title = document.title;
  function say(text) {
    $("status").hidden = !text;
    $("status").textContent = text;
  }
  function problem(text) {
    $("problem").hidden = !text;
    $("problem").textContent = text;
    document.title = text ? fill(texts["title.again"], title) : title;
    if (text) $("problem").focus();
  }
  function reason(e) {
    if (e instanceof Told) return e.message;
    if (!(e instanceof Answered)) return texts.failed;
    return { 404: texts.none, 410: texts.withdrawn, 413: texts.toolong, 429: texts.many, 507: texts.full }[e.status] || texts.failed;
  }
  function only(id) {
    for (const other of ["receipt", "opened", "report", "return"]) $(other).hidden = other !== id;
    document.title = title = texts[{ receipt: "title.words", opened: "title.opened" }[id] || "title.gone"];
  }

  function showReceipt(mine) {
    $("words-list").replaceChildren(...toWords(mine.secret).map((word) => Object.assign(document.createElement("li"), { textContent: word })));
    $("report").reset();
    $("earlier-words").value = "";
    only("receipt");
    $("keep").hidden = true;
    $("receipt").focus();
  }
  async function showOpened(mine) {
    const { said } = await post("/api/look", { door: hex(mine.door) });
    if (said.withdrawn) throw new Told(texts.withdrawn);
    const spoken = (day) => kua.spoken(day, config.months);
    opened = { mine, sent: said.messages.filter((m) => !m.answer).length };
    $("found").textContent = fill(texts.found, spoken(said.day));
    const days = said.messages.filter((m) => !m.answer).map((m) => spoken(m.day));
    $("sent-days").textContent = fill(texts.sent_days, Array.from(new Set(days)).join(", "));
    const list = [];
    for (const m of said.messages.filter((m) => m.answer)) {
      const article = document.createElement("article");
      let told = texts.answer_bad;
      try { told = (await open(mine.identity, unbase64(m.answer))).told; } catch (e) { /* it is said in its place */ }
      article.append(
        Object.assign(document.createElement("h3"), { textContent: fill(texts.answer_day, spoken(m.day)) }),
        Object.assign(document.createElement("p"), { textContent: told, className: "told" }));
      list.push(article);
    }
    if (!list.length) list.push(Object.assign(document.createElement("p"), { textContent: texts.answers_none }));
    $("answers").replaceChildren(...list);
    only("opened");
    $("opened").focus();
  }
  async function addTo(form) {
    const m = await sealMessage(form, opened.mine, putPiece);
    try {
      await post("/api/add", { door: hex(opened.mine.door), message: base64(m.sealed), files: m.files });
    } catch (e) {
      // After a cut line its files may have gone where they belong, and it with them.
      if (!(e instanceof Answered && e.status === 424 && e.cut)) throw e;
      const { said } = await post("/api/look", { door: hex(opened.mine.door) });
      if (said.messages.filter((one) => !one.answer).length <= opened.sent) throw e;
    }
    form.reset();
    await showOpened(opened.mine);
    say(texts["receipt.added"]);
  }

  // busy does one thing at a time, and says how it goes.
  async function busy(what, done) {
    const buttons = Array.from(document.querySelectorAll("#scripted button"));
    buttons.forEach((b) => { b.disabled = true; });
    problem("");
    say(texts.working);
    await pause(50); // so that it is seen
    try {
      await what();
      if (!done) say("");
    } catch (e) {
      say("");
      problem(reason(e));
    }
    buttons.forEach((b) => { b.disabled = false; });
  }
  const on = (id, event, what, done) => $(id).addEventListener(event, (e) => { e.preventDefault(); busy(() => what(e.target), done); });

  on("report", "submit", offline ? saveReport : sendReport);
  on("open", "submit", async (form) => {
    const mine = await stretch(fromWords(form.elements.words.value));
    await showOpened(mine);
    form.reset();
  });
  on("add", "submit", addTo, true);
  on("withdraw", "click", async () => {
    await post("/api/withdraw", { door: hex(opened.mine.door) });
    opened = undefined;
    only("");
    say(texts.withdrawn);
  }, true);
  $("written").addEventListener("click", () => {
    $("words-list").replaceChildren();
    only("");
    say(texts["receipt.gone"]);
  });
  $("leave").addEventListener("click", (e) => {
    e.preventDefault();
    document.documentElement.hidden = true;
    for (const form of document.forms) form.reset();
    location.replace(config.away); // "back" does not lead here
  });

  if (offline) {
    $("offline-here").hidden = $("earlier").hidden = false;
    $("langs").hidden = $("return").hidden = $("keep").hidden = true;
    $("send").textContent = texts.send_file;
  }
  $("noscript").hidden = true;
  $("scripted").hidden = false;
})();
