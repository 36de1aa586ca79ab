// SPDX-License-Identifier: AGPL-3.0-or-later

// Package web serves the pages of a register: sign-in, the overview, cases,
// figures. Every page is made on the server, works without script, fetches
// nothing from elsewhere and speaks English, Russian and Kazakh.
//
// It must never reach a store, a key or the index: all it shows comes from the
// registry, which asks who may see it. It must never write a name, a case
// number or a search term to a log, and never say on a page why something
// failed inside.
package web
