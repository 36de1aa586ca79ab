// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"testing"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/packs/kz"
)

func book(t testing.TB) *codebook.Book {
	t.Helper()
	b, err := codebook.Load(codebook.Data, kz.Data)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := codebook.Load(codebook.Data, kz.Data); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLoads(t *testing.T) {
	b := book(t)
	if len(b.Kinds()) < 40 {
		t.Errorf("%d kinds", len(b.Kinds()))
	}
}
