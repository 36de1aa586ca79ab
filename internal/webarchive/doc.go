// SPDX-License-Identifier: AGPL-3.0-or-later

// Package webarchive tells what a web capture holds and whether it is what its
// archiver wrote, by the digests that the archiver wrote down: WARC 1.0 and 1.1
// (ISO 28500), plain or in gzip members, as wget and Heritrix write it; WACZ
// 1.1.1, the package of Browsertrix; folders of auto-archiver and ArchiveBox, as
// they lie or packed into a ZIP archive; pages of SingleFile.
// docs/spec/captures.md says what is held against what.
//
// Everything is read as a stream within limits; nothing is unpacked to a disk and
// nothing of a capture is ever shown as a page. A digest that is right says that
// nothing was changed since the archiver wrote it, not that the page was so; and
// whoever changes a file can write its digest anew.
package webarchive
