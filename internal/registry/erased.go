// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
)

// A backup holds keys of what is erased after it was made, until its forgetting
// key ends. So what was erased is noted beside the forgetting keys, without
// which no backup opens: what is restored with them is erased again.
const (
	erasedLabel = "kua/erased/v1"
	erasedKept  = 366 * 24 * time.Hour // a copy of a key in a drawer can outlast its end
)

// erasedCase is an erasure as it is noted: what its entry says in the open.
type erasedCase struct {
	Stream string    `json:"stream"`
	Whole  bool      `json:"whole"`
	Why    string    `json:"why"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`

	// Elsewhere: another node erased it, or took a grant back, so that the keys went.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

func (r *Registry) erasedFile(dir string) string {
	return filepath.Join(dir, "erased-"+r.nodeName())
}

// erasures are those that are noted beside the forgetting keys.
func (r *Registry) erasures() ([]erasedCase, error) { return r.erasuresIn(r.forget.dir) }

func (r *Registry) erasuresIn(dir string) ([]erasedCase, error) {
	sealed, err := os.ReadFile(r.erasedFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := r.node.OpenOwn(erasedLabel, sealed)
	var all []erasedCase
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("the list of what was erased (%s): %w", r.erasedFile(dir), err)
	}
	return all, nil
}

// addErasures notes erasures beside the forgetting keys, and in the copies that
// are at hand.
func (r *Registry) addErasures(more []erasedCase) error {
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	all, err := r.erasures()
	if err != nil {
		return err
	}
	n := len(all)
	for _, e := range more {
		if !slices.Contains(all, e) && r.now().Sub(e.At) < erasedKept {
			all = append(all, e)
		}
	}
	if len(all) == n {
		return nil
	}
	all = slices.DeleteFunc(all, func(e erasedCase) bool { return r.now().Sub(e.At) >= erasedKept })
	slices.SortFunc(all, func(a, b erasedCase) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Stream, b.Stream)) })
	if err := r.writeErasures(r.forget.dir, all); err != nil {
		return err
	}
	r.followCopies()
	return nil
}

func (r *Registry) writeErasures(dir string, all []erasedCase) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	sealed, err := r.node.SealOwn(erasedLabel, text)
	if err != nil {
		return err
	}
	return writeFile(r.erasedFile(dir), unfinished+r.nodeName()+"-*", sealed)
}

// noteErasure notes an erasure that the ledger holds. What can't be noted now
// is noted when the index is made anew.
func (r *Registry) noteErasure(h ledger.Header, c ledger.Content) {
	if r.beside || r.forget == nil {
		return
	}
	e := erasedCase{Stream: h.Stream.String(), Whole: first(c.Fact["what"]) == erasedWhole, Why: first(c.Fact["why"]), Reason: c.Reason, At: c.At.UTC(), Elsewhere: r.from(c.Author) != ""}
	r.noteErased(e)
}

func (r *Registry) noteErased(e erasedCase) {
	if err := r.addErasures([]erasedCase{e}); err != nil {
		r.opt.Log.Error("an erasure could not be noted beside the forgetting keys: a backup restored before they end brings it back", slog.String("type", fmt.Sprintf("%T", err)))
	}
}

// eraseAgain erases what was erased before and is here all the same: an older
// ledger was restored. It is written by whoever opens the register.
func (r *Registry) eraseAgain(ctx context.Context, s *access.Session) error {
	if r.beside {
		return nil
	}
	all, err := r.erasures()
	if err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if all, err = r.notErasedHere(ctx, all); err != nil || len(all) == 0 {
		return err
	}
	if r.coalition != nil {
		if all, err = r.closeUntilExchanged(ctx, all); err != nil {
			return err
		}
	}
	for _, e := range all {
		stream, err := ledger.ParseID(e.Stream)
		if err != nil {
			return err
		}
		thing, _ := r.thing(e.Stream)
		a, err := r.erasure(ctx, s, stream, thing.Org, Erasure{Whole: e.Whole, Why: e.Why, Reason: e.Reason})
		if errors.Is(err, ledger.ErrNoKey) { // nothing of it is open here
			continue
		}
		if err == nil {
			a.source = "erased before, and brought back by a backup"
			err = r.write(ctx, s, []act{a})
		}
		if err != nil {
			return fmt.Errorf("what was erased before, and brought back by a backup, can't be erased again: %w", r.whyNot(err))
		}
		r.erasedAgain++
	}
	return nil
}

// notErasedHere are those of erasures that the ledger does not have.
func (r *Registry) notErasedHere(ctx context.Context, all []erasedCase) (missing []erasedCase, err error) {
	for _, e := range all {
		stream, err := ledger.ParseID(e.Stream)
		if err != nil {
			return nil, err
		}
		here, err := r.erasedHere(ctx, stream, e)
		if err != nil {
			return nil, err
		}
		if !here {
			missing = append(missing, e)
		}
	}
	return missing, nil
}

// erasedHere tells whether the ledger has nothing of a case, or an erasure of it
// that says as much and is not older.
func (r *Registry) erasedHere(ctx context.Context, stream ledger.ID, e erasedCase) (bool, error) {
	version, _, err := r.log.Last(ctx, stream)
	if err != nil || version == 0 {
		return true, err
	}
	authors, err := r.authors()
	if err != nil {
		return false, err
	}
	opener := ledger.Opener{Keys: r.keyring.Keys, Author: authors}
	here := false
	err = r.log.Stream(ctx, stream, func(entry ledger.Entry) error {
		c, err := opener.Open(entry)
		if err != nil || c.Kind != kindErasure || c.Op != ledger.Put {
			return nil // what can't be opened says nothing
		}
		here = here || !c.At.Before(e.At) && (!e.Whole || first(c.Fact["what"]) == erasedWhole)
		return nil
	})
	return here, err
}
