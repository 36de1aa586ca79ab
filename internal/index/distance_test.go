// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"testing"

	"pgregory.net/rapid"
)

// TestDistance: what is not worked out, as it is too far, changes nothing about
// what is near.
func TestDistance(t *testing.T) {
	var d distance
	for _, of := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"ivan", "ivan", 0}, {"ivan", "iavn", 1}, {"ivan", "ivana", 1}, {"van", "ivan", 1}, {"ivan", "petr", 4}, {"abcd", "badc", 2}, {"ca", "abc", 3}} {
		if n := d.between([]rune(of.a), []rune(of.b), 9); n != of.want {
			t.Errorf("%q, %q: %d", of.a, of.b, n)
		}
	}
	words := rapid.SliceOfN(rapid.SampledFrom([]rune("абв")), 0, 12)
	rapid.Check(t, func(rt *rapid.T) {
		a, b, limit := words.Draw(rt, "a"), words.Draw(rt, "b"), rapid.IntRange(1, 3).Draw(rt, "limit")
		far, near := d.between(a, b, 99), d.between(a, b, limit)
		if want := min(far, limit+1); near != want {
			rt.Fatalf("%q, %q: %d within %d, %d in all", string(a), string(b), near, limit, far)
		}
	})
}
