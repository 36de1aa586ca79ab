// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bayanat reads exports of Bayanat, JSON and CSV, and writes the sheet
// of actors that its import takes.
//
// Written from the sources of sjacorg/bayanat (see docs/spec/formats.md). Its
// JSON export writes more than 250 items in chunks with no comma between them;
// that is read. Its CSV export puts lists into numbered columns
// (labels.label-1) and a quotation mark before what could be a formula; both are
// undone.
//
// An actor, a bulletin and an incident are each a case, known by class and id.
// What they say of each other stands in the sheet of relations, by id.
package bayanat
