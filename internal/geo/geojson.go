// SPDX-License-Identifier: AGPL-3.0-or-later

package geo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Limits are the most that a file may hold.
type Limits struct {
	Bytes     int
	Depth     int // of brackets within brackets
	Features  int
	Positions int
}

// StandardLimits are generous for the regions of a country and small for a machine.
func StandardLimits() Limits {
	return Limits{Bytes: 16 << 20, Depth: 16, Features: 1000, Positions: 500_000}
}

// Position is a place in degrees of WGS 84.
type Position struct{ Lon, Lat float64 }

// Ring is a closed line: its first position is not repeated at the end.
type Ring []Position

// Polygon is an area: its border, then its holes.
type Polygon []Ring

// Feature is an area with what is said of it: texts and numbers, as text.
type Feature struct {
	Properties map[string]string
	Polygons   []Polygon
}

// ErrNotGeoJSON is wrapped by every error about what a file holds.
var ErrNotGeoJSON = errors.New("this is not a map that can be used")

func wrong(where, format string, args ...any) error {
	if where != "" {
		where = ": " + where
	}
	return fmt.Errorf("%w%s: %s", ErrNotGeoJSON, where, fmt.Sprintf(format, args...))
}

// crs84 is the one reference system that RFC 7946 knows, as older files name it.
const crs84 = "urn:ogc:def:crs:OGC:1.3:CRS84"

// Parse reads a FeatureCollection of areas (RFC 7946). Lines and points are
// refused: a region is an area. A position beyond the limits of the file's own
// degrees, an open ring, a ring of fewer than four positions are errors; which
// way round a ring goes is not (RFC 7946, 3.1.6).
func Parse(data []byte, most Limits) ([]Feature, error) {
	if len(data) > most.Bytes {
		return nil, wrong("", "it has more than %d bytes; simplify it first", most.Bytes)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		return nil, wrong("", "it is not in UTF-8")
	}
	if err := shallow(data, most.Depth); err != nil {
		return nil, err
	}
	var top struct {
		Type     string            `json:"type"`
		Features []json.RawMessage `json:"features"`
		CRS      json.RawMessage   `json:"crs"`
	}
	if err := strictly(data, &top); err != nil {
		return nil, wrong("", "%s", err)
	}
	if top.Type != "FeatureCollection" {
		return nil, wrong("", `its type is %q; expected "FeatureCollection" (RFC 7946)`, cut(top.Type))
	}
	if err := known(top.CRS); err != nil {
		return nil, err
	}
	if len(top.Features) > most.Features {
		return nil, wrong("", "it has %d features; at most %d", len(top.Features), most.Features)
	}
	left := most.Positions
	features := make([]Feature, 0, len(top.Features))
	for i, raw := range top.Features {
		f, err := feature(raw, "feature "+strconv.Itoa(i+1), &left)
		if err != nil {
			return nil, err
		}
		features = append(features, f)
	}
	return features, nil
}

// shallow refuses what goes deeper than a map does, before anything is built of it.
func shallow(data []byte, most int) error {
	depth, inside, escaped := 0, false, false
	for _, c := range data {
		switch {
		case escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return wrong("", "it has brackets within brackets, more than %d deep", most)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return nil
}

// strictly reads one JSON value and nothing after it.
func strictly(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(into); err != nil {
		return plain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands after its end")
	}
	return nil
}

// plain is an error of the JSON reader without what it read.
func plain(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON at byte %d", syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("a %s stands where something else belongs, at byte %d", kind.Value, kind.Offset)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends in the middle")
	}
	return errors.New("it is no JSON")
}

// known refuses any reference system but the one of RFC 7946.
func known(raw json.RawMessage) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var crs struct {
		Properties struct {
			Name string `json:"name"`
		} `json:"properties"`
	}
	if err := strictly(raw, &crs); err != nil || crs.Properties.Name != crs84 {
		return wrong("", "it names a reference system (crs); save it again in degrees of WGS 84, as RFC 7946 has it")
	}
	return nil
}

func feature(raw json.RawMessage, where string, left *int) (Feature, error) {
	var in struct {
		Type       string                     `json:"type"`
		Properties map[string]json.RawMessage `json:"properties"`
		Geometry   json.RawMessage            `json:"geometry"`
	}
	if err := strictly(raw, &in); err != nil {
		return Feature{}, wrong(where, "%s", err)
	}
	if in.Type != "Feature" {
		return Feature{}, wrong(where, `its type is %q; expected "Feature"`, cut(in.Type))
	}
	f := Feature{Properties: map[string]string{}}
	for name, value := range in.Properties {
		var text string
		var number json.Number
		if string(value) == "null" {
			continue
		}
		if json.Unmarshal(value, &text) == nil {
			f.Properties[name] = text
		} else if json.Unmarshal(value, &number) == nil {
			f.Properties[name] = number.String()
		}
	}
	if len(in.Geometry) == 0 || string(in.Geometry) == "null" {
		return f, nil // said to be unlocated: RFC 7946, 3.2
	}
	var err error
	f.Polygons, err = geometry(in.Geometry, where, left, 0)
	return f, err
}

func geometry(raw json.RawMessage, where string, left *int, depth int) ([]Polygon, error) {
	var in struct {
		Type        string            `json:"type"`
		Coordinates json.RawMessage   `json:"coordinates"`
		Geometries  []json.RawMessage `json:"geometries"`
	}
	if err := strictly(raw, &in); err != nil {
		return nil, wrong(where, "%s", err)
	}
	switch in.Type {
	case "Polygon":
		var rings [][][]float64
		if err := strictly(in.Coordinates, &rings); err != nil {
			return nil, wrong(where, "%s", err)
		}
		p, err := polygon(rings, where, left)
		return []Polygon{p}, err
	case "MultiPolygon":
		var all [][][][]float64
		if err := strictly(in.Coordinates, &all); err != nil {
			return nil, wrong(where, "%s", err)
		}
		var out []Polygon
		for _, rings := range all {
			p, err := polygon(rings, where, left)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	case "GeometryCollection":
		if depth > 0 {
			return nil, wrong(where, "a collection stands in a collection")
		}
		var out []Polygon
		for _, one := range in.Geometries {
			p, err := geometry(one, where, left, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, p...)
		}
		return out, nil
	case "Point", "MultiPoint", "LineString", "MultiLineString":
		return nil, wrong(where, "it is a %s; a region is a Polygon or a MultiPolygon", in.Type)
	}
	return nil, wrong(where, "its geometry has the type %q", cut(in.Type))
}

func polygon(rings [][][]float64, where string, left *int) (Polygon, error) {
	if len(rings) == 0 {
		return nil, wrong(where, "a polygon has no ring")
	}
	var out Polygon
	for _, in := range rings {
		if *left -= len(in); *left < 0 {
			return nil, wrong(where, "the map has too many positions; simplify it first")
		}
		if len(in) < 4 {
			return nil, wrong(where, "a ring has %d positions; at least four, the last as the first", len(in))
		}
		ring := make(Ring, len(in))
		for i, p := range in {
			if len(p) < 2 || len(p) > 4 {
				return nil, wrong(where, "a position has %d numbers; expected longitude and latitude", len(p))
			}
			ring[i] = Position{p[0], p[1]}
			if !(math.Abs(p[0]) <= 180 && math.Abs(p[1]) <= 90) {
				return nil, wrong(where, "a position is beyond 180 degrees of longitude or 90 of latitude; first comes the longitude")
			}
		}
		last := len(ring) - 1
		if ring[0] != ring[last] {
			return nil, wrong(where, "a ring is not closed: its last position is not its first")
		}
		out = append(out, ring[:last])
	}
	return out, nil
}

// cut is the beginning of a text from a file: enough to find it there.
func cut(s string) string {
	const most = 40
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
