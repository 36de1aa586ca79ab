// SPDX-License-Identifier: AGPL-3.0-or-later

// Package linkage finds which records are the same person (and, for cases, the
// same incident): blocking, agreement levels per field, Fellegi-Sunter weights
// learned by EM, clusters. Every proposal carries the weights it is made of, so
// that a person can judge it.
//
// It only proposes: it never decides, never merges a record, never reads or
// writes anything but its arguments, and gives the same answer for the same
// records, configuration and seed. A pair that was decided to be different is
// never put in one cluster.
package linkage
