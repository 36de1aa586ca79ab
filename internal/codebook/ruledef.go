// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

// RuleDef is a check, a deadline or a figure, as read.
type RuleDef struct{ ID string }

func parseRules(file string, data []byte) ([]RuleDef, error) { return nil, nil }
