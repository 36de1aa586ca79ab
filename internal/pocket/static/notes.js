// SPDX-License-Identifier: AGPL-3.0-or-later

// Takes down on a member's phone what somebody tells, without any line. What is
// kept is sealed, and what opens it is not kept. docs/spec/pocket.md has what
// lies on the phone; `sealing` and `kua` are what stands before.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const config = JSON.parse($("config").textContent);
  const texts = config.texts;
  const { mostText, Told, Answered, fill, spoken, utf8, hex, drawn, base64, pause, seal, open, identityOf, writeMessage } = kua;
  const shortest = 16; // letters of a passphrase, as in the register
  const suggestedWords = 6;
  const scryptWork = 16; // 2^16: 64 MiB, what an old phone has
  const mostKnown = 1 << 10;
  const saveAfter = 1500, handEvery = 60000; // milliseconds
  const fields = ["day", "speaker", "who", "told", "where", "when", "by", "complaint", "registered", "examined", "state", "wish", "contact", "known"];

  let db; // undefined: nothing can be kept, or the phone was emptied
  let writing; // the draft that is open: { key } of its place, undefined until it is kept
  let ended = false; // the phone was emptied: nothing is kept any more

  // What lies on the phone. "kept" has the key and the last hand-over, "drafts"
  // and "waiting" have sealed bytes.
  function openKept() {
    return new Promise((done, failed) => {
      const asked = indexedDB.open("notes", 1);
      asked.onupgradeneeded = () => { for (const name of ["kept", "drafts", "waiting"]) asked.result.createObjectStore(name); };
      asked.onsuccess = () => {
        asked.result.onversionchange = () => wiped(); // another page empties the phone
        done(asked.result);
      };
      asked.onerror = asked.onblocked = () => failed(asked.error);
    });
  }
  // change does what is to be done with the stores, all or nothing, and waits
  // until the disk has it. What is given back is that of the last request.
  function change(names, mode, what) {
    return new Promise((done, failed) => {
      const t = db.transaction(names, mode, { durability: "strict" });
      let last;
      t.oncomplete = () => done(last && last.result);
      t.onabort = t.onerror = () => failed(t.error);
      what(t, (request) => { last = request; });
    });
  }
  const get = (name, key) => change([name], "readonly", (t, give) => give(t.objectStore(name).get(key)));
  const keys = (name) => change([name], "readonly", (t, give) => give(t.objectStore(name).getAllKeys()));
  // place puts something into a store, after what is there, and gives its key.
  function place(t, name, value, then) {
    const store = t.objectStore(name), asked = store.getAllKeys();
    asked.onsuccess = () => {
      const key = Math.max(0, ...asked.result) + 1;
      store.put(value, key);
      if (then) then(key);
    };
  }

  // The key of the phone: what seals lies open, what opens lies sealed.
  const spaced = (text) => text.normalize("NFC").trim().split(/\s+/).join(" ");
  function suggestion() {
    const words = config.words.split(" "), out = []; // 2048 of them
    const random = new Uint16Array(drawn(2 * suggestedWords).buffer);
    for (const n of random) out.push(words[n % words.length]);
    return out.join(" ");
  }
  async function choose(form) {
    const phrase = spaced(form.elements.phrase.value);
    if (Array.from(phrase).length < shortest) throw new Told(texts.short);
    if (phrase !== spaced(form.elements.again.value)) throw new Told(texts.differ);
    const seed = drawn(32);
    const identity = identityOf(seed);
    seed.fill(0);
    const e = new sealing.Encrypter();
    e.setPassphrase(phrase);
    e.setScryptWorkFactor(scryptWork);
    const key = { recipient: await sealing.identityToRecipient(identity), identity: await e.encrypt(utf8(identity)) };
    form.reset();
    $("suggested").textContent = "";
    await change(["kept"], "readwrite", (t) => t.objectStore("kept").put(key, "key"));
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist().catch(() => {}); // asked for, not needed
    await home();
  }
  async function openDraft(form) {
    const key = Number($("unlock").dataset.key), phrase = spaced(form.elements.secret.value);
    const sealed = await get("drafts", key), mine = await get("kept", "key");
    if (!sealed || !mine) throw new Told(texts.lost);
    let state;
    try {
      const d = new sealing.Decrypter();
      d.addPassphrase(phrase);
      state = await open(new TextDecoder().decode(await d.decrypt(mine.identity)), sealed);
    } catch (e) {
      throw new Told(texts.wrong);
    } finally {
      form.reset();
    }
    begin(key, state);
  }

  // The draft that is open.
  function stateOf(form) {
    const state = { consents: Array.from(form.querySelectorAll("input[name=consent]:checked"), (c) => c.value) };
    const chosen = form.querySelector("input[name=to]:checked");
    if (chosen) state.to = chosen.value;
    for (const name of fields) state[name] = form.elements[name].value;
    return state;
  }
  function begin(key, state) {
    const form = $("note");
    form.reset();
    for (const name of fields) form.elements[name].value = state[name] || "";
    for (const box of form.querySelectorAll("input[name=consent]")) box.checked = (state.consents || []).includes(box.value);
    for (const box of form.querySelectorAll("input[name=to]")) if (box.value === state.to) box.checked = true;
    writing = { key, saved: Promise.resolve(), dirty: false };
    only("note");
    $("told").focus();
    stir();
  }
  const today = () => {
    const d = new Date();
    return [String(d.getFullYear()), String(d.getMonth() + 1).padStart(2, "0"), String(d.getDate()).padStart(2, "0")].join("-");
  };
  let idle, soon;
  // stir is called at each letter: after a while without any, the draft is closed.
  function stir() {
    clearTimeout(idle);
    idle = setTimeout(() => shut(texts.closed), config.idle);
  }
  // save seals the draft as it stands, one after the other, so that an older one
  // is never put over a newer one.
  function save(w) {
    clearTimeout(soon);
    if (!w.dirty) return w.saved;
    w.dirty = false;
    const state = stateOf($("note"));
    w.saved = w.saved.catch(() => {}).then(async () => {
      try {
        const mine = await get("kept", "key");
        const sealed = await seal(mine.recipient, writeMessage(state, texts.toolong));
        if (w.done || ended) return;
        await change(["drafts"], "readwrite", (t) => {
          if (w.key) t.objectStore("drafts").put(sealed, w.key);
          else place(t, "drafts", sealed, (key) => { w.key = key; });
        });
      } catch (e) {
        w.dirty = true;
        throw e;
      }
    });
    return w.saved;
  }
  // shut keeps the draft and closes it. Where it can't be kept it stays open.
  async function shut(why) {
    const w = writing;
    if (!w || w.done) return;
    try {
      await save(w);
    } catch (e) {
      problem(reason(e));
      return;
    }
    if (writing !== w || w.done) return;
    if (w.dirty) { await shut(why); return; } // a letter came meanwhile
    forget();
    await home();
    say(why);
  }
  function forget() {
    if (writing) writing.done = true;
    writing = undefined;
    clearTimeout(idle);
    clearTimeout(soon);
    $("note").reset();
    $("saved").textContent = "";
    for (const d of document.querySelectorAll("details")) d.open = false;
  }

  // Finished: sealed to those who read reports. Nothing here opens it again.
  async function finish(form) {
    const w = writing, state = stateOf(form);
    const message = { format: 2, language: config.language };
    for (const name of ["told", "who", "where", "when", "by", "wish", "contact"]) message[name] = state[name];
    message.consents = state.consents;
    const told = { day: state.day };
    for (const name of ["speaker", "known", "complaint", "registered", "examined", "state"]) if (state[name]) told[name] = state[name];
    message.conversation = told;
    if (!/^\d{4}-\d{2}-\d{2}$/.test(told.day)) throw new Told(texts.badday); // of a later one nothing is said: the phone's clock may be wrong
    const said = ["told", "who", "where", "when", "by", "state", "wish", "contact"].map((name) => state[name]);
    if (!said.some((text) => text.trim())) throw new Told(texts.empty);
    if (said.some((text) => utf8(text).length > mostText) || utf8(state.known).length > mostKnown) throw new Told(texts.toolong);
    const intake = state.to || config.intakes[0].recipient;
    const sealed = await seal(intake, writeMessage(message, texts.toolong));
    // Nobody comes back to it: what would open answers is thrown away.
    const answers = await sealing.identityToRecipient(identityOf(drawn(32)));
    w.done = true; // nothing is kept over it any more
    try {
      await w.saved.catch(() => {});
      await change(["drafts", "waiting"], "readwrite", (t) => {
        if (w.key) t.objectStore("drafts").delete(w.key);
        place(t, "waiting", { door: hex(drawn(32)), answers, message: sealed });
      });
    } catch (e) {
      w.done = false;
      w.dirty = true;
      throw e;
    }
    forget();
    await home();
    say(texts.sealed);
    handOver();
  }
  async function throwAway() {
    const w = writing;
    w.done = true;
    await w.saved.catch(() => {});
    if (w.key) await change(["drafts"], "readwrite", (t) => t.objectStore("drafts").delete(w.key));
    forget();
    await home();
  }

  // Handing over, while the page is open: what the server has on its disk is
  // taken off the phone.
  class Cut extends Error {}
  const line = kua.lineOf(() => { throw new Cut(); });
  let handing = false;
  async function handOver() {
    if (handing || !db || ended) return;
    handing = true;
    let stopped = "";
    try {
      for (const key of await keys("waiting")) {
        const one = await get("waiting", key);
        if (!one) continue; // another page has handed it over
        $("line").textContent = texts.handing;
        try {
          await line.post("/api/reports", { door: one.door, answers: one.answers, message: base64(one.message), files: [] });
        } catch (e) {
          if (!(e instanceof Answered)) throw e;
          if (e.status === 429 || e.status === 507) throw e; // the others would not be taken now
          if (e.status !== 409) { // one that is refused keeps none of the others back
            stopped = texts.refused;
            continue;
          }
          // 409: behind its door lies nothing but itself; the answer was lost before.
        }
        if (ended) return;
        await change(["kept", "waiting"], "readwrite", (t) => {
          const waiting = t.objectStore("waiting"), kept = t.objectStore("kept"), there = waiting.get(key);
          there.onsuccess = () => {
            if (!there.result || there.result.door !== one.door) return;
            waiting.delete(key);
            const before = kept.get("handed");
            before.onsuccess = () => {
              const day = today(), was = before.result;
              kept.put({ day, n: was && was.day === day ? was.n + 1 : 1 }, "handed");
            };
          };
        });
      }
    } catch (e) {
      if (e instanceof Cut) stopped = texts.noline;
      else if (e instanceof Answered) stopped = texts.many;
      else if (!ended) stopped = reason(e);
    } finally {
      handing = false;
    }
    if (!ended) await count(stopped);
  }
  async function count(stopped) {
    const n = (await keys("waiting")).length, handed = await get("kept", "handed");
    $("waits").textContent = n ? fill(texts.waits, n) : texts.none;
    $("hand").hidden = !n;
    $("line").textContent = n ? stopped : "";
    $("handed").textContent = handed ? fill(texts.handed, spoken(handed.day, config.months), handed.n) : "";
  }

  // Emptying: nothing is asked of a line.
  function wiped() {
    ended = true;
    forget();
    if (db) db.close();
    db = undefined;
    for (const id of ["close", "ask-empty", "langs"]) $(id).hidden = true;
    for (const form of document.forms) form.reset();
    $("drafts").replaceChildren();
    for (const id of ["suggested", "which", "waits", "line", "handed"]) $(id).textContent = "";
    say("");
    problem("");
    only("emptied");
    $("emptied").focus();
  }
  async function empty() {
    wiped();
    const gone = new Promise((done) => {
      const asked = indexedDB.deleteDatabase("notes");
      asked.onsuccess = () => done(true);
      asked.onerror = () => done(false);
      asked.onblocked = () => setTimeout(done, 5000, false); // another page does not let go
    });
    let whole = await gone;
    try {
      localStorage.clear();
      sessionStorage.clear();
      if ("caches" in window) for (const name of await caches.keys()) whole = await caches.delete(name) && whole;
      if (navigator.serviceWorker) for (const r of await navigator.serviceWorker.getRegistrations()) whole = await r.unregister() && whole;
    } catch (e) { whole = false; }
    if (!whole) problem(texts.left);
  }

  // The page.
  function say(text) {
    $("status").hidden = !text;
    $("status").textContent = text || "";
  }
  function problem(text) {
    $("problem").hidden = !text;
    $("problem").textContent = text || "";
    if (text) $("problem").focus();
  }
  function reason(e) {
    if (e instanceof Told) return e.message;
    return e && e.name === "QuotaExceededError" ? texts.full : texts.notkept;
  }
  function only(id) {
    for (const other of ["sure", "emptied", "setup", "home", "unlock", "note"]) $(other).hidden = other !== id;
    $("close").hidden = id !== "note";
    $("ask-empty").hidden = id === "emptied" || id === "sure";
    $("langs").hidden = id !== "home" && id !== "setup";
  }
  async function home() {
    problem("");
    say("");
    if (ended) return;
    if (!await get("kept", "key")) {
      $("suggested").textContent = suggestion();
      only("setup");
      return;
    }
    const list = await keys("drafts");
    $("drafts").replaceChildren(...list.map((key) => {
      const item = document.createElement("li"), button = document.createElement("button");
      const name = fill(texts.draft, key);
      item.append(Object.assign(document.createElement("span"), { textContent: name }), button);
      Object.assign(button, { type: "button", textContent: texts.goon, className: "quiet" });
      button.setAttribute("aria-label", texts.goon + ": " + name);
      button.addEventListener("click", () => {
        problem("");
        say("");
        $("unlock").dataset.key = key;
        $("which").textContent = name;
        only("unlock");
        $("secret").focus();
      });
      return item;
    }));
    if (!list.length) $("drafts").append(Object.assign(document.createElement("li"), { textContent: texts.aside }));
    only("home");
    await count("");
  }

  // busy does one thing at a time.
  async function busy(what) {
    const buttons = Array.from(document.querySelectorAll("main button"));
    buttons.forEach((b) => { b.disabled = true; });
    problem("");
    say(texts.working);
    await pause(50); // so that it is seen: stretching a passphrase holds everything up
    const working = $("status").textContent;
    try {
      await what();
    } catch (e) {
      if (!ended) problem(reason(e));
    }
    if ($("status").textContent === working) say("");
    buttons.forEach((b) => { b.disabled = false; });
  }
  const on = (id, event, what) => $(id).addEventListener(event, (e) => { e.preventDefault(); busy(() => what(e.target)); });
  on("choose", "submit", choose);
  on("open", "submit", openDraft);
  on("note", "submit", finish);
  on("throw", "click", throwAway);
  on("aside", "click", () => shut());
  on("back", "click", home);
  on("hand", "click", handOver);
  $("close").addEventListener("click", () => shut());
  $("new").addEventListener("click", () => {
    problem("");
    say("");
    begin(undefined, { day: today() });
  });
  $("note").addEventListener("input", () => {
    if (!writing) return;
    writing.dirty = true;
    $("saved").textContent = "";
    stir();
    clearTimeout(soon);
    const w = writing;
    soon = setTimeout(() => save(w).then(() => { if (writing === w) $("saved").textContent = texts.kept; }, (e) => problem(reason(e))), saveAfter);
  });
  let behind; // what was shown when emptying was asked for
  $("ask-empty").addEventListener("click", () => {
    behind = ["setup", "home", "unlock", "note"].find((id) => !$(id).hidden) || "home";
    only("sure");
    $("sure").focus();
  });
  $("not-empty").addEventListener("click", () => only(behind));
  $("empty").addEventListener("click", empty);
  // Whoever takes the phone sees the page as it was left: it is left closed.
  document.addEventListener("visibilitychange", () => {
    const hidden = document.visibilityState === "hidden";
    document.documentElement.hidden = hidden;
    if (hidden) {
      for (const id of ["choose", "open"]) $(id).reset();
      shut(texts.closed);
    } else handOver();
  });
  addEventListener("pagehide", () => shut(texts.closed));
  addEventListener("pageshow", (e) => { if (e.persisted && !ended) location.reload(); }); // nothing is taken up again out of memory
  addEventListener("online", handOver);
  setInterval(() => { if (document.visibilityState === "visible") handOver(); }, handEvery);

  // The kept page: the worker keeps it, and a newer one beside it.
  async function text(which) {
    const found = await (await caches.open("notes")).match("/notes/" + which);
    return found ? found.text() : "";
  }
  async function look() {
    if (ended) return;
    const used = await text("used"), newest = await text("newest");
    $("newer").hidden = !newest || newest === used;
    const page = used && await (await caches.open(used)).match(location.pathname);
    $("offline").textContent = page ? texts.offline : texts.nostore;
    if (page) $("digest").textContent = hex(sealing.sha256(new Uint8Array(await page.arrayBuffer())));
  }
  on("take", "click", async () => {
    const newest = await text("newest");
    await (await caches.open("notes")).put("/notes/used", new Response(newest));
    location.reload();
  });
  async function keepPage() {
    $("offline").textContent = texts.nostore;
    if (!navigator.serviceWorker || !("caches" in window)) return;
    const address = "/notes/worker.js";
    const policy = window.trustedTypes ? trustedTypes.createPolicy("worker", { createScriptURL: () => address }) : { createScriptURL: () => address };
    try {
      const r = await navigator.serviceWorker.register(policy.createScriptURL(""), { scope: "/notes/", updateViaCache: "none" });
      r.addEventListener("updatefound", () => {
        const w = r.installing;
        if (w) w.addEventListener("statechange", () => { if (w.state === "activated") look(); });
      });
      await navigator.serviceWorker.ready;
    } catch (e) { /* without a line there is no newer one; what is kept is looked at */ }
    await look();
  }

  (async () => {
    $("noscript").hidden = true;
    try {
      db = await openKept();
    } catch (e) {
      problem(texts.nostore);
      return;
    }
    await home();
    keepPage().catch(() => {});
    handOver();
  })();
})();
