// SPDX-License-Identifier: AGPL-3.0-or-later

// Package reportingtest sends reports as the script of the page that seals does,
// for tests and for what measures: works, seals piece by piece, goes on after a
// cut line with what has not arrived.
//
// It must never be part of the program: whoever reports does so with the page.
package reportingtest
