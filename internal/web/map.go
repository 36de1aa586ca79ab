// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"html/template"
	"slices"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/geo"
	"github.com/kua-registry/kua/internal/registry"
)

type mapBody struct {
	Clock           clockForm
	Map             template.HTML
	Caption, Counts string
	Rows            []mapRow
	Notes           []mapNote
	Old             bool
	Empty           bool
}

type mapRow struct {
	ID, Name string
	Tally    tallyText
}

// mapNote says that people of an undivided region may have suffered in one of
// the regions that were made of it.
type mapNote struct{ Text, Href, Link string }

// regions is the map of where it happened, with its table.
func (s *server) regions(v *visit) error {
	at, err := v.clock()
	if err != nil {
		return err
	}
	var old *bool
	chosen := v.r.URL.Query().Get("regions")
	if chosen == "old" || chosen == "new" {
		is := chosen == "old"
		old = &is
	}
	found, err := s.reg.Regions(v.r.Context(), v.session, at.Clock, old)
	if err != nil {
		return err
	}
	body := mapBody{Clock: v.clockForm(at), Old: found.Old, Empty: found.All.Cases == 0}
	body.Counts = v.T("map.counted", v.N("state.people", found.All.People), v.N("state.cases", found.All.Cases))
	if found.Reform != 0 {
		body.Clock.Selects = []selectField{{Name: "regions", Label: v.T("map.regions"), Options: []option{
			{"new", v.T("map.regions.new", found.Reform), !found.Old}, {"old", v.T("map.regions.old", found.Reform), found.Old},
		}}}
		if chosen != "" {
			body.Clock.Reset = link("/map", "regions", chosen)
		}
	}
	body.Caption = v.clockWords(at)
	var tiles []chart.Tile
	rows := slices.Clone(found.Rows)
	collator := v.Collator()
	slices.SortStableFunc(rows, func(a, b registry.RegionRow) int {
		switch { // what is not known stands last
		case (a.Code == registry.NoRegion) != (b.Code == registry.NoRegion):
			if a.Code == registry.NoRegion {
				return 1
			}
			return -1
		}
		return collator.CompareString(v.regionName(a.Code), v.regionName(b.Code))
	})
	for _, r := range rows {
		name := v.regionName(r.Code)
		row := mapRow{ID: r.Code, Name: name, Tally: v.tally(r.Tally, at, r.With, name)}
		body.Rows = append(body.Rows, row)
		tiles = append(tiles, chart.Tile{Code: r.Code, Label: name, Short: v.shortRegion(r.Code), Href: row.Tally.Href, Value: r.Tally.People})
		if r.Undivided.Cases > 0 {
			var now []string
			for _, code := range r.Now {
				now = append(now, v.regionName(code))
			}
			body.Notes = append(body.Notes, mapNote{
				Text: v.T("map.undivided", name, found.Reform, v.List(now)), Link: v.N("state.people", r.Undivided.People), Href: casesWith(at, r.UndividedWith),
			})
		}
	}
	drawing, own, err := s.reg.OwnMap(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	places := tilePlaces(v.book)
	// Regions without anybody are tiles, too: nothing known is not nothing there.
	if list, ok := v.book.List("region"); ok {
		for _, code := range list.Codes {
			isNew := found.Reform != 0 && code.From >= found.Reform.String()
			outlined := own && slices.ContainsFunc(drawing.Shapes, func(shape geo.Shape) bool { return shape.Code == code.Code })
			if (outlined || chart.Placed(places, code.Code)) && (!isNew || !found.Old) && !slices.ContainsFunc(tiles, func(t chart.Tile) bool { return t.Code == code.Code }) {
				tiles = append(tiles, chart.Tile{Code: code.Code, Label: v.regionName(code.Code), Short: v.shortRegion(code.Code)})
			}
		}
	}
	frame := chart.Frame{ID: "map", Title: v.T("map.title"), Desc: v.T("map.desc"), Number: v.Number, Day: v.Day}
	drawn := chart.Tiles(frame, places, tiles)
	if own && v.r.URL.Query().Get("view") != "tiles" {
		drawn = chart.Areas(frame, drawing.Width, drawing.Height, areas(drawing, tiles, found))
	}
	if own {
		body.Clock.Selects = append(body.Clock.Selects, selectField{Name: "view", Label: v.T("map.view"), Options: []option{
			{"", v.T("map.view.own"), v.r.URL.Query().Get("view") != "tiles"}, {"tiles", v.T("map.view.tiles"), v.r.URL.Query().Get("view") == "tiles"},
		}})
	}
	body.Map = template.HTML(drawn) //nolint:gosec // the chart escapes every text it is given
	return s.show(v, "map", v.T("map.title"), body)
}

// tilePlaces says where the regions of the packs stand on the map of tiles.
func tilePlaces(book *codebook.Book) []chart.Place {
	var out []chart.Place
	for _, t := range book.Tiles() {
		out = append(out, chart.Place{Code: t.Code, Column: t.Column, Row: t.Row})
	}
	return out
}

// areas gives tiles the outlines of the installation's own map.
func areas(d geo.Drawing, tiles []chart.Tile, found registry.Regions) []chart.Area {
	var out []chart.Area
	for _, t := range tiles {
		a := chart.Area{Tile: t}
		for _, shape := range d.Shapes {
			// By the old borders a new region is a part of that it was made of.
			if shape.Code != t.Code && (!found.Old || found.MadeOf[shape.Code] != t.Code) {
				continue
			}
			for _, ring := range shape.Rings {
				var points [][2]int
				for _, p := range ring {
					points = append(points, [2]int{p.X, p.Y})
				}
				a.Rings = append(a.Rings, points)
			}
		}
		out = append(out, a)
	}
	return out
}

// shortRegion is what fits into a tile.
func (v *voice) shortRegion(code string) string {
	for _, t := range v.book.Tiles() {
		if t.Code == code {
			return v.in(t.Short)
		}
	}
	return ""
}
