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
func encodeInvented(key encoded.Key, schema encoded.Schema, from int) (encoded.List, error) {
	l, err := encoded.NewLister(key, schema)
	if err != nil {
		return encoded.List{}, err
	}
	for _, one := range invented[from:] {
		l.Add("K-0001", func(input string) []string { return one[input] })
	}
	out, _, err := l.List(bytes.NewReader(make([]byte, 64)))
	out.Refused = 1
	return out, err
}

func (f *fake) EncodeCases(_ context.Context, s *access.Session, key encoded.Key, schema encoded.Schema) (encoded.List, error) {
	switch {
	case !f.MayEncode(s):
		return encoded.List{}, registry.ErrNotAllowed
	case !f.proved:
		return encoded.List{}, registry.ErrProof
	}
	f.did = append(f.did, "encoded for "+schema.Round)
	return encodeInvented(key, schema, 0)
}
