// SPDX-License-Identifier: AGPL-3.0-or-later

// Command archive measures the own archive: entries of people who do not exist
// written and read, and, with a register, cases exported from it, sealed, and
// taken into another one, which must then hand out the same. Each step runs in a process of its own, whose memory at
// the most is told with it.
package main
