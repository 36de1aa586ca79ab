// SPDX-License-Identifier: AGPL-3.0-or-later

// Package kg is the Kyrgyzstan pack, a draft: regions, bodies, articles of the criminal code with their versions, treaties,
// and the few terms that could be confirmed, each with its source and how sure we are of it.
//
// It is data for codebook.Load and holds no code, as packs/kz. Most of the codes of 2021 could not be read: what could not
// be confirmed is not in it. It must never be taken for legal advice: a lawyer has not reviewed it, and every page that
// uses it says so.
package kg
