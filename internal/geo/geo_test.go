// SPDX-License-Identifier: AGPL-3.0-or-later

package geo

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func parse(t *testing.T, text string) []Feature {
	t.Helper()
	features, err := Parse([]byte(text), StandardLimits())
	if err != nil {
		t.Fatal(err)
	}
	return features
}

func collection(geometries ...string) string {
	var features []string
	for i, g := range geometries {
		features = append(features, fmt.Sprintf(`{"type":"Feature","properties":{"iso":"R-%d","n":%d,"x":null,"list":[1]},"geometry":%s}`, i, i, g))
	}
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

const square = `{"type":"Polygon","coordinates":[[[50,40],[60,40],[60,50],[50,50],[50,40]]]}`

func TestParse(t *testing.T) {
	hole := `{"type":"MultiPolygon","coordinates":[[[[50,40],[60,40],[60,50],[50,50],[50,40]],[[52,42,7],[52,44,7],[54,44,7],[52,42,7]]],[[[70,40],[71,40],[71,41],[70,40]]]]}`
	features := parse(t, "\xef\xbb\xbf"+collection(square, hole, "null", `{"type":"GeometryCollection","geometries":[`+square+`]}`))
	if len(features) != 4 || features[0].Properties["iso"] != "R-0" || features[1].Properties["n"] != "1" || len(features[0].Properties) != 2 {
		t.Fatalf("%+v", features)
	}
	if len(features[0].Polygons[0][0]) != 4 || len(features[1].Polygons) != 2 || len(features[1].Polygons[0]) != 2 || features[2].Polygons != nil || len(features[3].Polygons) != 1 {
		t.Errorf("%+v", features)
	}
	old := strings.Replace(collection(square), "{", `{"crs":{"type":"name","properties":{"name":"`+crs84+`"}},`, 1)
	parse(t, old)
}

func TestParseRefuses(t *testing.T) {
	most := Limits{Bytes: 2000, Depth: 10, Features: 3, Positions: 12}
	ring := func(points string) string { return `{"type":"Polygon","coordinates":[[` + points + `]]}` }
	for what, text := range map[string]string{
		"nothing":            "",
		"no JSON":            "<svg/>",
		"cut off":            collection(square)[:90],
		"something after it": collection(square) + "{}",
		"not UTF-8":          "\xff\xfe" + collection(square),
		"too long":           collection(square) + strings.Repeat(" ", 2000),
		"too deep":           strings.Repeat("[", 11) + strings.Repeat("]", 11),
		"a deep string is fine, a deep value not": `{"type":"FeatureCollection","x":` + strings.Repeat(`{"a":`, 11) + "1" + strings.Repeat("}", 11) + "}",
		"a feature alone":                         `{"type":"Feature","geometry":` + square + `}`,
		"no feature":                              `{"type":"FeatureCollection","features":[{"type":"Circle"}]}`,
		"too many features":                       collection(square, "null", "null", "null"),
		"too many positions":                      collection(square, square, square),
		"another system":                          strings.Replace(collection(square), "{", `{"crs":{"type":"name","properties":{"name":"EPSG:3857"}},`, 1),
		"metres":                                  collection(ring(`[5565974,4865942],[6679169,4865942],[6679169,6446275],[5565974,4865942]`)),
		"latitude first":                          collection(ring(`[40,150],[40,160],[50,160],[40,150]`)),
		"open":                                    collection(ring(`[50,40],[60,40],[60,50],[50,50]`)),
		"three positions":                         collection(ring(`[50,40],[60,40],[50,40]`)),
		"one number":                              collection(ring(`[50],[60],[60],[50]`)),
		"five numbers":                            collection(ring(`[50,40,1,2,3],[60,40],[60,50],[50,40,1,2,3]`)),
		"text":                                    collection(ring(`["50","40"],[60,40],[60,50],[50,40]`)),
		"null for a number":                       collection(ring(`null,[60,40],[60,50],null`)),
		"too large a number":                      collection(ring(`[1e999,40],[60,40],[60,50],[1e999,40]`)),
		"no ring":                                 collection(`{"type":"Polygon","coordinates":[]}`),
		"no coordinates":                          collection(`{"type":"Polygon"}`),
		"a line":                                  collection(`{"type":"LineString","coordinates":[[50,40],[60,40]]}`),
		"another geometry":                        collection(`{"type":"TopoJSON"}`),
		"collections in another":                  collection(`{"type":"GeometryCollection","geometries":[{"type":"GeometryCollection","geometries":[]}]}`),
	} {
		if _, err := Parse([]byte(text), most); !errors.Is(err, ErrNotGeoJSON) {
			t.Errorf("%s: %v", what, err)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: more than a line: %v", what, err)
		}
	}
}

func outline(t *testing.T, points int, text string) Drawing {
	t.Helper()
	regions := map[string][]Polygon{}
	for _, f := range parse(t, text) {
		code := cmp.Or(f.Properties["iso"], f.Properties["iso_3166_2"])
		regions[code] = append(regions[code], f.Polygons...)
	}
	d, err := Outline(regions, points)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOutline(t *testing.T) {
	sample, err := os.ReadFile("testdata/squares.geojson")
	if err != nil {
		t.Fatal(err)
	}
	d := outline(t, 0, string(sample))
	if len(d.Shapes) != 4 || d.Width < 900 || d.Height > 1001 {
		t.Errorf("%d shapes, %d by %d", len(d.Shapes), d.Width, d.Height)
	}
	// Degrees of longitude are narrower than those of latitude: cos 45° is 0.71.
	one := outline(t, 0, collection(square))
	if ratio := float64(one.Width) / float64(one.Height); math.Abs(ratio-0.707) > 0.01 {
		t.Errorf("a square of ten degrees at 45° is drawn %.3f as wide as high", ratio)
	}
	// North is above, west on the left; which way round a ring goes does not matter.
	west := `{"type":"Polygon","coordinates":[[[40,40],[40,50],[50,50],[50,40],[40,40]]]}`
	two := outline(t, 0, collection(square, west))
	if two.Shapes[0].Rings[0][0].X <= two.Shapes[1].Rings[0][0].X {
		t.Errorf("east is left of west: %+v", two)
	}
	if _, err := Outline(nil, 10); !errors.Is(err, ErrNoRegion) {
		t.Errorf("nothing: %v", err)
	}
	// Everything in one place is nothing to be seen, and no panic.
	if _, err := Outline(map[string][]Polygon{"A": {{{{1, 1}, {1, 1}, {1, 1}}}}}, 10); !errors.Is(err, ErrNoRegion) {
		t.Errorf("a point: %v", err)
	}
}

// TestAntimeridian draws one country three ways: away from the antimeridian,
// cut there as RFC 7946 asks, and running over it.
func TestAntimeridian(t *testing.T) {
	box := func(west, east float64) string {
		return fmt.Sprintf(`[[[%g,60],[%g,60],[%g,70],[%g,70],[%g,60]]]`, west, east, east, west, west)
	}
	poly := func(c string) string { return `{"type":"Polygon","coordinates":` + c + `}` }
	away := outline(t, 0, collection(poly(box(20, 29)), poly(box(30, 50))))
	over := outline(t, 0, collection(poly(box(160, 169)), `{"type":"Polygon","coordinates":[[[170,60],[-170,60],[-170,70],[170,70],[170,60]]]}`))
	cut := outline(t, 0, collection(poly(box(160, 169)), `{"type":"MultiPolygon","coordinates":[`+box(170, 180)+`,`+box(-180, -170)+`]}`))
	if away.Width != over.Width || away.Height != over.Height || away.Width != cut.Width {
		t.Errorf("%d by %d, over the antimeridian %d by %d, cut there %d", away.Width, away.Height, over.Width, over.Height, cut.Width)
	}
	if fmt.Sprint(away.Shapes) != fmt.Sprint(over.Shapes) {
		t.Errorf("over the antimeridian the shapes are others: %v and %v", away.Shapes, over.Shapes)
	}
	if len(cut.Shapes[1].Rings) != 2 || slices.ContainsFunc(cut.Shapes[1].Rings[1], func(p Point) bool { return p.X < 600 }) {
		t.Errorf("the part beyond the antimeridian stands elsewhere: %v", cut.Shapes)
	}
}

// TestSharedBordersStayShared simplifies two regions with a drawn border
// between them: no point is left on one side of it alone.
func TestSharedBordersStayShared(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(rt, "n")
		border := []Position{{50, 40}}
		for i := range n {
			border = append(border, Position{50 + rapid.Float64Range(-2, 2).Draw(rt, "x"), 40 + 10*float64(i+1)/float64(n+1)})
		}
		border = append(border, Position{50, 50})
		east := append(slices.Clone(border), Position{60, 50}, Position{60, 40})
		west := slices.Clone(border)
		slices.Reverse(west)
		west = append(west, Position{40, 40}, Position{40, 50})
		points := rapid.IntRange(8, 80).Draw(rt, "points")
		d, err := Outline(map[string][]Polygon{"E": {{Ring(east)}}, "W": {{Ring(west)}}}, points)
		if err != nil {
			rt.Fatal(err)
		}
		if len(d.Shapes) != 2 {
			rt.Fatalf("%d shapes", len(d.Shapes))
		}
		total := 0
		inner := func(s Shape) []Point {
			var found []Point
			for _, p := range s.Rings[0] {
				total++
				if p.X > 5 && p.X < d.Width-5 {
					found = append(found, p)
				}
			}
			slices.SortFunc(found, func(a, b Point) int { return a.Y - b.Y })
			return found
		}
		a, b := inner(d.Shapes[0]), inner(d.Shapes[1])
		if !slices.Equal(a, b) {
			rt.Errorf("the border is %v from the east and %v from the west", a, b)
		}
		if total > points && total > 8 {
			rt.Errorf("%d points, %d allowed", total, points)
		}
	})
}

func TestShapesAreReadAsWritten(t *testing.T) {
	d := outline(t, 0, collection(square, square))
	for _, s := range d.Shapes {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Shape
		if err := back.UnmarshalText(text); err != nil || fmt.Sprint(back) != fmt.Sprint(s) {
			t.Errorf("%s is read as %v %v", text, back, err)
		}
	}
	for _, text := range []string{"", "A", "A;", "A;1 2", "A;1 2 3 4", "A;1 2 3 4 5", "A;1 2 3 4 5 x", "A;-1 2 3 4 5 6", "A;999 999 999 999 1 1", "A;0 0 1 0 0 1;", ";0 0 1 0 0 1", "A;0 0 1 0 0 99999"} {
		if err := new(Shape).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a shape", text)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(collection(square)))
	f.Add([]byte(collection(`{"type":"MultiPolygon","coordinates":[[[[170,60],[-170,60],[-170,70],[170,60]]]]}`)))
	f.Add([]byte(`{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,90],[0,-90],[180,90],[0,90]]]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		features, err := Parse(data, Limits{Bytes: 1 << 16, Depth: 16, Features: 50, Positions: 2000})
		if err != nil {
			return
		}
		regions := map[string][]Polygon{}
		for i, ft := range features {
			regions[fmt.Sprint(i%3)] = append(regions[fmt.Sprint(i%3)], ft.Polygons...)
		}
		d, err := Outline(regions, 50)
		if err != nil {
			return
		}
		for _, s := range d.Shapes {
			text, err := s.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			if err := new(Shape).UnmarshalText(text); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}
