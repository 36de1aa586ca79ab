// SPDX-License-Identifier: AGPL-3.0-or-later

// Package bucket keeps files in a bucket of an object store that speaks S3.
//
// It is given names and bytes, and stands on no other room: it can reach no key
// and does not know what it keeps. Whoever uses it seals first. Nothing but a
// prefix and the name is told to the store, and no object is ever changed: one
// of the same name takes its place as a whole.
package bucket
