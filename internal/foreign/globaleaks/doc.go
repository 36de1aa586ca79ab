// SPDX-License-Identifier: AGPL-3.0-or-later

// Package globaleaks reads reports that a recipient exported from GlobaLeaks:
// the ZIP with report.txt and the files, report.txt alone, and a report as the
// program's API hands it to the recipient's browser in JSON.
//
// Written from the sources of globaleaks/GlobaLeaks (see docs/spec/formats.md).
// report.txt is made for people and by a template that an installation may
// change: what it says is read by its indents, and kept whole besides.
package globaleaks
