// SPDX-License-Identifier: AGPL-3.0-or-later

// Package xmldoc reads an XML file from outside into a tree whose elements know
// their line, within limits on depth and number. A file that declares entities
// of its own, which can grow without end or fetch what lies elsewhere, is
// refused at the declaration.
//
// It must never know what an element means, and never fetch anything.
package xmldoc
