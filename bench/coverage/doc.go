// SPDX-License-Identifier: AGPL-3.0-or-later

// Command coverage tells how often an interval of 95 % holds the true number of
// people: over populations that are made up so that a method's assumptions
// hold, and over others in which they don't. docs/performance.md keeps what it
// printed. Whoever publishes an estimate should have read the second table.
package main
