// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/dossier"
	"github.com/kua-registry/kua/internal/registry"
)

const exhibitText = "a picture that nobody has taken"

// PlanBundle plans a bundle of the invented register: for the UN there is a
// consent, for a court none, and a lawyer was refused.
func (f *fake) PlanBundle(_ context.Context, _ *access.Session, q registry.BundleQuery) (registry.BundlePlan, error) {
	if !slices.Equal(q.Cases, []string{caseThings}) {
		return registry.BundlePlan{}, registry.ErrNotFound
	}
	plan := registry.BundlePlan{
		Entries: 24, Checkpoint: 1200, Proved: f.proved, Forms: []string{"Communication " + hostile},
		Cases: []registry.BundleCase{{Names: q.For == "srt", Refused: q.For == "lawyer", People: 3, Unnamed: 1, Events: 12, Things: 1}},
		Gaps:  []dossier.Gap{{Case: "K-0006", Text: "A name is left out " + hostile}, {Text: "Working papers are no part of a bundle."}},
		Files: []registry.BundleFile{
			{FileView: registry.FileView{ID: "f1", Name: "gate " + hostile + ".jpg", Media: "image/jpeg", Bytes: 31}, Thing: "A jacket", In: q.For == "srt"},
			{FileView: registry.FileView{ID: "f2", Media: "application/pdf", Bytes: 2048, Missing: true}},
		},
	}
	if q.For == "srt" {
		plan.Stamped, plan.Bytes, plan.Cases[0].Limits = moment("2022-06-20T08:00:00Z"), 31, []string{"Not to the press " + hostile}
	}
	return plan, nil
}

func (f *fake) Bundle(_ context.Context, _ *access.Session, q registry.BundleQuery) (dossier.Bundle, error) {
	switch {
	case f.fails != nil:
		return dossier.Bundle{}, f.fails
	case !slices.Equal(q.Cases, []string{caseThings}):
		return dossier.Bundle{}, registry.ErrNotFound
	case q.For == "lawyer":
		return dossier.Bundle{}, registry.ErrBundleRefused
	case strings.TrimSpace(q.To) == "" || strings.TrimSpace(q.Reason) == "":
		return dossier.Bundle{}, registry.ErrBundleWords
	case !f.proved:
		return dossier.Bundle{}, registry.ErrProof
	}
	f.did = append(f.did, fmt.Sprintf("handed out for %s in %s with %q to %q because %q, sealed %s", q.For, q.Lang, q.Files, q.To, q.Reason, q.Sealed))
	return f.bundle()
}

// bundle is a bundle of one exhibit.
func (f *fake) bundle() (dossier.Bundle, error) {
	const id = "00112233445566778899aabbccddeeff"
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	public := key.Public().(ed25519.PublicKey)
	sign := func(name string) (note.Signer, error) {
		text, err := note.NewEd25519VerifierKey(name, public)
		if err != nil {
			return nil, err
		}
		v, err := note.NewVerifier(text)
		return bundleSigner{v, key}, err
	}
	ledger, err1 := sign("kua/ledger/" + id)
	signer, err2 := sign("kua/bundle/" + id)
	checkpoint, err3 := note.Sign(&note.Note{Text: "kua/ledger/" + id + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"}, ledger)
	text := exhibitText
	if f.halfway {
		text = "another picture, of the same"
	}
	return dossier.Bundle{
		Lang: "en", Title: "K-0006", Made: moment("2022-06-24T09:00:00Z"), Checkpoint: checkpoint, Key: public, Signer: signer,
		Exhibits: []dossier.Exhibit{{Name: "gate.jpg", SHA256: sha256.Sum256([]byte(exhibitText)), Size: int64(len(exhibitText)), Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(text)), nil
		}}},
	}, errors.Join(err1, err2, err3)
}

type bundleSigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s bundleSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

func (f *fake) Bundles(_ context.Context, _ *access.Session, id string) ([]registry.BundleView, error) {
	if id != caseThings {
		return nil, registry.ErrNotFound
	}
	return []registry.BundleView{
		{At: moment("2022-06-21T08:00:00Z"), By: "Sample Worker", For: "srt", Sealed: registry.SealedToKey, Lang: "en", Names: true, Files: 2, To: "The secretariat " + hostile, Reason: "An urgent appeal"},
		{At: moment("2022-06-20T08:00:00Z"), By: "Sample Other", For: "court", Sealed: registry.SealedOpen, Lang: "ru"},
	}, nil
}
