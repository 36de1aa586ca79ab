// SPDX-License-Identifier: AGPL-3.0-or-later

// Package browsertest has tests look at pages in Chromium: what a browser shows,
// what it was refused, and what it asked of whom. All of it is there with the
// build tag e2e alone.
//
// It must never be imported by anything but tests.
package browsertest
