// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/seal"
)

// sample makes a ledger in memory of three streams, seven entries in three commits.
func sample(t testing.TB) (*ledgertest.Ledger, *ledgertest.Memory, [3]ledger.ID) {
	t.Helper()
	keeper := ledgertest.InMemory()
	l := ledgertest.New(t, keeper)
	s := [3]ledger.ID{{1}, {2}, {3}}
	for _, drafts := range [][]ledger.Draft{
		{l.Draft(s[0], 1, "a1"), l.Draft(s[0], 2, "a2"), l.Draft(s[1], 1, "b1")},
		{l.Draft(s[1], 2, "b2")},
		{l.Draft(s[2], 1, "c1"), l.Draft(s[0], 3, "a3"), l.Draft(s[0], 4, "a4")},
	} {
		if err := l.Write(t, drafts...); err != nil {
			t.Fatal(err)
		}
	}
	l.Check(t)
	return l, keeper.Open(t).(*ledgertest.Memory), s
}

func verify(t testing.TB, l *ledgertest.Ledger, m *ledgertest.Memory, deep bool) ledger.Report {
	t.Helper()
	how := ledger.VerifyOptions{}
	if deep {
		how.Vaults, how.Author = []*seal.Vault{l.Vault}, l.Authors
	}
	report, err := ledger.Verify(context.Background(), m, l.Options, how)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Every single flipped bit in an entry, a hash or a checkpoint is found at its
// entry, without any key; every one in a wrapped key with the vault.
func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	l, m, _ := sample(t)
	for pos, row := range *m.Rows() {
		for what, b := range map[string][]byte{"sealed": row.Sealed, "hashes": row.Hashes, "checkpoint": row.Checkpoint} {
			step := 1
			if what == "sealed" && testing.Short() {
				step = 17
			}
			for i := 0; i < len(b); i += step {
				b[i] ^= 1 << (i % 8)
				report := verify(t, l, m, false)
				b[i] ^= 1 << (i % 8)
				if report.Fault == nil || !report.Fault.AtPos || report.Fault.Pos != uint64(pos) {
					t.Fatalf("byte %d of %s of entry %d: %v", i, what, pos, report)
				}
			}
		}
	}
	for k, key := range *m.WrappedKeys() {
		for i := range key.Wrapped {
			key.Wrapped[i] ^= 1 << (i % 8)
			report := verify(t, l, m, true)
			key.Wrapped[i] ^= 1 << (i % 8)
			if report.Fault == nil {
				t.Fatalf("byte %d of wrapped key %d: %v", i, k, report)
			}
		}
	}
	if report := verify(t, l, m, true); report.Fault != nil {
		t.Fatal(report)
	}
}

// What somebody who can write the store, but holds no key, may try.
func TestVerifyFindsTampering(t *testing.T) {
	l, m, s := sample(t)
	for _, c := range []struct {
		name   string
		at     int // -1: not at an entry
		deep   bool
		change func(m *ledgertest.Memory)
	}{
		{"the end cut off within a commit", 5, false, func(m *ledgertest.Memory) { *m.Rows() = (*m.Rows())[:6] }},
		{"the end cut off at a commit", 4, false, func(m *ledgertest.Memory) { *m.Rows() = (*m.Rows())[:4] }},
		{"everything cut off", 0, false, func(m *ledgertest.Memory) { *m.Rows() = nil }},
		{"two entries of one stream swapped", 5, false, func(m *ledgertest.Memory) {
			r := *m.Rows()
			r[5], r[6] = r[6], r[5]
			r[5].Pos, r[6].Pos = 5, 6
			r[5].Checkpoint, r[6].Checkpoint = r[6].Checkpoint, r[5].Checkpoint
		}},
		{"two entries of two streams swapped", 3, false, func(m *ledgertest.Memory) {
			r := *m.Rows()
			r[3].Stream, r[3].Version, r[3].Sealed, r[3].Hashes, r[4].Stream, r[4].Version, r[4].Sealed, r[4].Hashes =
				r[4].Stream, r[4].Version, r[4].Sealed, r[4].Hashes, r[3].Stream, r[3].Version, r[3].Sealed, r[3].Hashes
		}},
		{"an entry repeated", 3, false, func(m *ledgertest.Memory) {
			r := *m.Rows()
			r[3].Sealed, r[3].Stream, r[3].Version, r[3].Hashes = r[1].Sealed, r[1].Stream, r[1].Version, r[1].Hashes
		}},
		{"an entry left out", 3, false, func(m *ledgertest.Memory) { *m.Rows() = append((*m.Rows())[:3:3], (*m.Rows())[4:]...) }},
		{"kept under another stream", 2, false, func(m *ledgertest.Memory) { (*m.Rows())[2].Stream = s[2] }},
		{"kept under another version", 2, false, func(m *ledgertest.Memory) { (*m.Rows())[2].Version = 5 }},
		{"an old checkpoint on a new entry", 6, false, func(m *ledgertest.Memory) { (*m.Rows())[6].Checkpoint = (*m.Rows())[3].Checkpoint }},
		{"a checkpoint taken away", 6, false, func(m *ledgertest.Memory) { (*m.Rows())[6].Checkpoint = nil }},
		{"the fact key taken away", 2, true, func(m *ledgertest.Memory) {
			k := *m.WrappedKeys()
			for i := range k {
				if k[i].Stream == s[1] && k[i].Part == 1 {
					k[i].Holder = ledger.ID{9}
				}
			}
		}},
		{"the identity key taken away", 2, true, func(m *ledgertest.Memory) {
			k := *m.WrappedKeys()
			for i := range k {
				if k[i].Stream == s[1] && k[i].Part == 2 {
					k[i].Epoch = 2
				}
			}
		}},
		{"a key of no stream", -1, false, func(m *ledgertest.Memory) { (*m.WrappedKeys())[0].Stream = ledger.ID{8} }},
		{"the keys of two streams swapped", -1, true, func(m *ledgertest.Memory) {
			k := *m.WrappedKeys()
			k[0].Wrapped, k[2].Wrapped = k[2].Wrapped, k[0].Wrapped
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := m.Clone()
			c.change(m)
			report := verify(t, l, m, c.deep)
			if report.Fault == nil {
				t.Fatalf("not noticed: %v", report)
			}
			if c.at >= 0 && (!report.Fault.AtPos || report.Fault.Pos != uint64(c.at)) {
				t.Errorf("expected at entry %d: %v", c.at, report)
			}
			if strings.Contains(report.String(), "\n") {
				t.Errorf("more than a line: %q", report)
			}
		})
	}
}

// A thief who holds the node's key, but not the author's, can't invent, alter
// or leave out what an author wrote without being noticed.
func TestVerifyFindsWhatTheNodeInvents(t *testing.T) {
	ctx := context.Background()
	l, _, s := sample(t)
	thief, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	d := l.Draft(s[0], 5, "invented")
	_, d.Content.Prev, err = l.Last(ctx, s[0])
	if err != nil {
		t.Fatal(err)
	}
	e, err := ledger.Seal(l.ID(), thief, d)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(ctx, ledger.Batch{Entries: []ledger.Entry{e}}); err != nil {
		t.Fatal(err)
	}
	report, err := l.Verify(ctx, ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors})
	if err != nil || report.Fault == nil || report.Fault.Pos != 7 {
		t.Errorf("%v, %v", report, err)
	}
	// Nor by giving the thief's key for the author's: it has another name.
	o := l.Opener()
	o.Author = func(ledger.ID) (ed25519.PublicKey, bool) { return thief.Public().Signing(), true }
	err = l.Stream(ctx, s[1], func(e ledger.Entry) error { _, err := o.Open(e); return err })
	if !errors.Is(err, ledger.ErrAuthor) {
		t.Errorf("another's key: %v", err)
	}

	// An entry whose author saw another one before it.
	l, _, s = sample(t)
	d = l.Draft(s[0], 5, "after an entry that was left out")
	d.Content.Prev = ledger.Hash{1}
	if e, err = ledger.Seal(l.ID(), l.Author, d); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(ctx, ledger.Batch{Entries: []ledger.Entry{e}}); err != nil {
		t.Fatal(err)
	}
	report, err = l.Verify(ctx, ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: l.Authors})
	if err != nil || report.Fault == nil || report.Fault.Pos != 7 {
		t.Errorf("%v, %v", report, err)
	}
}

// What was opened before is not checked a second time, but that it is the same.
func TestVerifyOfWhatWasOpened(t *testing.T) {
	ctx := context.Background()
	l, _, _ := sample(t)
	head := l.Head()
	nobody := func(ledger.ID) (ed25519.PublicKey, bool) { return nil, false }
	for _, c := range []struct {
		checked ledger.Checked
		fault   uint64 // at this place
		whole   bool
	}{
		{ledger.Checked{Size: head.Size, Root: head.Root}, 0, true},
		{ledger.Checked{Size: head.Size, Root: head.Root, But: func(pos uint64) bool { return pos == 3 }}, 3, false},
		{ledger.Checked{Size: head.Size, Root: ledger.Hash{1}}, head.Size - 1, false},
		{ledger.Checked{Size: head.Size + 1, Root: head.Root}, head.Size, false},
		{ledger.Checked{}, 0, false},
	} {
		report, err := l.Verify(ctx, ledger.VerifyOptions{Vaults: []*seal.Vault{l.Vault}, Author: nobody, Checked: c.checked})
		if err != nil || (report.Fault == nil) != c.whole || !c.whole && report.Fault.Pos != c.fault || c.whole && report.Opened != head.Size {
			t.Errorf("%d entries checked before: %v, %v", c.checked.Size, report, err)
		}
	}
}

// The identity part can't be exchanged for another one by who holds both keys.
func TestIdentityPartIsSigned(t *testing.T) {
	l, _, s := sample(t)
	a := l.Draft(s[0], 1, "name one")
	b := l.Draft(s[0], 1, "name two") // same keys, same lengths
	one, err := ledger.Seal(l.ID(), l.Author, a)
	if err != nil {
		t.Fatal(err)
	}
	two, err := ledger.Seal(l.ID(), l.Author, b)
	if err != nil {
		t.Fatal(err)
	}
	identity := int(one.Header.IdentityLen) + seal.Overhead
	mixed := append(bytes.Clone(one.Sealed[:len(one.Sealed)-identity]), two.Sealed[len(two.Sealed)-identity:]...)
	e, err := ledger.Decode(mixed)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := l.Opener().Open(e); !errors.Is(err, ledger.ErrAuthor) {
		t.Errorf("opened as %+v, %v", c, err)
	}
}

func TestNumbersOfTheFormat(t *testing.T) {
	if ledger.Put != 1 || ledger.Withdraw != 2 || seal.FactPart != 1 || seal.IdentityPart != 2 {
		t.Error("numbers that are in files were changed")
	}
}

func TestParseID(t *testing.T) {
	id := ledger.NewID()
	if got, err := ledger.ParseID(id.String()); err != nil || got != id {
		t.Errorf("%v, %v", got, err)
	}
	for _, s := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, err := ledger.ParseID(s); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}

// Both slots of the head file are tried: a write cut short leaves the other.
func TestHeadFileSurvivesAWriteCutShort(t *testing.T) {
	ctx := context.Background()
	for slot := range 2 {
		l, m, _ := sample(t)
		b, err := os.ReadFile(l.Options.HeadFile)
		if err != nil {
			t.Fatal(err)
		}
		clear(b[slot*4096+100 : slot*4096+4096])
		if err := os.WriteFile(l.Options.HeadFile, b, 0o600); err != nil {
			t.Fatal(err)
		}
		log, err := ledger.Open(ctx, m, l.Options)
		if err != nil {
			t.Fatalf("slot %d: %v", slot, err)
		}
		if log.Head().Size != 7 {
			t.Errorf("%d entries", log.Head().Size)
		}
		clear(b)
		if err := os.WriteFile(l.Options.HeadFile, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ledger.Open(ctx, m, l.Options); err == nil {
			t.Error("opened with an empty head file")
		}
	}
}

func FuzzDecode(f *testing.F) {
	l, m, _ := sample(f)
	for _, r := range *m.Rows() {
		f.Add(r.Sealed)
	}
	f.Add([]byte{})
	opener := l.Opener()
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ledger.Decode(b)
		if err != nil {
			return
		}
		if _, err := opener.Open(e); err == nil { // only what the author made opens
			for _, r := range *m.Rows() {
				if bytes.Equal(r.Sealed, b) {
					return
				}
			}
			t.Fatal("something was opened that nobody sealed")
		}
	})
}

// FuzzFact feeds plain texts to the decoder behind the seal: what a dishonest
// author with the right keys could write.
func FuzzFact(f *testing.F) {
	l, _, s := sample(f)
	d := l.Draft(s[0], 1, "")
	d.Content.Author = l.Author.ID()
	f.Add(ledger.EncodeFact(d.Content))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, fact []byte) {
		e, err := ledger.SealRaw(l.ID(), l.Author, s[0], d.Keys, fact)
		if err != nil {
			return
		}
		c, err := l.Opener().Open(e)
		if err != nil {
			return
		}
		if again := ledger.EncodeFact(c); !bytes.Equal(again, fact) {
			t.Fatalf("%x was read, and is written %x", fact, again)
		}
	})
}

func FuzzIdentity(f *testing.F) {
	f.Add([]byte{0xa1, 0x01, 0x41, 0x00})
	f.Add([]byte{0xa3, 0x01, 0x40, 0x02, 0xa1, 0x61, 'a', 0x81, 0x61, 'b', 0x03, 0x61, 'r'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := ledger.DecodeIdentity(b); err == nil && !bytes.Equal(again, b) {
			t.Fatalf("%x was read, and is written %x", b, again)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	l, m, _ := sample(f)
	key := l.Node.Public().Signing()
	known := map[string]bool{}
	for _, r := range *m.Rows() {
		if r.Checkpoint != nil {
			f.Add(r.Checkpoint)
			head, _ := ledger.ParseCheckpoint(r.Checkpoint, key)
			known[fmt.Sprint(head.Size, head.Root)] = true
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if head, err := ledger.ParseCheckpoint(b, key); err == nil && !known[fmt.Sprint(head.Size, head.Root)] {
			t.Fatalf("nobody signed %q", b)
		}
	})
}
