// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// planned is what a list would do: of three cases one is as it was, and one changed.
func planned(cases []registry.CaseImport) (out registry.Import) {
	for i, c := range cases {
		out.Entries += len(c.Records(caseOne))
		switch i % 3 {
		case 1:
			out.Changed++
		case 2:
			out.Same++
		default:
			out.New++
		}
	}
	return out
}

func (f *fake) mayImport(s *access.Session, org string) error {
	if f.fails != nil {
		return f.fails
	}
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: org}) {
		return registry.ErrNotAllowed
	}
	return nil
}

func (f *fake) PlanImport(_ context.Context, s *access.Session, org, _ string, cases []registry.CaseImport) (registry.Import, error) {
	return planned(cases), f.mayImport(s, org)
}

func (f *fake) Import(_ context.Context, s *access.Session, org, source string, cases []registry.CaseImport, _ func(done, total int)) (registry.Import, error) {
	if err := f.mayImport(s, org); err != nil {
		return registry.Import{}, err
	}
	done := planned(cases)
	f.did = append(f.did, fmt.Sprintf("%s into %s: %d cases", source, org, len(cases)))
	return done, nil
}

func (f *fake) ImportFiles(_ context.Context, _ *access.Session, _, list string, files []registry.CaseFile, _ func(done, total int)) (registry.ImportedFiles, error) {
	var names []string
	for _, file := range files {
		content, err := file.Open()
		if err != nil {
			return registry.ImportedFiles{}, err
		}
		if err := content.Close(); err != nil {
			return registry.ImportedFiles{}, err
		}
		names = append(names, file.Name)
	}
	f.did = append(f.did, fmt.Sprintf("files of %s: %s", list, strings.Join(names, ", ")))
	return registry.ImportedFiles{New: 1, Same: 1, NoCase: 1, Refused: []string{"empty " + hostile}}, nil
}

func (f *fake) PutOutside(_ context.Context, _ *access.Session, source string, puts []registry.Put) (registry.Import, error) {
	f.did = append(f.did, fmt.Sprintf("%s outside cases: %d", source, len(puts)))
	return registry.Import{New: len(puts)}, f.fails
}
