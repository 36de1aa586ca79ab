// SPDX-License-Identifier: AGPL-3.0-or-later

// Command coalition plays a coalition of three organisations and a relay, each a
// process in a network namespace of its own, for some weeks of invented work:
// lines are cut and mended, processes killed, sticks carried, all drawn from a
// seed that it prints. At the end it says whether the same ledger is on all and
// the same figures are counted on all, and looks byte by byte through the folders
// and the memory of each for who somebody is in another's cases.
//
// It needs to make network namespaces: Linux, root, ip. All people in it are
// made up; it must never be pointed at a register of real cases.
package main
