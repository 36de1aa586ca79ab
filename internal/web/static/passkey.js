// SPDX-License-Identifier: AGPL-3.0-or-later
//
// Asks the browser for a passkey, and puts its answer into the form. It talks
// to nobody: the form goes the way of every other form. Without it the page
// says that this browser can't use passkeys.
"use strict";
(() => {
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const say = (id) => {
      for (const p of form.querySelectorAll("[data-say]")) p.hidden = p.dataset.say !== id;
    };
    if (!window.isSecureContext || !window.PublicKeyCredential) continue; // the page says so already
    if (location.origin !== form.dataset.origin) {
      say("elsewhere");
      continue;
    }
    say("");
    for (const part of form.querySelectorAll("[data-able]")) part.hidden = false;

    const given = JSON.parse(form.dataset.options);
    const named = (keys) => keys.map((k) => ({ ...k, id: bytes(k.id) }));
    const prf = given.extensions && { eval: { first: bytes(given.extensions.prf.eval.first) } }; // a second step opens nothing
    const options = () => ({ ...given, challenge: bytes(given.challenge), extensions: prf ? { prf } : {} });
    const secretOf = (key) => key.getClientExtensionResults().prf?.results?.first;
    const answer = (key, response, secret) => {
      form.elements.answer.value = JSON.stringify({ id: key.id, rawId: text(key.rawId), type: key.type, response, clientExtensionResults: {} });
      form.elements.secret.value = secret ? text(secret) : "";
    };

    const make = async () => {
      const publicKey = options();
      publicKey.user = { ...given.user, id: bytes(given.user.id) };
      publicKey.excludeCredentials = named(given.excludeCredentials);
      const key = await navigator.credentials.create({ publicKey });
      let secret = secretOf(key);
      if (!secret && key.getClientExtensionResults().prf?.enabled) {
        // Many devices give the secret only when the passkey is used.
        const again = await navigator.credentials.get({
          publicKey: {
            challenge: crypto.getRandomValues(new Uint8Array(32)), rpId: given.rp.id, userVerification: "required",
            allowCredentials: [{ type: "public-key", id: key.rawId }], extensions: { prf },
          },
        });
        secret = secretOf(again);
      }
      answer(key, { clientDataJSON: text(key.response.clientDataJSON), attestationObject: text(key.response.attestationObject) }, secret);
    };

    const open = async () => {
      const publicKey = options();
      if (given.allowCredentials) publicKey.allowCredentials = named(given.allowCredentials);
      const key = await navigator.credentials.get({ publicKey });
      const r = key.response;
      answer(key, {
        clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData),
        signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : null,
      }, secretOf(key));
    };

    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy) return;
      busy = true;
      say("wait");
      try {
        await (form.dataset.passkey === "make" ? make() : open());
        form.submit();
      } catch (error) {
        busy = false;
        say(error.name === "InvalidStateError" ? "there" : "stopped");
      }
    });
  }
})();
