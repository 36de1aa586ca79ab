// SPDX-License-Identifier: AGPL-3.0-or-later

// Package takeout writes an export that was fetched (registry.FetchExport) in its
// format, sealed. The command line and the pages both do it through here:
//
//	registry.ExportFetch ──▶ Write ──▶ a file sealed by age, and what was carried
//
// Nothing is written in the clear, and nothing is kept.
package takeout
