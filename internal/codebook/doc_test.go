// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"os"
	"regexp"
	"testing"
)

// TestDocumentedExtension: what docs/spec/codebook.md shows can be laid over the codebook as it stands there.
func TestDocumentedExtension(t *testing.T) {
	text, err := os.ReadFile("../../docs/spec/codebook.md")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		files[block[1]] = block[2]
	}
	if len(files) != 2 {
		t.Fatalf("%d files", len(files))
	}
	if p := book(t, tree(files)).Validate("act", map[string][]string{"methods": {"x-cold-shower"}}); p != nil {
		t.Error(p)
	}
}
