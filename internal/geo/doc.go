// SPDX-License-Identifier: AGPL-3.0-or-later

// Package geo reads an installation's own map, a GeoJSON file (RFC 7946), and
// makes small outlines of its regions for a page.
//
// The file comes from outside, so it is read strictly and within limits: what
// is not as the RFC says is refused with the place where it stands, and never a
// panic. Parse gives the areas in degrees; Outline joins those of one region,
// undoes cuts at the antimeridian, projects them (equirectangular, scaled by
// the cosine of the middle latitude, which is honest enough for one country)
// and simplifies them until all of them together fit into a number of points.
// Borders that two regions share stay shared: a point is weighed alike from
// both sides (Visvalingam and Whyatt 1993), and where more than two borders
// meet it stays.
//
// It must never fetch anything, and never draw: see package chart.
package geo
