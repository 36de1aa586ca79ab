// SPDX-License-Identifier: AGPL-3.0-or-later

// Keeps the page on the phone: a fixed list of files, each with its SHA-256. A
// newer list lies beside the one in use until the page is told to take it.
"use strict";
const files = FILES;
const own = "notes-VERSION";

// mark is where it stands which kept files are in use ("used"), or the newest ("newest").
const mark = (which) => "/notes/" + which;
async function marked(which) {
  const found = await (await caches.open("notes")).match(mark(which));
  return found ? found.text() : "";
}

// whole fetches a file, and gives it where it is the one that was published.
async function whole(path) {
  const answer = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error" });
  const bytes = await answer.arrayBuffer();
  const sum = Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), (b) => b.toString(16).padStart(2, "0")).join("");
  if (!answer.ok || sum !== files[path]) throw new Error("another file than was published");
  const headers = new Headers();
  for (const name of ["Content-Type", "Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"]) {
    if (answer.headers.has(name)) headers.set(name, answer.headers.get(name));
  }
  return new Response(bytes, { headers });
}

self.addEventListener("install", (e) => e.waitUntil((async () => {
  const all = [];
  for (const path of Object.keys(files)) all.push([path, await whole(path)]);
  const cache = await caches.open(own);
  for (const [path, answer] of all) await cache.put(path, answer);
  const marks = await caches.open("notes");
  if (!await marked("used")) await marks.put(mark("used"), new Response(own));
  await marks.put(mark("newest"), new Response(own));
  await self.skipWaiting(); // which changes nothing that is shown
})()));

self.addEventListener("activate", (e) => e.waitUntil((async () => {
  const used = await marked("used");
  for (const name of await caches.keys()) if (name.startsWith("notes-") && name !== own && name !== used) await caches.delete(name);
  await self.clients.claim();
})()));

async function kept(path) {
  const used = await marked("used");
  const found = used && await (await caches.open(used)).match(path);
  return found || whole(path);
}
self.addEventListener("fetch", (e) => {
  const url = new URL(e.request.url);
  if (e.request.method === "GET" && url.origin === location.origin && files[url.pathname]) e.respondWith(kept(url.pathname));
});
