// SPDX-License-Identifier: AGPL-3.0-or-later

// Package handbook is the handbook in English, Russian and Kazakh: chapters in
// Markdown, and two that are made of a codebook, so that they say what the
// program does: the legal pack with its sources, and what each figure counts.
// Pictures are of the program's own pages, made by a browser that the tests drive
// ('make pictures'), in each language.
//
// It must never say of the law or of a figure what the codebook and its pack do
// not, nor show anything of a register: it is read before signing in.
package handbook
