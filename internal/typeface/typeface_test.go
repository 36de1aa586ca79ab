// SPDX-License-Identifier: AGPL-3.0-or-later

package typeface

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"
)

func faces() map[string][]byte {
	return map[string][]byte{"NotoSans-Regular.ttf": Regular(), "NotoSans-Bold.ttf": Bold(), "NotoSans-Italic.ttf": Italic()}
}

// TestSums holds the files to those that make.py made.
func TestSums(t *testing.T) {
	text, err := os.ReadFile("SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok {
			t.Fatalf("SHA256SUMS: %q", line)
		}
		sums[name] = sum
	}
	if len(sums) != len(faces()) {
		t.Errorf("SHA256SUMS has %d files, there are %d", len(sums), len(faces()))
	}
	for name, face := range faces() {
		if got := fmt.Sprintf("%x", sha256.Sum256(face)); got != sums[name] {
			t.Errorf("%s has the sum %s, SHA256SUMS says %s", name, got, sums[name])
		}
	}
}

// TestNotice holds the licence beside the files.
func TestNotice(t *testing.T) {
	text, err := os.ReadFile("OFL.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Copyright", "SIL OPEN FONT LICENSE Version 1.1", "may be sold by itself", "AS IS"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("OFL.txt does not say %q", want)
		}
	}
}

// TestLetters asks each face for what the three languages are written with.
func TestLetters(t *testing.T) {
	const letters = "abcxyzABCXYZ0123456789" +
		"абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ" +
		"әғқңөұүһіӘҒҚҢӨҰҮҺІ" + "ґєїўҐЄЇЎ" + "àçéíñöüßšžğışçĞİŞ" +
		"«»„“”‘’–—…№₸₽€%‰°§©×±−≥≤≠≈½¼¾←↑→↓↔•■□●○☐☑✓¹²³⁴ " + "\u00a0\u0301\u2011"
	for name, face := range faces() {
		f, err := sfnt.Parse(face)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var b sfnt.Buffer
		for _, r := range letters {
			i, err := f.GlyphIndex(&b, r)
			if err != nil || i == 0 {
				t.Errorf("%s has no %q (%U): %v", name, r, r, err)
			}
		}
	}
}

// TestHandedOut: who changes what they were given changes nothing for the next.
func TestHandedOut(t *testing.T) {
	Regular()[0] ^= 0xFF
	if Regular()[0] != regular[0] || regular[0] != 0 {
		t.Error("the face itself was changed")
	}
}
