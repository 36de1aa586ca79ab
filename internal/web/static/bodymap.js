// SPDX-License-Identifier: AGPL-3.0-or-later

// What the map of the body gains where a script may run: a click on a region
// says the exact place too, and the region under the pointer or the focus is
// named below the map.
"use strict";
(() => {
  const map = document.querySelector("svg.bodymap[data-width]");
  const name = document.querySelector(".map-name");
  if (!map) return;
  const region = (e) => e.target.closest ? e.target.closest("a.region") : null;

  map.addEventListener("click", (e) => {
    const link = region(e);
    // A click by keyboard has no place: then the region alone is said.
    if (!link || e.detail === 0) return;
    const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(map.getScreenCTM().inverse());
    const permille = (n, whole) => Math.min(1000, Math.max(0, Math.round(n / whole * 1000)));
    const to = new URL(link.href.baseVal, location.href);
    to.searchParams.set("f.x", permille(at.x, map.dataset.width));
    to.searchParams.set("f.y", permille(at.y, map.dataset.height));
    link.setAttribute("href", to.pathname + to.search);
  });

  if (!name) return;
  const say = (e) => {
    const link = region(e);
    name.textContent = link ? link.getAttribute("aria-label") : name.dataset.none;
  };
  name.hidden = false;
  name.textContent = name.dataset.none;
  // Not on the map itself: a drawing that listens to the focus would take it.
  for (const when of ["pointerover", "focusin", "pointerleave", "focusout"]) map.parentElement.addEventListener(when, say);
})();
