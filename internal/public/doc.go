// SPDX-License-Identifier: AGPL-3.0-or-later

// Package public makes the public page of an installation: plain files, of
// nothing but what was published. Each statement stands there in its languages
// and formats with its signed manifest, each figure with its definition and its
// days, for people, for programs (figures.json, figures.csv, schema.org) and as
// a badge that says whether it was verified.
//
// [Files] makes the files, [Write] puts them on the disk at once, [Handler]
// serves a folder of them, as any web server can.
//
// It must never reach the registry, the index, the ledger or a key: what it is
// not given it can't give away. It never writes a script, asks for a cookie or
// fetches anything from elsewhere, and serves no byte but those of the files in
// its folder.
package public
