// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wording says the records of a case in words, in one language: labels,
// values, titles, the steps of custody. Pages and bundles say them the same way,
// because they ask here.
//
// It must never decide what a reader may know: it says what it is handed.
package wording
