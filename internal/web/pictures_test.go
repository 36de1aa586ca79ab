// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/handbook"
)

// pictured are the golden pages of which the handbook shows a picture. People and places in them are invented.
var pictured = []string{
	"apikey", "backup-old", "calendar", "examinations", "first-words", "letter", "newcase-worker", "record", "register-locked", "submission-case",
}

const (
	pictureWidth  = 360 // of a phone
	pictureHeight = 620 // at the most: the rest of a page is seen when one is there
)

var (
	handbookDir  = filepath.Join("..", "..", "handbook")
	picturesFile = filepath.Join(handbookDir, "pictures.txt") // what each picture was taken of
	mainPart     = regexp.MustCompile(`(?s)<main.*</main>`)
	remark       = regexp.MustCompile(`(?s)/\*.*?\*/`)
	ruleOfStyle  = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	classInStyle = regexp.MustCompile(`\.([a-zA-Z][\w-]*)`)
	classesOf    = regexp.MustCompile(`class="([^"]*)"`)
)

// seen is a digest of what a picture shows: the page without what stands around it, and the rules of the style sheet
// that reach it. A style for other pages makes no picture stale.
func seen(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("testdata", "golden", name+".html"))
	if err != nil {
		t.Fatal(err)
	}
	style, err := staticFiles.ReadFile("static/kua.css")
	if err != nil {
		t.Fatal(err)
	}
	main := mainPart.Find(page)
	if main == nil {
		t.Fatalf("%s has no main part", name)
	}
	has := map[string]bool{}
	for _, m := range classesOf.FindAllSubmatch(page, -1) {
		for _, c := range strings.Fields(string(m[1])) {
			has[c] = true
		}
	}
	h := sha256.New()
	fmt.Fprintln(h, pictureWidth, pictureHeight, handbook.PictureScale)
	h.Write(main)
	for _, rule := range ruleOfStyle.FindAllSubmatch(remark.ReplaceAll(style, nil), -1) {
		reaches := slices.ContainsFunc(strings.Split(string(rule[1]), ","), func(selector string) bool {
			return !slices.ContainsFunc(classInStyle.FindAllStringSubmatch(selector, -1), func(m []string) bool { return !has[m[1]] })
		})
		if reaches {
			h.Write(rule[0])
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// picturesTaken is what each picture was taken of, by its language and name.
func picturesTaken(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(picturesFile)
	if err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if digest, name, ok := strings.Cut(lines.Text(), "  "); ok {
			taken[name] = digest
		}
	}
	return taken
}

// TestPictures holds that each picture of the handbook shows a page as it now is, in each language.
func TestPictures(t *testing.T) {
	taken := picturesTaken(t)
	for _, lang := range languages {
		files, err := handbook.Pictures(lang)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, name := range pictured {
			want = append(want, name+".webp")
			if at := lang + "-" + name; taken[at] != seen(t, at) {
				t.Errorf("the handbook's picture of %s shows what the page was: make pictures", at)
			}
		}
		if !slices.Equal(files, want) {
			t.Errorf("%s: the pictures are %v, and should be %v: make pictures", lang, files, want)
		}
	}
	if len(taken) != len(pictured)*len(languages) {
		t.Errorf("%s names %d pictures, there are %d: make pictures", picturesFile, len(taken), len(pictured)*len(languages))
	}
}
