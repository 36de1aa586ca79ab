// SPDX-License-Identifier: AGPL-3.0-or-later

// Package linkage finds which records are the same person (and, for cases, the
// same incident): blocking, agreement levels per field, Fellegi-Sunter weights
// learned by EM, clusters. Every proposal carries the weights it is made of, so
// that a person can judge it.
//
// There is one engine, Table.Link, for a register of two hundred cases and for a
// list of ten million rows; Link is its short form for records. Each distinct
// value is read once and a row is a few numbers. Blocks come from sorted keys. A
// pair is compared under the first rule that makes it and kept only if it may be
// one person, so that no set of pairs is ever held; what is sorted goes to a
// Scratch when it is more than Options.Memory.
//
// It only proposes: it never decides, never merges a record, never reads or
// writes anything but its arguments, and gives the same answer for the same
// records, configuration and seed, however many processors and however little
// memory there are. A pair that was decided to be different is never put in one
// cluster.
package linkage
