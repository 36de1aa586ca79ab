// SPDX-License-Identifier: AGPL-3.0-or-later

package paper

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
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
