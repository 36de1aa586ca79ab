// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/ledgertest"
	"github.com/kua-registry/kua/internal/seal"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorsFile = "testdata/vectors.json"

// vectors are the test vectors of docs/spec/ledger.md. Nonces are random, so
// they say what bytes open to, not what is sealed to which bytes.
type vectors struct {
	Comment     string        `json:"comment"`
	Ledger      hexBytes      `json:"ledger"`
	Author      hexBytes      `json:"author_public_key"`
	Node        hexBytes      `json:"node_public_key"`
	FactKey     hexBytes      `json:"fact_key"`
	IdentityKey hexBytes      `json:"identity_key"`
	Entries     []entryVector `json:"entries"`
	Checkpoint  string        `json:"checkpoint"`
	Bad         []badVector   `json:"bad"`
}

type entryVector struct {
	Sealed   hexBytes            `json:"sealed"`
	Leaf     hexBytes            `json:"leaf"`
	Hashes   hexBytes            `json:"hashes"`
	Root     hexBytes            `json:"root"` // of the tree up to this entry
	Stream   hexBytes            `json:"stream"`
	Version  uint64              `json:"version"`
	Kind     string              `json:"kind"`
	Record   hexBytes            `json:"record"`
	Op       ledger.Op           `json:"op"`
	Fact     map[string][]string `json:"fact,omitempty"`
	Identity map[string][]string `json:"identity,omitempty"`
	Reason   string              `json:"reason,omitempty"`
	Source   string              `json:"source,omitempty"`
	AuthorID hexBytes            `json:"author_id"`
	At       time.Time           `json:"at"`
	Prev     hexBytes            `json:"prev"`
}

type badVector struct {
	Name   string   `json:"name"`
	Sealed hexBytes `json:"sealed"`
	Error  string   `json:"error"` // format, altered or author
}

type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func TestVectorsGolden(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	opener := ledger.Opener{
		Keys: func(h ledger.Header) (seal.CaseKeys, error) {
			return seal.CaseKeys{Fact: seal.Key(v.FactKey), FactEpoch: h.FactEpoch, Identity: seal.Key(v.IdentityKey), IdentityEpoch: h.IdentityEpoch}, nil
		},
		Author: func(ledger.ID) (ed25519.PublicKey, bool) { return ed25519.PublicKey(v.Author), true },
	}
	for i, want := range v.Entries {
		e, err := ledger.Decode(want.Sealed)
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		c, err := opener.Open(e)
		if err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
		got := vectorOf(e, c)
		got.Hashes, got.Root = want.Hashes, want.Root // below
		if !reflect.DeepEqual(got, want) {
			t.Errorf("entry %d: %+v\nexpected %+v", i, got, want)
		}
		if !bytes.Equal(e.Header.Ledger[:], v.Ledger) {
			t.Errorf("entry %d: ledger %v", i, e.Header.Ledger)
		}

		blind := opener // without the identity key, the signature still counts
		blind.Keys = func(ledger.Header) (seal.CaseKeys, error) { return seal.CaseKeys{Fact: seal.Key(v.FactKey)}, nil }
		if c, err := blind.Open(e); err != nil || c.IdentityMissing != (e.Header.IdentityLen > 0) || c.Identity != nil {
			t.Errorf("entry %d without its identity key: %+v, %v", i, c, err)
		}
	}
	leaves := make([]ledger.Hash, len(v.Entries))
	for i, e := range v.Entries {
		leaves[i] = ledger.Hash(e.Leaf)
		hashes, root := ledger.TreeOf(leaves[:i+1])
		if !bytes.Equal(hashes, e.Hashes) || !bytes.Equal(root[:], e.Root) {
			t.Errorf("entry %d: hashes %x, root %v", i, hashes, root)
		}
	}
	head, err := ledger.ParseCheckpoint([]byte(v.Checkpoint), ed25519.PublicKey(v.Node))
	if err != nil || head.Size != uint64(len(v.Entries)) || !bytes.Equal(head.Root[:], v.Entries[len(v.Entries)-1].Root) {
		t.Errorf("checkpoint: %+v, %v", head, err)
	}
	errs := map[string]error{"format": ledger.ErrFormat, "altered": seal.ErrDamaged, "author": ledger.ErrAuthor}
	for _, bad := range v.Bad {
		e, err := ledger.Decode(bad.Sealed)
		if err == nil {
			_, err = opener.Open(e)
		}
		if !errors.Is(err, errs[bad.Error]) {
			t.Errorf("%s: %v", bad.Name, err)
		}
	}
}

func vectorOf(e ledger.Entry, c ledger.Content) entryVector {
	leaf := e.Hash()
	return entryVector{
		Sealed: e.Sealed, Leaf: leaf[:], Stream: e.Header.Stream[:], Version: e.Header.Version,
		Kind: c.Kind, Record: c.Record[:], Op: c.Op, Fact: c.Fact, Identity: c.Identity, Reason: c.Reason, Source: c.Source,
		AuthorID: c.Author[:], At: c.At, Prev: c.Prev[:],
	}
}

func writeVectors(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	keeper := ledgertest.InMemory()
	l := ledgertest.New(t, keeper)
	stream, person := ledger.NewID(), ledger.NewID()
	at := time.Date(2022, 5, 17, 9, 30, 0, 250e6, time.UTC)
	draft := func(version uint64, c ledger.Content) ledger.Draft {
		d := l.Draft(stream, version, "")
		d.Content = c
		return d
	}
	err := l.Write(t,
		draft(1, ledger.Content{Kind: "case", Record: stream, Op: ledger.Put, At: at,
			Fact: map[string][]string{"number": {"K-0001"}, "opened": {"2022-05-17"}}}),
		draft(2, ledger.Content{Kind: "person", Record: person, Op: ledger.Put, At: at.Add(time.Second),
			Fact:     map[string][]string{"role": {"victim"}, "child": {"no"}, "sex": {}},
			Identity: map[string][]string{"family": {"Үлгіұлы"}, "other_names": {"Образцов", "Sample"}},
			Source:   "an invented list, row 1"}),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Write(t, draft(3, ledger.Content{Kind: "person", Record: person, Op: ledger.Withdraw, At: at.Add(time.Hour), Reason: "entered twice"})); err != nil {
		t.Fatal(err)
	}
	keys, err := l.Keyring(l.Vault).Current(ctx, stream)
	if err != nil {
		t.Fatal(err)
	}
	id := l.ID()
	v := vectors{
		Comment: "Test vectors of docs/spec/ledger.md. All of it is invented; the keys are for nothing else.",
		Ledger:  id[:], Author: hexBytes(l.Author.Public().Signing()), Node: hexBytes(l.Node.Public().Signing()),
		FactKey: hexBytes(keys.Fact[:]), IdentityKey: hexBytes(keys.Identity[:]),
		Checkpoint: string(l.Head().Checkpoint),
	}
	var leaves []ledger.Hash
	err = l.ScanOpen(ctx, 0, 3, l.Opener(), func(e ledger.Entry, c ledger.Content, err error) error {
		ev := vectorOf(e, c)
		leaves = append(leaves, e.Hash())
		hashes, root := ledger.TreeOf(leaves)
		ev.Hashes, ev.Root = hashes, root[:]
		v.Entries = append(v.Entries, ev)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	second := v.Entries[1].Sealed
	change := func(at int, to byte) hexBytes {
		b := bytes.Clone(second)
		b[at] = to
		return b
	}
	stranger, err := ledger.Seal(l.ID(), l.Node, l.Draft(stream, 1, "signed by another key than the author's"))
	if err != nil {
		t.Fatal(err)
	}
	indefinite, err := ledger.SealRaw(l.ID(), l.Author, stream, keys, []byte{0xbf, 0xff})
	if err != nil {
		t.Fatal(err)
	}
	v.Bad = []badVector{
		{"of another format", change(0, 2), "format"},
		{"cut off", second[:len(second)-1], "format"},
		{"a header's bit flipped", change(5, second[5]^1), "altered"},
		{"a version changed", change(40, second[40]^1), "altered"},
		{"a fact part's bit flipped", change(100, second[100]^1), "altered"},
		{"an identity part's bit flipped", change(len(second)-1, second[len(second)-1]^1), "altered"},
		{"signed by somebody else", stranger.Sealed, "author"},
		{"a content not in deterministic form", indefinite.Sealed, "format"},
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
