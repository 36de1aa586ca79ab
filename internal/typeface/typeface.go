// SPDX-License-Identifier: AGPL-3.0-or-later

package typeface

import (
	_ "embed"
	"slices"
)

// Name is the family's name as a style sheet or a document would say it.
const Name = "Noto Sans"

var (
	//go:embed NotoSans-Regular.ttf
	regular []byte
	//go:embed NotoSans-Bold.ttf
	bold []byte
	//go:embed NotoSans-Italic.ttf
	italic []byte
)

// Regular returns the upright face as a TrueType file. The caller may change it.
func Regular() []byte { return slices.Clone(regular) }

// Bold returns the bold face as a TrueType file. The caller may change it.
func Bold() []byte { return slices.Clone(bold) }

// Italic returns the italic face as a TrueType file. The caller may change it.
func Italic() []byte { return slices.Clone(italic) }
