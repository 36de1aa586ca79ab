// SPDX-License-Identifier: AGPL-3.0-or-later

// Package primero reads and writes records of Primero: its JSON export (a list
// of records), what its API answers (data), the history of records, and its
// registry and case lists as CSV. A list of places with HXL tags beside the file
// (locations.csv) gives the codes of places their names.
//
// Written from the sources of primeroIMS/primero (see docs/spec/formats.md).
//
// A record of a case, a registry or a tracing request is a case here; an
// incident belongs to the case it names (incident_case_id), and is a case by
// itself where it names none of the file.
package primero
