// SPDX-License-Identifier: AGPL-3.0-or-later

// Package webarchive lists what a web capture holds and checks it against the
// capture's own digests: WARC 1.0 and 1.1 (ISO 28500), plain or in gzip members,
// and WACZ 1.1.1, the package of Webrecorder's tools.
//
// Everything is read as a stream within limits; nothing is unpacked to a disk and
// nothing of a capture is ever shown as a page. A digest that is right says that
// nothing was changed since the archiver wrote it, not that the page was so.
package webarchive
