// SPDX-License-Identifier: AGPL-3.0-or-later

// Package safecopy makes copies of files from outside that can be looked at
// without danger, or says why it doesn't.
//
// What a file is, is decided by its bytes and never by its name or by what its
// sender says it is. A picture is decoded and drawn anew, a PDF is rendered page
// by page and put together from the pictures of its pages, so that nothing of the
// original's own structure is handed on: no script, no link, no attachment, no
// metadata. What the original says about itself (EXIF, XMP, IPTC, the texts of a
// PNG, the information of a PDF) is read and told beside the copy as plain text.
// Boxes can be burnt into a copy: what is under them isn't in it.
//
// Nothing here opens a file of the machine or the network by itself. Make works
// within the process that calls it; Run does the same in a child process that is
// shut in as far as the system allows (see confine_linux.go) and is what the
// program uses. The original is only ever read.
package safecopy
