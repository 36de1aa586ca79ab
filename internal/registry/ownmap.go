// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/geo"
	"github.com/kua-registry/kua/internal/ledger"
)

// mapKind is the kind of the installation's own map. It stands in the ledger
// as everything does, sealed and signed, and goes into backups with it.
const mapKind = "map"

// mapPoints is how many points the outlines of a map may have: some thirty
// kilobytes of a page.
const mapPoints = 5000

// MapFile is a map that somebody sets.
type MapFile struct {
	GeoJSON  []byte
	Property string // that says which region a feature is: its code or its name; empty: the one that fits most features
}

// MapReport says what became of a map's features.
type MapReport struct {
	Property string   // that was used
	Regions  []string // codes that have an outline now
	Missing  []string // codes of the list that have none
	Others   []string // what the property says of features that are no region of the list
	Points   int
}

// OwnMap is the installation's own map; false: it has none.
func (r *Registry) OwnMap(ctx context.Context, s *access.Session) (_ geo.Drawing, _ bool, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.ReadShared, access.Thing{Part: access.Fact}) && !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return geo.Drawing{}, false, ErrNotAllowed
	}
	rec, err := r.ownMap(ctx)
	if err != nil || rec == nil || rec.Withdrawn {
		return geo.Drawing{}, false, err
	}
	var d geo.Drawing
	if d.Width, err = strconv.Atoi(rec.Get("width")); err == nil {
		d.Height, err = strconv.Atoi(rec.Get("height"))
	}
	for _, text := range rec.Fields["shape"] {
		var shape geo.Shape
		err = errors.Join(err, shape.UnmarshalText([]byte(text)))
		d.Shapes = append(d.Shapes, shape)
	}
	return d, err == nil, err
}

// ownMap is the record of the map, live or withdrawn; nil: there never was one.
func (r *Registry) ownMap(ctx context.Context) (*casefile.Record, error) {
	ids, err := r.index.Streams(ctx, mapKind)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	entries, err := r.index.Entries(ctx, ids[0])
	if err != nil {
		return nil, notFound(err)
	}
	rec, _ := casefile.Fold(r.book, ids[0], entries).Record(ids[0])
	return rec, nil
}

// SetOwnMap sets the installation's own map, in the place of the one before.
// Of the file nothing is kept but the outlines, made as simple as a page needs.
func (r *Registry) SetOwnMap(ctx context.Context, s *access.Session, file MapFile) (_ MapReport, err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return MapReport{}, ErrNotAllowed
	}
	features, err := geo.Parse(file.GeoJSON, geo.StandardLimits())
	if err != nil {
		return MapReport{}, err
	}
	report, regions := r.regionsOf(features, file.Property)
	drawing, err := geo.Outline(regions, mapPoints)
	if err != nil {
		return report, err
	}
	fields := casefile.Fields{"width": {strconv.Itoa(drawing.Width)}, "height": {strconv.Itoa(drawing.Height)}}
	for _, shape := range drawing.Shapes {
		text, err := shape.MarshalText()
		if err != nil {
			return report, err
		}
		fields["shape"] = append(fields["shape"], string(text))
		report.Regions = append(report.Regions, shape.Code)
		for _, ring := range shape.Rings {
			report.Points += len(ring)
		}
	}
	if list, ok := r.book.List("region"); ok {
		for _, code := range list.Codes {
			if r.isRegion(code.Code) && !slices.Contains(report.Regions, code.Code) {
				report.Missing = append(report.Missing, code.Code)
			}
		}
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	old, err := r.ownMap(ctx)
	if err != nil {
		return report, err
	}
	id := ledger.NewID().String()
	if old != nil {
		id = old.ID
	}
	return report, r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: mapKind, Fields: fields}}}})
}

// RemoveOwnMap takes the installation's own map away.
func (r *Registry) RemoveOwnMap(ctx context.Context, s *access.Session) (err error) {
	defer r.refusal(ctx, s, "outside", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	old, err := r.ownMap(ctx)
	if err != nil {
		return err
	}
	if old == nil || old.Withdrawn {
		return ErrNotFound
	}
	return r.write(ctx, s, []act{{stream: old.ID, withdraws: []Put{{Record: old.ID, Kind: mapKind}}}})
}

// isRegion tells whether a code of list region is a region, and not a word for another or none.
func (r *Registry) isRegion(code string) bool {
	list, ok := r.book.List("region")
	if !ok {
		return false
	}
	_, ok = list.Code(code)
	return ok && code != "other" && code != "unknown" && code != "not_asked" && code != "declined"
}

// regionsOf sorts the areas of a map by the regions that a property names.
func (r *Registry) regionsOf(features []geo.Feature, property string) (MapReport, map[string][]geo.Polygon) {
	properties := map[string]bool{property: true}
	if property == "" {
		properties = map[string]bool{}
		for _, f := range features {
			for name := range f.Properties {
				properties[name] = true
			}
		}
	}
	best, found := MapReport{}, map[string][]geo.Polygon{}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		report, regions := MapReport{Property: name}, map[string][]geo.Polygon{}
		for _, f := range features {
			text := f.Properties[name]
			code := r.regionOf(text)
			if code == "" {
				if text != "" && !slices.Contains(report.Others, text) {
					report.Others = append(report.Others, text)
				}
				continue
			}
			regions[code] = append(regions[code], f.Polygons...)
		}
		if len(regions) > len(found) || best.Property == "" && property != "" {
			best, found = report, regions
		}
	}
	return best, found
}

// regionOf is the region a map means: by its code, an older code of it, or a name.
func (r *Registry) regionOf(text string) string {
	list, ok := r.book.List("region")
	if !ok || text == "" {
		return ""
	}
	for _, code := range list.Codes {
		if code.Map["old"] == text && r.isRegion(code.Code) {
			return code.Code
		}
	}
	if code, ok := list.Find(text); ok && r.isRegion(code) {
		return code
	}
	return ""
}
