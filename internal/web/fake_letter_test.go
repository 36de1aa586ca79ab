// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/letter"
	"github.com/kua-registry/kua/internal/registry"
)

func (f *fake) Letters() (*letter.Set, error) { return letter.Compile(f.book) }

func (f *fake) TakesLetter(_ context.Context, _ *access.Session, id string) error {
	if f.fails != nil {
		return f.fails
	}
	if id != caseOne && id != caseThings {
		return registry.ErrNotFound
	}
	f.did = append(f.did, "took a letter of "+id)
	return nil
}
