// SPDX-License-Identifier: AGPL-3.0-or-later

package bodymap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/codebook"
)

func list(t *testing.T, id string) *codebook.List {
	t.Helper()
	b, err := codebook.Load(codebook.Data)
	if err != nil {
		t.Fatal(err)
	}
	l, ok := b.List(id)
	if !ok {
		t.Fatalf("no list %s", id)
	}
	return l
}

// TestCodes: every view and region is one of the codebook, and every view of the codebook is drawn.
func TestCodes(t *testing.T) {
	views, regions, sides := list(t, "body_view"), list(t, "body_region"), list(t, "side")
	drawn := map[string]bool{}
	for _, v := range Views() {
		if _, ok := views.Code(v.ID); !ok || drawn[v.ID] {
			t.Errorf("view %s is not in the codebook, or drawn twice", v.ID)
		}
		drawn[v.ID] = true
		for _, l := range v.Layers {
			for _, r := range l.Regions {
				if _, ok := regions.Code(r.Code); !ok {
					t.Errorf("view %s: there is no part of the body %s", v.ID, r.Code)
				}
				if _, ok := sides.Code(r.Side); !ok || r.Side == "both" {
					t.Errorf("view %s: %s is on the side %q", v.ID, r.Code, r.Side)
				}
			}
		}
	}
	for _, c := range views.Codes {
		if !drawn[c.Code] {
			t.Errorf("view %s is not drawn", c.Code)
		}
	}
	// What has a place must be drawn somewhere; these say that the place is not told, or are inside another.
	vague := []string{"body", "legs", "head", "other", "unknown", "not_asked", "declined"}
	for _, c := range regions.Codes {
		if slices.Contains(vague, c.Code) {
			continue
		}
		if !slices.ContainsFunc(Views(), func(v View) bool { return v.Shows(c.Code) }) {
			t.Errorf("no view shows %s", c.Code)
		}
	}
}

// TestPlaces: the middle of each region lies in it.
func TestPlaces(t *testing.T) {
	for _, v := range Views() {
		for _, l := range v.Layers {
			for _, r := range l.Regions {
				if r.Code == "toenails" || r.Code == "fingernails" {
					continue // five places under one name: their middle is no nail
				}
				x, y, ok := v.Place(r.Code, r.Side)
				got, in := v.At(x, y)
				if !ok || !in || got.Code != r.Code || got.Side != r.Side {
					t.Errorf("view %s: the middle of %s %s is at %d, %d, where %s %s is", v.ID, r.Code, r.Side, x, y, got.Code, got.Side)
				}
			}
		}
	}
}

// TestEveryPlaceHasARegion: a click on the body is never lost.
func TestEveryPlaceHasARegion(t *testing.T) {
	for _, v := range Views() {
		in, lost := 0, 0
		for y := range 200 {
			for x := range 200 {
				p := Point{float64(x*5+2) / Permille * float64(v.Width), float64(y*5+2) / Permille * float64(v.Height)}
				if !slices.ContainsFunc(v.Layers, func(l Layer) bool {
					return slices.ContainsFunc(l.edge, func(ring []Point) bool { return inside(p, ring) })
				}) {
					continue
				}
				in++
				if _, ok := v.At(x*5+2, y*5+2); !ok {
					lost++
				}
			}
		}
		if in < 1000 || lost*500 > in {
			t.Errorf("view %s: of %d places on the body %d have no region", v.ID, in, lost)
		}
	}
}

// TestMirrors: left is right on the other side, in pictures of one side and in those that mirror another.
func TestMirrors(t *testing.T) {
	views := Views()
	other := map[string]string{"left": "right", "right": "left", "middle": "middle"}
	twin := map[string]string{"left": "right", "head_left": "head_right", "hand_l_dorsal": "hand_r_dorsal", "hand_l_palmar": "hand_r_palmar", "foot_l_dorsal": "foot_r_dorsal", "foot_l_plantar": "foot_r_plantar"}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(views).Draw(t, "view")
		w := v
		if id, ok := twin[v.ID]; ok {
			w, _ = Find(views, id)
		} else if v.OnLeft == "" {
			return
		}
		x, y := rapid.IntRange(0, Permille).Draw(t, "x"), rapid.IntRange(0, Permille).Draw(t, "y")
		a, okA := v.At(x, y)
		b, okB := w.At(Permille-x, y)
		if okA != okB || okA && (a.Code != b.Code || a.Side != other[b.Side]) {
			// On the very edge of two regions either may be hit.
			if a, okA = v.At(x+1, y); okA != okB || a.Code != b.Code || a.Side != other[b.Side] {
				if a, okA = v.At(x-1, y); okA != okB || a.Code != b.Code || a.Side != other[b.Side] {
					t.Fatalf("view %s at %d, %d: %s %s, and mirrored %s %s", v.ID, x, y, a.Code, a.Side, b.Code, b.Side)
				}
			}
		}
	})
}

// TestSides: whoever marks what the person has on the right finds it on the left of the picture from the front.
func TestSides(t *testing.T) {
	for _, tt := range []struct {
		view       string
		x, y       int
		code, side string
	}{
		{"front", 440, 300, "ribs", "right"}, {"front", 560, 300, "ribs", "left"}, {"back", 440, 220, "upper_back", "left"},
		{"front", 500, 505, "genitals", "middle"}, {"back", 500, 300, "spine", "middle"}, {"front", 400, 600, "thigh", "right"},
		{"head_front", 360, 410, "eye", "right"}, {"head_left", 645, 466, "ear", "left"}, {"head_right", 355, 466, "ear", "right"},
		{"hand_r_dorsal", 530, 650, "hand_back", "right"}, {"hand_l_palmar", 530, 650, "palm", "left"}, {"foot_r_plantar", 450, 600, "sole", "right"},
		{"perineum", 500, 480, "genitals", "middle"}, {"front", 5, 5, "", ""}, {"front", -40, 5000, "", ""},
	} {
		v, ok := Find(Views(), tt.view)
		if !ok {
			t.Fatalf("no view %s", tt.view)
		}
		if r, _ := v.At(tt.x, tt.y); r.Code != tt.code || r.Side != tt.side {
			t.Errorf("view %s at %d, %d: %s %s, want %s %s", tt.view, tt.x, tt.y, r.Code, r.Side, tt.code, tt.side)
		}
	}
	if _, ok := Find(Views(), "inside"); ok {
		t.Error("there is a view from inside")
	}
	if _, _, ok := Views()[0].Place("sole", "left"); ok {
		t.Error("from the front one sees a sole")
	}
}

// TestPictures: each is one whole SVG of absolute, finite places, and small enough for a slow line.
func TestPictures(t *testing.T) {
	for _, v := range Views() {
		pic := v.Picture()
		d := xml.NewDecoder(bytes.NewReader(pic))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("view %s: %v", v.ID, err)
			}
		}
		if text := string(pic); strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || len(pic) > 16<<10 {
			t.Errorf("view %s: %d bytes", v.ID, len(pic))
		}
	}
}

func TestFlip(t *testing.T) {
	for in, want := range map[string]string{
		"M10,20L30,5.5Z":            "M90,20L70,5.5Z",
		"M10,20q5,-3 9,0":           "M90,20q-5,-3 -9,0",
		"M10,20 h20 M1,2 v3 h-4":    "M90,20 h-20 M99,2 v3 h4",
		"M10,20 l18,4 C1,2 3,4 5,6": "M90,20 l-18,4 C99,2 97,4 95,6",
		"":                          "",
	} {
		if got := flip(in, 100); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
		if back := flip(flip(in, 100), 100); back != in {
			t.Errorf("%q twice mirrored is %q", in, back)
		}
	}
	if n := num(math.Pi); n != "3" {
		t.Errorf("num: %s", n)
	}
}
