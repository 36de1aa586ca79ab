// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bodymap is the drawing of a body on which signs are marked, as annex III of the Istanbul Protocol (2022
// edition) asks: views of the whole body, head, hands, feet, the perineum and the teeth, each divided into regions
// that carry the codes of the lists body_region and side. The drawing is our own. It is of no sex and no age: what
// it must show is where.
//
// Sides are those of the person drawn: in the view from the front their right is on the left of the picture.
//
// It must never know a case, a colour of a page or a language.
package bodymap
