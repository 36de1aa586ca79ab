// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestContrast holds the colours to WCAG 2.2 AA: text at least 4.5 to 1 on
// every ground it stands on, edges of controls at least 3 to 1.
func TestContrast(t *testing.T) {
	css, err := os.ReadFile("static/kua.css")
	if err != nil {
		t.Fatal(err)
	}
	root := regexp.MustCompile(`(?s):root \{(.*?)\n\s*\}`).FindAllStringSubmatch(string(css), -1)
	if len(root) < 2 {
		t.Fatal("the style sheet has no two sets of colours")
	}
	for i, scheme := range []string{"light", "dark"} {
		colour := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(root[i][1], -1) {
			colour[m[1]] = luminance(t, m[2])
		}
		for _, pair := range strings.Fields(`ink/paper ink/card ink/sunk ink/accent-soft soft/paper soft/card soft/sunk
			accent/paper accent/card accent/sunk accent/accent-soft on-accent/accent
			bad/bad-soft wait/wait-soft good/good-soft bad/card wait/card good/card`) {
			text, ground, _ := strings.Cut(pair, "/")
			if c := contrast(colour[text], colour[ground]); c < 4.5 {
				t.Errorf("%s: %s on %s: %.2f, want 4.5", scheme, text, ground, c)
			}
		}
		for _, pair := range []string{"strong-line/card", "strong-line/paper", "accent/accent-faint"} {
			edge, ground, _ := strings.Cut(pair, "/")
			if c := contrast(colour[edge], colour[ground]); c < 3 {
				t.Errorf("%s: %s on %s: %.2f, want 3", scheme, edge, ground, c)
			}
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	channel := func(shift uint) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*channel(16) + 0.7152*channel(8) + 0.0722*channel(0)
}

func contrast(a, b float64) float64 {
	return (math.Max(a, b) + 0.05) / (math.Min(a, b) + 0.05)
}
