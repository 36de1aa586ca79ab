// SPDX-License-Identifier: AGPL-3.0-or-later

// Command anonlink compares encoded lists with this program and with anonlink
// (PyPI), on the same filters, on this machine, by turns: one process against
// one, all processors against all. Both must find the same number of pairs.
//
//	make bench-peers-encoded
package main
