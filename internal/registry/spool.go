// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// A command that reads while another process serves cannot write to the
// ledger. It makes its lines of the audit as entries, signed and sealed, and
// lays them into the spool before it answers; the process that has the ledger
// takes them in. docs/spec/ledger.md has the format.
const (
	spoolDir    = "spool"
	spoolEnding = ".lines"
	spoolFormat = "kua audit lines 1"
	spoolLimit  = 4 << 20 // bytes of one file
)

type spooled struct {
	Format  string       `json:"format"`
	Entries [][]byte     `json:"entries"`
	Keys    []spooledKey `json:"keys"`
}

type spooledKey struct {
	Part    uint8  `json:"part"`
	Epoch   uint32 `json:"epoch"`
	Wrapped []byte `json:"wrapped"` // under the node's vault
}

// spool lays lines into a file of their own, which is on the disk when it
// answers. The caller holds auditor.writing.
func (r *Registry) spool(lines []*line) error {
	stream, keys, prev := ledger.NewID(), seal.NewCaseKeys(), ledger.Hash{}
	out := spooled{Format: spoolFormat}
	wrapped, err := ledger.WrapCaseKeys(r.vault, stream, keys)
	if err != nil {
		return err
	}
	for _, w := range wrapped {
		out.Keys = append(out.Keys, spooledKey{w.Part, w.Epoch, w.Wrapped})
	}
	for i, l := range lines {
		l.at = r.auditMoment()
		e, _, err := r.sealLine(l, stream, uint64(i)+1, prev, keys)
		if err != nil {
			return err
		}
		prev = e.Hash()
		out.Entries = append(out.Entries, e.Sealed)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(r.dir, spoolDir), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("the audit can't be written: %w", err)
	}
	return r.writeKey(filepath.Join(spoolDir, stream.String()+spoolEnding), text)
}

// takeSpool takes in what commands that read beside this process have laid
// into the spool. What can't be taken in now stays there; what is no lines of
// the audit goes. The caller holds auditor.writing.
func (r *Registry) takeSpool(ctx context.Context) {
	files, err := os.ReadDir(filepath.Join(r.dir, spoolDir))
	if err != nil {
		return // there is none
	}
	for _, f := range files {
		if f.IsDir() || !strings.HasSuffix(f.Name(), spoolEnding) {
			continue
		}
		path := filepath.Join(r.dir, spoolDir, f.Name())
		err := r.takeLines(ctx, path)
		var foreign *foreignError
		switch {
		case errors.As(err, &foreign):
			r.opt.Log.Warn("a file in the spool holds no lines of the audit and is taken away", slog.String("why", foreign.why))
		case err != nil:
			return // the disk is full, most likely
		}
		os.Remove(path)
	}
}

// foreignError says why a file of the spool is not taken in.
type foreignError struct{ why string }

func (e *foreignError) Error() string { return e.why }

// takeLines appends the entries of a file, if they are new lines of the audit
// and nothing else: whoever can lay a file there must not write to a case by it.
func (r *Registry) takeLines(ctx context.Context, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Size() > spoolLimit {
		return &foreignError{"it is too big"}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var in spooled
	if err := json.Unmarshal(text, &in); err != nil || in.Format != spoolFormat || len(in.Entries) == 0 {
		return &foreignError{"it is not of the format"}
	}
	authors, err := r.authors()
	if err != nil {
		return err
	}
	var batch ledger.Batch
	var stream ledger.ID
	var entries []index.Entry
	for i, sealed := range in.Entries {
		e, err := ledger.Decode(sealed)
		if err != nil {
			return &foreignError{"an entry can't be read"}
		}
		if i == 0 {
			stream = e.Header.Stream
			if version, _, err := r.log.Last(ctx, stream); err != nil {
				return err
			} else if version > 0 {
				return r.tookBefore(ctx, stream, e) // the process was killed before it took the file away
			}
		}
		if e.Header.Stream != stream || e.Header.Version != uint64(i)+1 || e.Header.Ledger != r.log.ID() {
			return &foreignError{"its entries don't follow each other"}
		}
		opener := ledger.Opener{Author: authors, Keys: func(h ledger.Header) (seal.CaseKeys, error) { return r.spooledKeys(in, h) }}
		c, err := opener.Open(e)
		if err != nil {
			return &foreignError{"an entry can't be opened"}
		}
		if c.Kind != kindAudit || c.Op != ledger.Put {
			return &foreignError{"an entry is of another kind"}
		}
		batch.Entries = append(batch.Entries, e)
		entries = append(entries, opened(e, c))
	}
	for _, k := range in.Keys {
		batch.Keys = append(batch.Keys, ledger.WrappedKey{Stream: stream, Part: k.Part, Epoch: k.Epoch, Holder: r.vault.ID(), Wrapped: k.Wrapped})
	}
	if slices.ContainsFunc(in.Keys, func(k spooledKey) bool {
		return k.Epoch != 1 || k.Part != uint8(seal.FactPart) && k.Part != uint8(seal.IdentityPart)
	}) {
		return &foreignError{"it has keys that belong to nothing"}
	}
	if err := r.appendLines(ctx, batch, entries); err != nil {
		return err
	}
	if dayOf(entries[0].At, r.now().Location()) < r.Today() {
		r.forgetDailies()
	}
	return nil
}

// tookBefore tells whether the stream of a file begins in the ledger as the file does.
func (r *Registry) tookBefore(ctx context.Context, stream ledger.ID, first ledger.Entry) error {
	same := false
	err := r.log.Stream(ctx, stream, func(e ledger.Entry) error {
		same = same || e.Header.Version == 1 && e.Hash() == first.Hash()
		return nil
	})
	if err == nil && !same {
		err = &foreignError{"it would write to a stream that is there"}
	}
	return err
}

func (r *Registry) spooledKeys(in spooled, h ledger.Header) (seal.CaseKeys, error) {
	keys := seal.CaseKeys{FactEpoch: h.FactEpoch, IdentityEpoch: h.IdentityEpoch}
	for _, k := range in.Keys {
		key, err := r.vault.UnwrapCaseKey(h.Stream, seal.Part(k.Part), k.Epoch, k.Wrapped)
		if err != nil {
			return seal.CaseKeys{}, err
		}
		switch {
		case seal.Part(k.Part) == seal.FactPart && k.Epoch == h.FactEpoch:
			keys.Fact = key
		case seal.Part(k.Part) == seal.IdentityPart && k.Epoch == h.IdentityEpoch:
			keys.Identity = key
		}
	}
	return keys, nil
}
