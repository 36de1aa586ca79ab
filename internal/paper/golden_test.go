// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

type writer func(io.Writer, Document) error

// write returns what a writer makes of a document.
func write(t rapid.TB, to writer, d Document) string {
	t.Helper()
	var b bytes.Buffer
	if err := to(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is written otherwise; see with -update and git diff", path)
	}
}

func TestGolden(t *testing.T) {
	for lang := range samples {
		d := sample(lang)
		for name, to := range map[string]writer{"html": HTML, "fragment.html": HTMLFragment, "md": Markdown, "txt": Text} {
			golden(t, lang+"."+name, write(t, to, d))
		}
	}
}

// listing is what stands where on the pages of a document.
func listing(t rapid.TB, d Document) string {
	t.Helper()
	sheets, _, err := paginate(d)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i, s := range sheets {
		fmt.Fprintf(&b, "page %d\n", i+1)
		for _, boxes := range [][]at{s.boxes, s.notes} {
			for _, box := range boxes {
				if box.mark != nil {
					fmt.Fprintf(&b, "bookmark %d %s\n", box.mark.level, box.mark.title)
				}
				for _, p := range box.pieces {
					fmt.Fprintf(&b, "%5.1f %5.1f %4.1f%s %s", p.x, box.y+p.y, p.size, p.face.fpdf(), p.text)
					if p.link != "" {
						fmt.Fprintf(&b, " <%s>", p.link)
					}
					b.WriteByte('\n')
				}
			}
			if len(s.notes) > 0 {
				b.WriteString("--\n")
			}
		}
	}
	return b.String()
}

func TestGoldenPages(t *testing.T) {
	for lang := range samples {
		golden(t, lang+".pages.txt", listing(t, sample(lang)))
	}
}

func TestGoldenDOCX(t *testing.T) {
	for lang := range samples {
		parts := unzipped(t, write(t, DOCX, sample(lang)))
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			if strings.HasSuffix(name, ".png") {
				parts[name] = "a picture"
			}
			fmt.Fprintf(&b, "-- %s --\n%s\n", name, strings.ReplaceAll(parts[name], "<w:p>", "\n<w:p>"))
		}
		golden(t, lang+".docx.txt", b.String())
	}
}
