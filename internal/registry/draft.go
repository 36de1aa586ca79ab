// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/draft"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// DraftLasts is how long a draft is kept that nobody touches.
const DraftLasts = 90 * 24 * time.Hour

const (
	draftsKey  = "drafts" // of their file
	draftLabel = "kua/draft/v1"
	draftSize  = 512 << 10 // bytes of what a draft holds, at most
)

// ErrDraftsFull says that a member keeps as many drafts as one may.
var ErrDraftsFull = draft.ErrFull

// ErrDraftSize says that a draft is too long to be kept.
var ErrDraftSize = errors.New("this is too long to be kept as a draft: save a part of it first")

// Draft is what a member has begun to write in a form and not yet saved.
type Draft struct {
	ID     string // 32 hex digits; empty: a new one
	Case   string // id of the case; empty: of none
	Kind   string // of the record
	Record string // that is changed; empty: a new one
	Form   map[string][]string
	At     time.Time
	Number string // of the case, where one asks for several drafts
}

func (r *Registry) draftsFile() string { return filepath.Join(r.dir, "drafts.db") }

// draftContent is what is sealed of a draft.
type draftContent struct {
	Kind   string              `json:"kind"`
	Record string              `json:"record,omitempty"`
	Form   map[string][]string `json:"form"`
}

// openDrafts opens the drafts. Drafts that can't be opened are lost and keep
// nobody from their work.
func (r *Registry) openDrafts() error {
	if r.beside {
		return nil
	}
	key, err := r.sealedKey(draftsKey, false)
	if err == nil {
		if r.begun, err = draft.Open(r.draftsFile(), key); err == nil {
			return nil
		}
		r.opt.Log.Warn("the drafts can't be opened and are begun anew", slog.String("type", fmt.Sprintf("%T", err)))
	}
	if err := draft.Remove(r.draftsFile()); err != nil {
		return fmt.Errorf("the drafts can't be begun anew: %w", err)
	}
	r.begun, err = r.newDrafts()
	return err
}

// newDrafts begins drafts, under a new key of their file.
func (r *Registry) newDrafts() (*draft.Store, error) {
	key, err := r.sealedKey(draftsKey, true)
	if err != nil {
		return nil, err
	}
	return draft.Open(r.draftsFile(), key)
}

// mayDraft says whether the member may write what the draft is to become: in a
// case, or outside cases, where it is a record that all share or a statement.
func (r *Registry) mayDraft(s *access.Session, d Draft) bool {
	if d.Case != "" {
		return r.may(s.Member, access.CommentCase, d.Case)
	}
	return access.Decide(s.Member, access.WriteShared, access.Thing{}) || access.Decide(s.Member, access.WriteText, access.Thing{})
}

// KeepDraft keeps a draft and answers its id. Only its writer can open it, and
// only while the forgetting keys of its time are there: an erasure reaches it
// in the backups, too.
func (r *Registry) KeepDraft(ctx context.Context, s *access.Session, d Draft) (_ string, err error) {
	defer r.refusal(ctx, s, "writing", d.Case, &err)
	if !r.mayDraft(s, d) {
		return "", ErrNotFound
	}
	if r.begun == nil {
		return "", ledger.ErrLocked
	}
	if d.ID == "" {
		d.ID = ledger.NewID().String()
	}
	text, err := json.Marshal(draftContent{d.Kind, d.Record, d.Form})
	if err != nil {
		return "", err
	}
	if len(text) > draftSize {
		return "", ErrDraftSize
	}
	sealed, err := s.Keys.Identity.SealOwn(draftLabel, text)
	if err != nil {
		return "", err
	}
	if sealed, err = r.newestForgetKey().WrapAgain(draftAbout(d.ID), sealed); err != nil {
		return "", err
	}
	err = r.begun.Keep(ctx, draft.Draft{ID: d.ID, Member: s.Member.ID, Case: d.Case, At: r.now(), Sealed: sealed})
	if errors.Is(err, draft.ErrNotFound) {
		err = ErrNotFound
	}
	return d.ID, r.whyNotKept(err)
}

// whyNotKept is whyNot for what lies beside the ledger.
func (r *Registry) whyNotKept(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, draft.ErrFull) {
		return err
	}
	return r.whyNot(err)
}

func draftAbout(id string) []byte { return []byte(draftLabel + "\x00" + id) }

func (r *Registry) newestForgetKey() *seal.ForgetKey {
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	return r.forget.keys[len(r.forget.keys)-1]
}

// unwrapDraft takes off what the forgetting key of its time put around a draft.
func (r *Registry) unwrapDraft(d draft.Draft, keys []*seal.ForgetKey) ([]byte, error) {
	for _, k := range keys {
		if id, ok := seal.ForgetIDOf(d.Sealed); ok && id == k.ID() {
			return k.Unwrap(draftAbout(d.ID), d.Sealed)
		}
	}
	return nil, ErrNotFound
}

// Draft is one draft of the member.
func (r *Registry) Draft(ctx context.Context, s *access.Session, id string) (_ Draft, err error) {
	defer r.refusal(ctx, s, "writing", "", &err)
	if r.begun == nil {
		return Draft{}, ErrNotFound
	}
	kept, err := r.begun.Get(ctx, s.Member.ID, id)
	if errors.Is(err, draft.ErrNotFound) {
		return Draft{}, ErrNotFound
	}
	if err != nil {
		return Draft{}, err
	}
	return r.openDraft(s, kept)
}

// openDraft opens a draft if the member may still write what it is about.
func (r *Registry) openDraft(s *access.Session, kept draft.Draft) (Draft, error) {
	d := Draft{ID: kept.ID, Case: kept.Case, At: kept.At}
	if !r.mayDraft(s, d) {
		return Draft{}, ErrNotFound
	}
	r.forget.mu.Lock()
	keys := slices.Clone(r.forget.keys)
	r.forget.mu.Unlock()
	sealed, err := r.unwrapDraft(kept, keys)
	if err != nil {
		return Draft{}, ErrNotFound
	}
	text, err := s.Keys.Identity.OpenOwn(draftLabel, sealed)
	if err != nil {
		return Draft{}, ErrNotFound
	}
	var content draftContent
	if err := json.Unmarshal(text, &content); err != nil {
		return Draft{}, ErrNotFound
	}
	d.Kind, d.Record, d.Form = content.Kind, content.Record, content.Form
	return d, nil
}

// Drafts are the member's drafts that they may go on with, the newest first;
// of one case, or with an empty id all of them.
func (r *Registry) Drafts(ctx context.Context, s *access.Session, caseID string) (_ []Draft, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	if r.begun == nil {
		return nil, nil
	}
	if caseID != "" && r.see(s.Member)(caseID) == index.Nothing {
		return nil, ErrNotFound
	}
	kept, err := r.begun.Of(ctx, s.Member.ID)
	if err != nil {
		return nil, err
	}
	var out []Draft
	for _, k := range kept {
		if caseID != "" && k.Case != caseID {
			continue
		}
		d, err := r.openDraft(s, k)
		if err != nil {
			continue
		}
		if d.Case != "" {
			row, err := r.index.Row(ctx, d.Case, r.clock(Clock{}), r.see(s.Member))
			if err != nil {
				return nil, notFound(err)
			}
			d.Number = row.Number
		}
		out = append(out, d)
	}
	return out, nil
}

// DropDraft drops one of the member's drafts.
func (r *Registry) DropDraft(ctx context.Context, s *access.Session, id string) error {
	if r.begun == nil {
		return nil
	}
	return r.begun.Drop(ctx, s.Member.ID, id)
}

// turnDrafts puts all drafts under the newest forgetting key, and drops what
// nobody touched for long, whose writer has left, and what no key opens.
func (r *Registry) turnDrafts(ctx context.Context, keys []*seal.ForgetKey) error {
	if r.begun == nil {
		return nil
	}
	all, err := r.begun.All(ctx)
	if err != nil {
		return err
	}
	newest := keys[len(keys)-1]
	for _, d := range all {
		sealed, err := r.unwrapDraft(d, keys)
		if err != nil || r.now().Sub(d.At) > DraftLasts {
			if err := r.begun.Drop(ctx, d.Member, d.ID); err != nil {
				return err
			}
			continue
		}
		if id, _ := seal.ForgetIDOf(d.Sealed); id == newest.ID() {
			continue
		}
		if d.Sealed, err = newest.WrapAgain(draftAbout(d.ID), sealed); err != nil {
			return err
		}
		if err := r.begun.Keep(ctx, d); err != nil && !errors.Is(err, draft.ErrNotFound) {
			return err
		}
	}
	return nil
}
