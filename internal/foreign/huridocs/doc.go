// SPDX-License-Identifier: AGPL-3.0-or-later

// Package huridocs reads and writes the Events Standard Formats of HURIDOCS as
// OpenEvSys hands them out in XML: events with their acts, the persons in them,
// information and interventions.
//
// A case here is about one person, so an event becomes a case for each of its
// victims, named by the numbers of both. Everything is tied by record numbers.
//
// Words of the micro-thesauri are codes of 12 digits with their leading zeros,
// and stay text. The lists themselves are not part of this program, for their
// licence: where a file micro-thesauri.csv (list,code,term) of an installation
// lies beside the XML, each code is shown with its term, under "FIELD (term)".
//
// Which fields there are says fields.csv, written down from the description of
// the formats: J. Dueck, M. Guzman, B. Verstappen, HURIDOCS Events Standard
// Formats, 2nd edition, 2001, and what of it OpenEvSys keeps. No export was at
// hand; the sample was made from the description.
package huridocs
