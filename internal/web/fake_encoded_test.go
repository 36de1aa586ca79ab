// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
)

func (f *fake) MayEncode(s *access.Session) bool { return f.May(s, access.Match) }

// invented are people of the invented register; the second half are those of another list, too.
var invented = []map[string][]string{
	{"family": {"Есенов"}, "given": {"Саят"}, "birth": {"1990-05-17"}},
	{"family": {"Жүнісова"}, "given": {"Әлия"}, "birth": {"1984-11-02"}},
	{"family": {"Ким"}, "given": {"Марат"}, "birth": {"2001"}},
	{"family": {"Оразбаев"}, "given": {"Тимур"}},
}

// encodeInvented encodes people, from one on; the same bytes each time.
func encodeInvented(key encoded.Key, schema encoded.Schema, from int) (registry.EncodedCases, error) {
	e, err := encoded.NewEncoder(key, schema)
	if err != nil {
		return registry.EncodedCases{}, err
	}
	out := registry.EncodedCases{Missing: map[string]int{}, Refused: 1}
	var filters [][]uint64
	for _, one := range invented[from:] {
		filter, missing := e.Encode(func(input string) []string { return one[input] })
		for _, m := range missing {
			out.Missing[m]++
		}
		filters = append(filters, filter)
	}
	var order []int
	out.File, order, err = encoded.NewFile(key, schema, filters, bytes.NewReader(make([]byte, 64)))
	for range order {
		out.Numbers = append(out.Numbers, "K-0001")
	}
	return out, err
}

func (f *fake) EncodeCases(_ context.Context, s *access.Session, key encoded.Key, schema encoded.Schema) (registry.EncodedCases, error) {
	switch {
	case !f.MayEncode(s):
		return registry.EncodedCases{}, registry.ErrNotAllowed
	case !f.proved:
		return registry.EncodedCases{}, registry.ErrProof
	}
	f.did = append(f.did, "encoded for "+schema.Round)
	return encodeInvented(key, schema, 0)
}
