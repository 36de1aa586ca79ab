// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registrytest unpacks registers as programs of their time wrote them,
// for the tests of upgrades: those of testdata/registers, beside it; and holds the
// folder of a register against what was restored of it.
package registrytest
