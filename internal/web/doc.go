// SPDX-License-Identifier: AGPL-3.0-or-later

// Package web serves the pages of a register: sign-in, the overview, cases,
// figures. Every page is made on the server, works without script, fetches
// nothing from elsewhere and speaks English, Russian and Kazakh.
//
// # Where the focus goes
//
// Pages come whole from the server, so the focus begins anew with each. What a
// reader looks for after an action has it, without script:
//
//   - A page that says what went wrong or what was just done says it in a
//     banner with the role alert or status, by the templates "problem" and
//     "done": the banner has the focus (tabindex="-1" autofocus) and the Tab key
//     goes on from there. Where there is one field to type in again, as at the
//     sign-in, that field has the focus and is described by the banner
//     (autofocus, aria-describedby="problem"). No other banner has these roles;
//     a line that a script fills later is a role="status" without being one.
//   - A field that is wrong is aria-invalid="true" and described by words beside
//     it (aria-describedby); where several may be wrong the banner links to each.
//   - After something was put into a long page the address leads to it by a
//     fragment; what it names may take the focus (tabindex="-1") if it is no control.
//   - Whatever has the focus is seen to have it, and nothing sticks over it
//     (scroll-padding). The first stop of each page leads past its head.
//
// Controls are at least 24 by 24 pixels or stand as far from each other; no
// page scrolls sideways from 320 pixels up, nor with letters of twice the size.
// focus_test.go, axe_e2e_test.go and reach_e2e_test.go hold this on every page
// that has a golden file, and so every page and every answer to a form has one.
//
// It must never reach a store, a key or the index: all it shows comes from the
// registry, which asks who may see it. It must never write a name, a case
// number or a search term to a log, and never say on a page why something
// failed inside.
package web
