// SPDX-License-Identifier: AGPL-3.0-or-later

// Package doctor looks at a machine and at the folder of a register on it, and
// says what is not as it should be: who else may read its files, whether memory
// can come onto the disk, whether clock and disk will do. It needs no key and
// works while the register is locked. It must never change anything, nor open
// what is sealed, nor say more of a file than where it is.
package doctor
