// SPDX-License-Identifier: AGPL-3.0-or-later

// Package contentline reads and writes the lines that calendars (RFC 5545) and
// cards of people (RFC 6350) are made of: NAME;PARAM=VALUE:VALUE, folded over
// several lines of the file.
//
// The libraries there are leave out, without a word, each line that they do not
// understand, such as the telephones of vCard 2.1 (TEL;CELL:…). Here each is
// read, or refused with its place.
package contentline
