// SPDX-License-Identifier: AGPL-3.0-or-later

// Package packaging is how the program comes onto a machine: the Debian
// package, the unit of systemd in which it is shut in, the file for a
// container, and the script that makes a release of all of them. There is no
// code in it but the tests that hold what the files promise.
//
// Nothing here may touch a register: not on installing, not on upgrading, not
// on removing, not on purging.
package packaging
