// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
)

func (h *house) apiKey(who, org string, scopes ...access.Scope) (id, text string) {
	h.t.Helper()
	h.signIn(who)
	v, text, err := h.MakeAPIKey(context.Background(), h.people[who], NewAPIKey{Name: "the " + who + " program", Scopes: scopes, Org: h.orgs[org], Until: h.Today().Add(30)})
	if err != nil {
		h.t.Fatal(err)
	}
	return v.ID, text
}

func (h *house) program(text string) *access.Session {
	h.t.Helper()
	s, err := h.SignInByKey(context.Background(), text)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// TestAPIKeyOpensWhatItLeaves holds that a program with a key reads as its
// member does, less what the key leaves out, also once the register was opened
// anew, and that its secret is nowhere.
func TestAPIKeyOpensWhatItLeaves(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	cases := func(text string) (n, named int) {
		t.Helper()
		page, err := h.Cases(ctx, h.program(text), Query{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page.Rows {
			if row.Name != "" || !row.FactsOnly {
				named++
			}
		}
		return len(page.Rows), named
	}
	own, err := h.Cases(ctx, h.people["asel"], Query{Limit: 200})
	if err != nil || len(own.Rows) == 0 {
		t.Fatal(err, len(own.Rows))
	}
	_, whole := h.apiKey("asel", "", access.ReadCases)
	_, facts := h.apiKey("asel", "", access.ReadFacts)
	_, figures := h.apiKey("asel", "North", access.CountFigures)
	check := func() {
		t.Helper()
		if n, named := cases(whole); n != len(own.Rows) || named != n {
			t.Errorf("whole: %d cases, %d of them named; its member sees %d", n, named, len(own.Rows))
		}
		if n, named := cases(facts); n != len(own.Rows) || named != 0 {
			t.Errorf("facts: %d cases, %d of them named", n, named)
		}
		if n, _ := cases(figures); n != 0 {
			t.Errorf("figures: %d cases", n)
		}
		if _, err := h.Figures(ctx, h.program(figures), FigureQuery{Scope: h.orgs["North"]}); err != nil {
			t.Errorf("the figures of the north: %v", err)
		}
		if _, err := h.Figures(ctx, h.program(figures), FigureQuery{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("the figures of all, with a key for the north: %v", err)
		}
		if _, err := h.Figures(ctx, h.program(facts), FigureQuery{}); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("figures without their scope: %v", err)
		}
	}
	check()
	if _, err := h.PutRecord(ctx, h.program(whole), RecordChange{Case: h.cases[0], Kind: "note", Fields: casefile.Fields{"text": {"x"}}}); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("a key to read writes: %v", err)
	}
	if err := h.Erase(ctx, h.program(whole), h.cases[0], Erasure{}); err == nil {
		t.Error("a program erases")
	}
	h.again()
	check()
	for _, v := range h.APIKeys(h.people["asel"]) {
		if v.Used.IsZero() || v.Over || v.Name != "the asel program" {
			t.Errorf("%+v", v)
		}
	}
	secret := whole[strings.LastIndex(whole, "_")+1:]
	err = filepath.WalkDir(h.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAPIKeyEnds holds that a key opens nothing once its day is over, its member
// or an administrator has ended it or its member has left, and that another
// secret, a forged record and a key file put back open nothing either.
func TestAPIKeyEnds(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	refused := func(what, text string) {
		t.Helper()
		if _, err := h.SignInByKey(ctx, text); !errors.Is(err, ErrAPIKey) {
			t.Errorf("%s: %v", what, err)
		}
	}
	id, text := h.apiKey("asel", "", access.ReadCases)
	file := filepath.Join(h.dir, apiKeyFile(id))
	kept, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	h.program(text)
	for _, wrong := range []string{"", "kua_", text + "A", text[:len(text)-2], strings.Replace(text, id, ledger.NewID().String(), 1), text[:len(text)-5] + "AAAAA", strings.ToUpper(text)} {
		refused("another secret", wrong)
	}
	// Another member ends what is not theirs; they, and an administrator, may.
	if err := h.EndAPIKey(ctx, h.people["nurlan"], id); !errors.Is(err, ErrNotFound) {
		t.Errorf("ended by another: %v", err)
	}
	if err := h.EndAPIKey(ctx, h.people["aigerim"], id); err != nil {
		t.Fatal(err)
	}
	refused("ended", text)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its file: %v", err)
	}
	if err := os.WriteFile(file, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("put back", text)
	h.again()
	refused("put back before the opening", text)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its file, after the opening: %v", err)
	}
	// Nobody makes a key for another, by whatever record.
	mine, _ := h.apiKey("nurlan", "", access.ReadCases)
	h.writing.Lock()
	forged := h.roll().apiKey(mine)
	err = h.write(ctx, h.people["nurlan"], []act{{stream: h.people["asel"].Member.ID, puts: []Put{{Record: ledger.NewID().String(), Kind: apiKeyKind, Fields: casefile.Fields{
		"name": {"x"}, "mark": {forged.Mark}, "scope": {"cases"}, "until": {forged.Until.String()}}}}}})
	h.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(h.APIKeys(h.people["asel"])); n != 0 {
		t.Errorf("%d forged keys", n)
	}
	_, own := h.apiKey("asel", "", access.ReadCases)
	_, madina := h.apiKey("madina", "", access.ReadCases)
	h.program(own)
	h.EndAll()
	refused("locked", own)
	h.again()
	h.prove()
	if err := h.EndMember(ctx, h.people["aigerim"], h.people["asel"].Member.ID); err != nil {
		t.Fatal(err)
	}
	refused("its member has left", own)
	h.clock.t = h.clock.t.Add(31 * 24 * time.Hour)
	refused("its day is over", madina)
	// What a key must say.
	h.signIn("madina")
	s, good := h.people["madina"], NewAPIKey{Name: "n", Scopes: []access.Scope{access.ReadFacts}, Until: h.Today()}
	for want, n := range map[error]func(*NewAPIKey){
		ErrAPIKeyName:  func(n *NewAPIKey) { n.Name = " " },
		ErrAPIKeyScope: func(n *NewAPIKey) { n.Scopes = []access.Scope{access.WriteCases} },
		ErrAPIKeyUntil: func(n *NewAPIKey) { n.Until = h.Today().Add(MaxAPIKeyDays + 1) },
		ErrNotFound:    func(n *NewAPIKey) { n.Org = h.orgs["North"] },
	} {
		bad := good
		n(&bad)
		if _, _, err := h.MakeAPIKey(ctx, s, bad); !errors.Is(err, want) {
			t.Errorf("%v, not %v", err, want)
		}
	}
	h.clock.t = h.clock.t.Add(access.ProofLimit + time.Second)
	if _, _, err := h.MakeAPIKey(ctx, s, good); !errors.Is(err, ErrProof) {
		t.Errorf("without proof: %v", err)
	}
}

// TestAPIKeyTooOften holds that a key that asks too often is told to wait, and
// that another is not.
func TestAPIKeyTooOften(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	_, text := h.apiKey("asel", "", access.ReadFacts)
	_, other := h.apiKey("asel", "", access.ReadFacts)
	for range asksAMinute {
		h.program(text)
	}
	var wait *access.WaitError
	if _, err := h.SignInByKey(ctx, text); !errors.As(err, &wait) || wait.Wait <= 0 || wait.Wait > time.Minute {
		t.Errorf("once more: %v", err)
	}
	h.program(other)
	h.clock.t = h.clock.t.Add(time.Minute)
	h.program(text)
}
