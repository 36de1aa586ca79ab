// SPDX-License-Identifier: AGPL-3.0-or-later

package chart

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/bodymap"
)

// single are the drawings that are one picture each: all that we can draw.
func single(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, all := range drawings() {
		if !strings.HasSuffix(name, ".svg") {
			continue
		}
		for i, part := range strings.SplitAfter(all, "</svg>\n") {
			if part != "" {
				out[strings.TrimSuffix(name, ".svg")+string(rune('a'+i))] = part
			}
		}
	}
	for _, v := range bodymap.Views() {
		out["body-"+v.ID] = string(v.Picture())
	}
	return out
}

// TestReadAll reads every drawing of ours: nothing in them is unknown, and all their text is there.
func TestReadAll(t *testing.T) {
	all := single(t)
	if len(all) < 40 {
		t.Fatalf("%d drawings; some are missing", len(all))
	}
	for name, svg := range all {
		p, err := Read(svg)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		texts, shapes := 0, 0
		for _, s := range p.Shapes {
			if len(s.Path) == 0 {
				texts++
			} else {
				shapes++
			}
		}
		if want := strings.Count(svg, "<text "); texts != want {
			t.Errorf("%s has %d texts, %d were read", name, want, texts)
		}
		if p.Width <= 0 || strings.Count(svg, "<path ")+strings.Count(svg, "<rect ")+strings.Count(svg, "<circle ") > 0 && shapes == 0 {
			t.Errorf("%s: %v wide, %d shapes", name, p.Width, shapes)
		}
	}
}

// TestReadSays holds what is read against what was drawn.
func TestReadSays(t *testing.T) {
	p, err := Read(Tiles(frame("map", "Сообщения & <регионы>"), places, regions))
	if err != nil {
		t.Fatal(err)
	}
	if p.Title != "Сообщения & <регионы>" || p.Desc != "Придуманные данные" || p.Width != 360 {
		t.Errorf("%q, %q, %v wide", p.Title, p.Desc, p.Width)
	}
	if p, err = Read(`<svg viewBox="-10 -20 30 40"><text x="1" y="2">x</text><path d="M0 0z"/></svg>`); err != nil || p.Height != 40 || p.Shapes[0].At != (XY{11, 22}) || p.Shapes[1].Path[0].P[0] != (XY{10, 20}) {
		t.Errorf("%v, %v", p, err)
	}
	if p, err = Read(Tiles(frame("map", ""), places, regions)); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, s := range p.Shapes {
		if s.Text == "61" {
			found = s.Bold && s.Anchor == Middle && s.Size == 16 && s.Href == "/cases?region=KZ-75" && s.Fill == (color.NRGBA{0xff, 0xff, 0xff, 0xff})
		}
	}
	if !found {
		t.Error("the number of Almaty is not as it was drawn")
	}
}

func TestReadPath(t *testing.T) {
	for d, want := range map[string]string{ // want: each place moved by 1 and 1
		"M1 2H5V7z":                    "M2 3L6 3L6 8Z",
		"M300 300l300 0 0-300z":        "M301 301L601 301L601 1Z",
		"m1,2 3,4m1 1l-.5.5":           "M2 3L5 7M6 8L5.5 8.5",
		"M0 0C1 2 3 4 5 6c1 1 2 2 3 3": "M1 1C2 3 4 5 6 7C7 8 8 9 9 10",
		"M0 0q3 0 3 3":                 "M1 1C3 1 4 2 4 4",
		"M0 0a1 1 0 0 1 2 0":           "M1 1C1 0.7 1.1 0.5 1.3 0.3C1.5 0.1 1.7 0 2 0C2.3 0 2.5 0.1 2.7 0.3C2.9 0.5 3 0.7 3 1",
		"":                             "",
	} {
		path, err := readPath(d)
		if err != nil {
			t.Errorf("%q: %v", d, err)
			continue
		}
		var b strings.Builder
		for _, s := range path {
			b.WriteByte(s.Op)
			for i := range map[byte]int{'M': 1, 'L': 1, 'C': 3}[s.Op] {
				if i > 0 {
					b.WriteByte(' ')
				}
				b.WriteString(num(s.P[i].X+1) + " " + num(s.P[i].Y+1)) // so that there is no −0
			}
		}
		if b.String() != want {
			t.Errorf("%q is read as %q, want %q", d, b.String(), want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	whole := func(inside string) string {
		return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">` + inside + `</svg>`
	}
	if _, err := Read(whole(`<rect width="2" height="2"/>`)); err != nil {
		t.Fatal(err)
	}
	for _, svg := range []string{
		"", "<g/>", whole("") + whole(""), whole("<svg/>"), whole("<image/>"), whole("<script>1</script>"), whole("words"), whole("<text><g/></text>"),
		whole(`<g style="fill:red"/>`), whole(`<g opacity="0.5"/>`), whole(`<g transform="rotate(3)"/>`), whole(`<g fill="red"/>`), whole(`<g fill="#12345"/>`),
		whole(`<path d="L1 1"/>`), whole(`<path d="M1"/>`), whole(`<path d="M1 1A1 2 0 0 0 2 2"/>`), whole(`<path d="M1 1T2 2"/>`), whole(`<path d="M1 1Z2"/>`), whole(`<path d="M1e9 1"/>`), whole(`<path d="M1 NaN"/>`),
		whole(`<g transform="scale(1000)"><g transform="scale(1000)"/></g>`), whole(`<g transform="scale(1000)"><path d="M9999 1"/></g>`),
		whole(`<g clip-path="url(#c)"/>`), whole(`<path stroke-dasharray="0"/>`), whole(`<text text-anchor="left"/>`), whole("<g>"), "<!DOCTYPE svg>" + whole(""),
		`<svg viewBox="0 0 9"/>`, whole(strings.Repeat("<g>", 40) + strings.Repeat("</g>", 40)),
	} {
		if _, err := Read(svg); err == nil {
			t.Errorf("%q is read", svg)
		}
	}
}

// painted reads and paints a drawing.
func painted(t testing.TB, svg string, scale float64) image.Image {
	t.Helper()
	p, err := Read(svg)
	if err != nil {
		t.Fatal(err)
	}
	data, err := p.PNG(scale)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// TestPNG looks at pixels whose colour is known.
func TestPNG(t *testing.T) {
	svg := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20">
<clipPath id="c"><rect width="10" height="10"/></clipPath>
<g clip-path="url(#c)"><rect width="40" height="5" fill="#ff0000"/></g>
<g transform="scale(0.5)"><path fill="#00ff00" fill-rule="evenodd" d="M40 0h20v20h-20zM45 5h10v10h-10z"/></g>
<path d="M0 15H20" stroke="#0000ff" stroke-width="4" stroke-dasharray="5 5" fill="none"/>
<circle cx="35" cy="5" r="4" fill="#000" fill-opacity="0.5"/>
<rect x="24" y="12" width="8" height="8" rx="4" fill="#ff0000"/>
<path d="M-90000 18H90000" stroke="#00ff00" fill="none"/>
</svg>`
	img := painted(t, svg, 2)
	if img.Bounds() != image.Rect(0, 0, 80, 40) {
		t.Fatal(img.Bounds())
	}
	for at, want := range map[[2]int]color.NRGBA{
		{10, 4}: {255, 0, 0, 255}, {22, 4}: {255, 255, 255, 255}, // clipped
		{41, 1}: {0, 255, 0, 255}, {50, 10}: {255, 255, 255, 255}, // a hole
		{2, 30}: {0, 0, 255, 255}, {15, 30}: {255, 255, 255, 255}, {25, 30}: {0, 0, 255, 255}, // dashes
		{70, 10}: {127, 127, 127, 255}, {56, 32}: {255, 0, 0, 255}, {48, 24}: {255, 255, 255, 255}, {70, 36}: {0, 255, 0, 255},
	} {
		got := color.NRGBAModel.Convert(img.At(at[0], at[1])).(color.NRGBA)
		near := func(a, b uint8) bool { return math.Abs(float64(a)-float64(b)) <= 2 }
		if !near(got.R, want.R) || !near(got.G, want.G) || !near(got.B, want.B) || got.A != 255 {
			t.Errorf("at %v the picture is %v, want %v", at, got, want)
		}
	}
}

// TestPNGText finds the ink of a text where its anchor says.
func TestPNGText(t *testing.T) {
	for anchor, want := range map[string][2]int{"start": {50, 100}, "middle": {20, 80}, "end": {0, 52}} {
		img := painted(t, `<svg viewBox="0 0 100 20"><text x="50" y="15" font-size="10" text-anchor="`+anchor+`">Қуәлік</text></svg>`, 1)
		low, high := 100, 0
		for y := range 20 {
			for x := range 100 {
				if r, _, _, _ := img.At(x, y).RGBA(); r < 0x8000 {
					low, high = min(low, x), max(high, x)
				}
			}
		}
		if low < want[0] || high > want[1] || high-low < 20 {
			t.Errorf("%s: the text is seen from %d to %d", anchor, low, high)
		}
	}
}

func TestPNGSize(t *testing.T) {
	p := Picture{Width: 100, Height: 100}
	for _, scale := range []float64{0, -1, math.NaN(), math.Inf(1), 1e6} {
		if _, err := p.PNG(scale); err == nil {
			t.Errorf("a picture is painted at scale %v", scale)
		}
	}
	if _, err := (Picture{Width: 360}).PNG(2); err == nil {
		t.Error("a picture without height is painted")
	}
	for name, svg := range single(t) {
		p, err := Read(svg)
		if err != nil {
			t.Fatal(err)
		}
		if p.Height == 0 {
			continue
		}
		data, err := p.PNG(2)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if dir := os.Getenv("KUA_PICTURES"); dir != "" { // to be looked at
			if err := os.WriteFile(filepath.Join(dir, name+".png"), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, svg := range single(f) {
		f.Add(svg)
	}
	f.Fuzz(func(t *testing.T, svg string) {
		p, err := Read(svg)
		if err != nil {
			return
		}
		if p.Width > 0 && p.Height > 0 && len(p.Shapes) < 200 {
			_, _ = p.PNG(min(1, 60/max(p.Width, p.Height))) // it may refuse, and must not fail
		}
	})
}

func BenchmarkPNG(b *testing.B) {
	p, err := Read(Tiles(frame("map", "По регионам"), places, regions))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := p.PNG(3); err != nil {
			b.Fatal(err)
		}
	}
}
