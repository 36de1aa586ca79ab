// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/archive"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// The exports of the invented register, by how they stand.
const (
	exportOpen    = "e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1" // to be fetched
	exportAsked   = "e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2" // one's own, waits for a second person
	exportToSay   = "e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3" // another's, waits for the member
	exportRefused = "e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4"
	exportWhole   = "e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5" // an archive, fetched
	exportOver    = "e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6e6"
)

func (f *fake) MayExport(s *access.Session) bool {
	return slices.ContainsFunc(s.Member.Orgs, func(org string) bool {
		return access.Decide(s.Member, access.HandOver, access.Thing{Org: org, Part: access.Fact, Day: f.Today()})
	})
}

func (f *fake) Exports(_ context.Context, s *access.Session) ([]registry.ExportAct, error) {
	if f.fails != nil || f.empty || !f.MayExport(s) {
		return nil, f.fails
	}
	some := []registry.CaseRef{{ID: caseOne, Number: "K-0001"}, {ID: caseThings, Number: "K-0006"}}
	key := f.exportKey
	if key == "" {
		key = "age1sampleandnokeyatall"
	}
	act := registry.ExportAct{ID: exportOpen, At: moment("2022-06-23T08:00:00Z"), By: s.Member.Name, Own: true, Cases: some, Format: "uwazi", Purpose: "un", Until: day("2022-06-30"), State: registry.ExportOpen, To: "The secretariat " + hostile, Key: key, Reason: "An urgent appeal " + hostile, MayFetch: true, Proved: f.proved}
	acts := []registry.ExportAct{act}
	add := func(id string, change func(a *registry.ExportAct)) {
		a := act
		a.ID, a.MayFetch = id, false
		change(&a)
		acts = append(acts, a)
	}
	add(exportAsked, func(a *registry.ExportAct) { a.State, a.Cases, a.All = registry.ExportAsked, nil, true })
	add(exportToSay, func(a *registry.ExportAct) {
		a.State, a.By, a.Own, a.MayAnswer, a.Cases = registry.ExportAsked, "Sample Colleague", false, true, some[:1]
	})
	add(exportRefused, func(a *registry.ExportAct) {
		a.State, a.By, a.Own, a.AnsweredBy, a.Answer = registry.ExportRefused, "Sample Colleague", false, s.Member.Name, "Not without the board"
	})
	add(exportWhole, func(a *registry.ExportAct) {
		a.Format, a.Purpose, a.AnsweredBy, a.Fetched, a.MayFetch = "kua", "own", "Sample Colleague", day("2022-06-24"), true
	})
	add(exportOver, func(a *registry.ExportAct) { a.State, a.Until = registry.ExportOver, day("2022-06-20") })
	return acts, nil
}

func (f *fake) AskExport(_ context.Context, _ *access.Session, n registry.NewExport) (registry.ExportAct, error) {
	if f.fails != nil {
		return registry.ExportAct{}, f.fails
	}
	if !n.All && len(n.Cases) == 0 {
		return registry.ExportAct{}, registry.ErrNoCases
	}
	if slices.Contains(n.Cases, "K-9999") {
		return registry.ExportAct{}, registry.ErrNotFound
	}
	if n.Purpose == "own" && n.Format != registry.ArchiveFormat {
		return registry.ExportAct{}, registry.ErrExportOwn
	}
	f.did = append(f.did, fmt.Sprintf("export of %q all %v as %s for %s to %q because %q", n.Cases, n.All, n.Format, n.Purpose, n.To, n.Reason))
	return registry.ExportAct{ID: exportOpen}, nil
}

func (f *fake) OneExport(_ context.Context, s *access.Session, id string) (registry.ExportAct, error) {
	return f.exportAct(s, id)
}

// exportDue is the export that waits for the member, where there is one.
func (f *fake) exportDue(s *access.Session) []registry.DueItem {
	if f.empty || !f.MayExport(s) {
		return nil
	}
	on := day("2022-06-23")
	return []registry.DueItem{{What: registry.DueExport, Export: exportToSay, Due: index.Due{Day: on, Arguable: on, State: rules.Running, Kind: "export"}}}
}

func (f *fake) exportAct(s *access.Session, id string) (registry.ExportAct, error) {
	acts, err := f.Exports(context.Background(), s)
	for _, a := range acts {
		if a.ID == id {
			return a, nil
		}
	}
	if err == nil {
		err = registry.ErrNotFound
	}
	return registry.ExportAct{}, err
}

func (f *fake) AnswerExport(_ context.Context, s *access.Session, id string, agree bool, words string) error {
	a, err := f.exportAct(s, id)
	switch {
	case err != nil:
		return err
	case a.Own:
		return registry.ErrExportSelf
	case !a.MayAnswer:
		return registry.ErrExportClosed
	case !agree && words == "":
		return registry.ErrReason
	case !f.proved:
		return registry.ErrProof
	}
	f.did = append(f.did, fmt.Sprintf("export answered %v %q", agree, words))
	return nil
}

func (f *fake) FetchExport(_ context.Context, s *access.Session, id string) (registry.ExportFetch, error) {
	a, err := f.exportAct(s, id)
	switch {
	case err != nil:
		return registry.ExportFetch{}, err
	case a.State == registry.ExportAsked:
		return registry.ExportFetch{}, registry.ErrExportWaits
	case !a.MayFetch:
		return registry.ExportFetch{}, registry.ErrExportClosed
	case !f.proved:
		return registry.ExportFetch{}, registry.ErrProof
	}
	f.did = append(f.did, "export fetched")
	file := casefile.Fold(f.book, caseOne, entries())
	out := registry.ExportFetch{Act: a, Export: &registry.Export{Total: 1}}
	out.Export.Cases = iter.Seq2[*casefile.Case, error](func(yield func(*casefile.Case, error) bool) {
		if f.halfway {
			yield(nil, registry.ErrUnaudited)
			return
		}
		yield(file, nil)
	})
	out.Export.Files = func(string) ([]registry.ExportFile, error) { return nil, nil }
	out.Archive = func(w io.Writer, program string) (archive.Manifest, error) {
		m := archive.Manifest{}
		m.Counts.Cases, m.Counts.Entries, m.Counts.Files = 2, 24, 3
		_, err := io.Copy(w, strings.NewReader("an archive by "+program))
		return m, err
	}
	return out, nil
}
