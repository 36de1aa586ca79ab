// SPDX-License-Identifier: AGPL-3.0-or-later

// What the page of blacked-out parts gains where a script may run: boxes are
// drawn over the picture with a pointer and moved by keyboard. The numbers below
// it stay what counts, and follow; without a script they are typed.
"use strict";
(() => {
  const form = document.querySelector("form.redact");
  const over = form && form.querySelector(".over");
  const list = form && form.querySelector(".hidden-rows");
  if (!over || !list) return;
  const svg = over.querySelector("svg"), page = over.dataset.at;
  for (const e of form.querySelectorAll(".with-script")) e.hidden = false;
  svg.removeAttribute("aria-hidden");
  over.classList.add("draws");

  const fields = ["left", "top", "width", "height"], attributes = ["x", "y", "width", "height"];
  const rows = () => [...list.children];
  const input = (row, name) => row.querySelector(`[name="${name}"]`);
  const read = (row) => fields.map((f) => parseFloat(input(row, f).value.replace(",", ".")));
  const here = (row) => input(row, "page").value.trim() === page;
  const round = (n) => Math.round(n * 10) / 10;
  const clamp = (n, most) => Math.min(most, Math.max(0, n));

  // draw shows the box of a row, or none where its numbers say none.
  function draw(row) {
    const n = String(rows().indexOf(row) + 1), values = read(row);
    let rect = svg.querySelector(`rect[data-n="${n}"]`);
    if (!here(row) || values.some(Number.isNaN) || values[2] <= 0 || values[3] <= 0) {
      if (rect) rect.remove();
      return null;
    }
    if (!rect) {
      rect = document.createElementNS(svg.namespaceURI, "rect");
      rect.dataset.n = n;
      svg.append(rect);
    }
    rect.setAttribute("tabindex", "0");
    rect.setAttribute("role", "button");
    rect.setAttribute("aria-label", over.dataset.box.replace("{0}", n));
    attributes.forEach((a, i) => rect.setAttribute(a, values[i]));
    return rect;
  }

  function write(row, values) {
    fields.forEach((f, i) => { input(row, f).value = round(values[i]); });
    input(row, "page").value = page;
    return draw(row);
  }

  function clear(row) {
    for (const f of fields) input(row, f).value = "";
    draw(row);
  }

  // empty is a row that has no box yet; one more is made where there is none.
  function empty() {
    const free = rows().find((r) => !input(r, "width").value.trim());
    if (free) return free;
    const last = rows().at(-1), row = last.cloneNode(true), n = rows().length + 1;
    for (const i of row.querySelectorAll("input")) {
      i.value = "";
      i.id = i.id[0] + n;
    }
    for (const l of row.querySelectorAll("label")) l.htmlFor = l.htmlFor[0] + n;
    row.querySelector(".n").textContent = n;
    row.setAttribute("aria-label", over.dataset.box.replace("{0}", n));
    list.append(row);
    return row;
  }

  for (const row of rows()) draw(row);
  list.addEventListener("input", (e) => draw(e.target.closest(".one")));

  const at = (e) => {
    const box = svg.getBoundingClientRect();
    return [clamp((e.clientX - box.left) / box.width * 100, 100), clamp((e.clientY - box.top) / box.height * 100, 100)];
  };
  let drawing = null; // {row, from} of a new box, {row, from, was} of one that is moved

  svg.addEventListener("pointerdown", (e) => {
    if (e.button !== 0) return;
    e.preventDefault();
    const rect = e.target.closest("rect");
    svg.setPointerCapture(e.pointerId);
    const row = rect ? rows()[rect.dataset.n - 1] : empty();
    if (rect) rect.focus();
    drawing = { row, from: at(e), was: rect ? read(row) : null };
  });
  svg.addEventListener("pointermove", (e) => {
    if (!drawing) return;
    const [x, y] = at(e), [fx, fy] = drawing.from, was = drawing.was;
    if (was) write(drawing.row, [clamp(was[0] + x - fx, 100 - was[2]), clamp(was[1] + y - fy, 100 - was[3]), was[2], was[3]]);
    else write(drawing.row, [Math.min(x, fx), Math.min(y, fy), Math.abs(x - fx), Math.abs(y - fy)]);
  });
  const end = () => {
    if (!drawing) return;
    const { row, was } = drawing;
    drawing = null;
    const values = read(row);
    if (!was && !(values[2] >= 0.3 && values[3] >= 0.3)) clear(row); // a tap, no box
  };
  svg.addEventListener("pointerup", end);
  svg.addEventListener("pointercancel", end);

  form.querySelector("[data-add]").addEventListener("click", () => write(empty(), [35, 45, 30, 10]).focus());

  svg.addEventListener("keydown", (e) => {
    const rect = e.target.closest("rect");
    if (!rect) return;
    const row = rows()[rect.dataset.n - 1];
    if (e.key === "Delete" || e.key === "Backspace") {
      e.preventDefault();
      clear(row);
      form.querySelector("[data-add]").focus();
      return;
    }
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    if (!step) return;
    e.preventDefault();
    const [x, y, w, h] = read(row), by = e.altKey || e.ctrlKey ? 0.2 : 1;
    if (e.shiftKey) write(row, [x, y, Math.min(100 - x, Math.max(0.5, w + step[0] * by)), Math.min(100 - y, Math.max(0.5, h + step[1] * by))]);
    else write(row, [clamp(x + step[0] * by, 100 - w), clamp(y + step[1] * by, 100 - h), w, h]);
  });
})();
