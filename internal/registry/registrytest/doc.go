// SPDX-License-Identifier: AGPL-3.0-or-later

// Package registrytest unpacks registers as programs of their time wrote them,
// for the tests of upgrades: those of testdata/registers, beside it.
package registrytest
