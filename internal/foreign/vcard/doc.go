// SPDX-License-Identifier: AGPL-3.0-or-later

// Package vcard reads and writes people and how to reach them as vCards (RFC
// 6350, and 2.1 and 3.0 as older telephones write them).
//
// A card is a person. Cards that name a case (X-KUA-CASE, as those written here
// do) come into it together; any other card is a case by itself, known by its
// UID, or where it has none by a digest of what it says. The category of a card
// written here is the person's role.
package vcard
