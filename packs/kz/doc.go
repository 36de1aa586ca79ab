// SPDX-License-Identifier: AGPL-3.0-or-later

// Package kz is the Kazakhstan pack: bodies, competence, articles of the criminal code with their versions, registers,
// grounds, regions, victims' rights and treaties, each with its source and how sure we are of it.
//
// It is data for codebook.Load and holds no code: what the program does with it is decided elsewhere. It must never
// be taken for legal advice: a lawyer has not reviewed it, and every page that uses it says so.
package kz
