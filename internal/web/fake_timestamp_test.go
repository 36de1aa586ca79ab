// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/timestamp"
)

const (
	stampGood  = "95000000000000000000000000000001"
	stampProof = "95000000000000000000000000000002"
)

// fakeStamps are the time stamps of the invented register: one of each sort.
func fakeStamps() []registry.TimeStamp {
	added := moment("2022-06-01T09:00:00Z")
	of := func(id string, entries uint64, form, outcome string) registry.TimeStamp {
		return registry.TimeStamp{ID: id, Form: form, Entries: entries, Checkpoint: "kua\n" + id, Token: []byte("token"), Added: added, Outcome: outcome}
	}
	good := of(stampGood, 1200, registry.RFC3161, "good")
	good.At, good.Authority, good.Signers = moment("2022-06-01T09:00:05Z"), hostile, []string{hostile, "Sample root"}
	proof := of(stampProof, 1300, registry.OpenTimestamps, registry.ProofKept)
	proof.Blocks = []timestamp.Block{{Height: 738800, Root: strings.Repeat("0a", 32)}, {Height: 738801}}
	promised := of("95000000000000000000000000000003", 1400, registry.OpenTimestamps, registry.ProofKept)
	promised.Calendars = []string{"https://pool.sample.example"}
	unverified := of("95000000000000000000000000000004", 1500, registry.RFC3161, "unverified")
	unverified.At, unverified.Authority = good.At, "Sample other"
	return []registry.TimeStamp{good, proof, promised, unverified, of("95000000000000000000000000000005", 1600, registry.RFC3161, "altered")}
}

func (f *fake) TimeStamps(context.Context, *access.Session) ([]registry.TimeStamp, error) {
	if f.empty {
		return nil, f.fails
	}
	return fakeStamps(), f.fails
}

func (f *fake) TimeAuthorities(context.Context, *access.Session) ([]registry.TimeAuthority, error) {
	if f.empty {
		return nil, f.fails
	}
	return []registry.TimeAuthority{{Name: hostile, Address: "https://tsa.sample.example", Roots: "root one\n"}, {Name: "Sample by hand", Roots: "root two\n"}}, f.fails
}

func (f *fake) Checkpoint(context.Context, *access.Session) ([]byte, error) {
	return []byte("kua\ncheckpoint"), f.fails
}

func (f *fake) Query(_ *access.Session, data []byte) ([]byte, error) {
	return append([]byte("query of "), data...), f.fails
}

func (f *fake) MayStamp(s *access.Session) bool {
	return s.Member.Is(access.Coordinator, access.Administrator)
}

func (f *fake) StampNow(ctx context.Context, _ *access.Session, name string, ask registry.Ask) (registry.TimeStamp, error) {
	if f.refuses != nil {
		return registry.TimeStamp{}, f.refuses
	}
	_, err := ask(ctx, name, []byte("query"))
	f.did = append(f.did, "stamp "+name)
	return fakeStamps()[0], err
}

func (f *fake) AddStamp(_ context.Context, _ *access.Session, checkpoint, token []byte) (registry.TimeStamp, error) {
	if f.refuses != nil {
		return registry.TimeStamp{}, f.refuses
	}
	f.did = append(f.did, "keep "+string(token)+" over "+string(checkpoint))
	return fakeStamps()[0], nil
}

func (f *fake) FileStamps(_ context.Context, _ *access.Session, caseID string) ([]registry.TimeStamp, error) {
	if caseID != caseThings || f.access == "facts" {
		return nil, f.fails
	}
	all := fakeStamps()[:3]
	for i := range all {
		all[i].Checkpoint, all[i].Entries, all[i].File, all[i].SHA256 = "", 0, fileOne, strings.Repeat("0a", 32)
	}
	return all, f.fails
}

func (f *fake) StampFile(ctx context.Context, _ *access.Session, caseID, of, name string, ask registry.Ask) (registry.TimeStamp, error) {
	if f.refuses != nil {
		return registry.TimeStamp{}, f.refuses
	}
	_, err := ask(ctx, name, []byte("query"))
	f.did = append(f.did, "stamp "+of+" of "+caseID+" by "+name)
	return fakeStamps()[0], err
}

func (f *fake) AddFileStamp(_ context.Context, _ *access.Session, caseID, of string, token []byte) (registry.TimeStamp, error) {
	if f.refuses != nil {
		return registry.TimeStamp{}, f.refuses
	}
	f.did = append(f.did, "keep "+string(token)+" over "+of+" of "+caseID)
	return fakeStamps()[0], nil
}

func (f *fake) FileQuery(_ context.Context, _ *access.Session, caseID, of string) ([]byte, error) {
	if caseID != caseThings || of != fileOne {
		return nil, registry.ErrNotFound
	}
	return []byte("query of " + of), f.fails
}
