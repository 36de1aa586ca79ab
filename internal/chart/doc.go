// SPDX-License-Identifier: AGPL-3.0-or-later

// Package chart draws counts as SVG: a funnel from step to step, the flows from
// figure to figure, bars, stacked bars, lines over days, how long something took
// while some wait still, and a map in which every region is a tile
// of the same size.
//
// A chart is plain markup for the middle of a page or for a file of its own.
// Its text is real text, in the language it is given. It bears a title and a
// description; a chart without links has the role of a picture, one with links
// that of a group, since a reader's program skips what is inside a picture.
// Colours are presentation attributes, so a chart by itself has them, and
// classes, so that a page's Stylesheet changes them: light, dark, high
// contrast. There is no style attribute and no style element, which a strict
// content security policy would refuse.
//
// Charts are laid out for a phone: Frame.Width is 360 units unless asked
// otherwise, labels above their bars, and the page lets them grow.
//
// # Honest drawing
//
// Every scale begins at zero. Every number that is drawn is also written. What
// is not known has a mark of its own and is never left out: Bar.Rest, and
// below the tile map whatever has no region. Each chart has a Table with the
// same numbers for those who read better so.
//
// # Pictures
//
// Read reads such a drawing back into what is painted, for documents; PNG
// paints it on white ground. What Read does not know it refuses, and a test
// reads everything that is ever drawn, so that nothing is left out in silence.
//
// # What it must never do
//
// It never counts, rounds or adds anything of its own, never lets a label
// become markup, never links to anything but a page or a web address, and
// writes the same bytes for the same input.
package chart
