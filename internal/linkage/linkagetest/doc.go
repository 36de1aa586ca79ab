// SPDX-License-Identifier: AGPL-3.0-or-later

// Package linkagetest reads the lists with known truth that linkage, encoded or
// not, is measured on.
//
// It must never be imported by anything but tests.
package linkagetest
