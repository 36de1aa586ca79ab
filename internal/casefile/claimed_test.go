// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestClaimedIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Claimed{
			Register: rapid.StringMatching("[0-9a-f]{32}").Draw(t, "register"), Entry: rapid.Uint64().Draw(t, "entry"),
			At: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(t, "at")).UTC(), By: rapid.StringMatching("[0-9a-f]{32}").Draw(t, "by"),
			Name: rapid.String().Draw(t, "name"), Source: rapid.String().Draw(t, "source"),
		}
		got, ok := ClaimedIn(c.String())
		if !ok || got != c {
			t.Fatalf("%q is read as %+v", c.String(), got)
		}
		if facts, ok := ClaimedIn(c.Facts()); !ok || facts.At != c.At || facts.Name+facts.Source != "" {
			t.Fatalf("of the facts is left %+v", facts)
		}
	})
	for _, text := range []string{"", "archive: ", "list: x.csv", "archive: a:1 b c d", `archive: ` + strings.Repeat("a", 32) + `:x 2022-01-01T00:00:00Z ` + strings.Repeat("a", 32) + ` "" `} {
		if c, ok := ClaimedIn(text); ok {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
}
