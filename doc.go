// SPDX-License-Identifier: AGPL-3.0-or-later

// Package kua is the root of Kua, a self-hosted, encrypted register for
// coalitions that document torture. The program is in cmd/kua; the rooms of
// the house are under internal, and README.md draws them. This package holds
// no code: only the test that keeps the walls of the house standing.
package kua
