// SPDX-License-Identifier: AGPL-3.0-or-later

// Package codebook holds what the register knows about its own words: the kinds of records and their fields, the
// code lists, the labels in English, Russian and Kazakh, and the packs that say what is particular to a
// jurisdiction. All of it is data (the YAML files under data, and those of the packs), read and checked once when
// the program starts. Forms, validation, import, export, search and the interface description come from it.
//
// An installation may add kinds, fields, codes and packs with files of its own. What ships keeps its meaning: Load
// refuses any file that defines again what is there.
//
// It must never hold a case's data, reach a store, a key or the network, or decide who may read what: it only says
// which sealed part of an entry a field belongs to. When in doubt a field is of class identity.
package codebook
