// SPDX-License-Identifier: AGPL-3.0-or-later

// Package archive is the format in which cases leave a register whole and come
// into another: a ZIP of JSON lines, the files as they were, a JSON Schema and a
// manifest with a digest of every member, sealed to a recipient where that is
// wanted. docs/spec/archive.md describes it so that it can be read without this
// program.
//
// It must never hold more of an archive in memory than a case and some lines
// after it, trust what an archive says of its own sizes, make a path of a name in
// one, or write anything but what it was handed.
package archive
