// SPDX-License-Identifier: AGPL-3.0-or-later

package examples

import "embed"

// Files are the files of the sample register.
//
//go:embed january-2022 *.yaml stories/*.yaml statement/*.md
var Files embed.FS

// StatementDay is the day as of which the statement of 24 June 2022 counts.
const StatementDay = "2022-05-17"

// Statement are the texts of the sample statement, one for each language.
var Statement = []string{"statement/2022-06-24.en.md", "statement/2022-06-24.ru.md", "statement/2022-06-24.kk.md"}

// List is a member's list with its mapping.
type List struct {
	File, Mapping, Organisation string
}

// Lists are the four members' lists.
var Lists = []List{
	{"january-2022/northern-bureau.xlsx", "january-2022/northern-bureau.map.yaml", "Northern Bureau"},
	{"january-2022/legal-aid.xlsx", "january-2022/legal-aid.map.yaml", "Legal Aid"},
	{"january-2022/detention-watch.csv", "january-2022/detention-watch.map.yaml", "Detention Watch"},
	{"january-2022/family-line.csv", "january-2022/family-line.map.yaml", "Family Line"},
}
