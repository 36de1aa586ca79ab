// SPDX-License-Identifier: AGPL-3.0-or-later

// Package sheet writes tables for programs that calculate: as CSV, or as a
// workbook (XLSX).
//
// It must never let a text become a formula, whoever wrote the text; never
// change a number; and never say who wrote a file, with what, or when: the same
// table gives the same bytes.
package sheet
