// SPDX-License-Identifier: AGPL-3.0-or-later

package istanbul

import (
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/bodymap"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
)

// Spot is where a finding is drawn, in permille of a view.
type Spot struct {
	View bodymap.View
	X, Y int
}

// Places says where a finding is drawn: at its place, else in the middle of
// each of its regions, on the view it names, else on the first that shows it.
func Places(views []bodymap.View, f *casefile.Record) []Spot {
	named, ok := bodymap.Find(views, f.Get("view"))
	x, errX := strconv.Atoi(f.Get("x"))
	y, errY := strconv.Atoi(f.Get("y"))
	if ok && errX == nil && errY == nil && x >= 0 && y >= 0 && x <= bodymap.Permille && y <= bodymap.Permille {
		return []Spot{{named, x, y}}
	}
	var out []Spot
	look := views
	if ok {
		look = []bodymap.View{named}
	}
	for _, region := range f.Fields["body_region"] {
		for _, side := range Sides(f) {
			i := slices.IndexFunc(look, func(v bodymap.View) bool {
				var found bool
				if x, y, found = v.Place(region, side); !found {
					x, y, found = v.Place(region, "middle") // it lies in the middle whatever side was said
				}
				return found
			})
			if i >= 0 {
				out = append(out, Spot{look[i], x, y})
			}
		}
	}
	return out
}

// Sides are the sides of a finding as the map has them; empty: not said.
func Sides(f *casefile.Record) []string {
	switch side := f.Get("side"); {
	case side == "both":
		return []string{"left", "right"}
	case side == "" || codebook.Missing(side) || side == "other":
		return []string{""}
	default:
		return []string{side}
	}
}
