// SPDX-License-Identifier: AGPL-3.0-or-later

// Package post sends reminders by SMTP (RFC 5321): numbers in the language of
// their reader, and nothing else. No case, no name, no link stands in a letter,
// nor does anything that says which program or machine it comes from.
//
// A server is spoken to by TLS, or not at all unless it is on this machine; its
// certificate must be right. What goes wrong is said in one of the words of
// package registry: what a server answers can hold an address, and goes nowhere.
//
// It must never log, never keep a connection open, never try twice, and never
// say more than the numbers it is given.
package post
