// SPDX-License-Identifier: AGPL-3.0-or-later

// Package timestamptest is a time-stamping authority for tests: in process, with
// keys made anew each time, never on a network of its own.
package timestamptest
