// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry"
)

// storedHTML is what would run, or would be an element of its own, if any
// page let it through.
const storedHTML = `"><img id=planted src=x onerror=alert(1)><script id=planted>alert(1)</script><a id=planted href="javascript:alert(1)">x</a>{{.}}' onfocus='x`

// TestStoredHTMLRegression puts HTML into every text of every kind, and into
// the names of members and organisations, and reads every page that shows them:
// all of it is text.
func TestStoredHTMLRegression(t *testing.T) {
	ctx := context.Background()
	h := newHouse(t)
	founder, err := h.reg.SignIn(ctx, registry.SignIn{Name: "founder", Passphrase: confidencePassphrase})
	if err != nil {
		t.Fatal(err)
	}
	org, err := h.reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: storedHTML[:60], Counts: true})
	if err != nil {
		t.Fatal(err)
	}
	code, _, err := h.reg.Invite(ctx, founder, registry.NewInvitation{Name: "<img id=planted src=x>", Lang: "en", Roles: []access.Role{access.Reviewer, access.CaseWorker}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.reg.Accept(ctx, code, registry.Acceptance{Passphrase: confidencePassphrase}); err != nil {
		t.Fatal(err)
	}
	north, err := h.reg.SignIn(ctx, registry.SignIn{Name: "north", Passphrase: confidencePassphrase})
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	var puts []registry.Put
	for _, k := range h.reg.Book().Kinds() {
		if k.Scope != codebook.InCase || k.ID == "case" {
			continue
		}
		fields := casefile.Fields{}
		for _, f := range k.Fields {
			switch {
			case f.Type == codebook.Text || f.Type == codebook.Prose:
				text := storedHTML
				if f.Max > 0 && f.Max < len(text) {
					text = `<b id=planted>`[:min(f.Max, 14)]
				}
				fields[f.ID] = []string{text}
				texts++
			case f.Required && f.Type == codebook.Code:
				list, _ := h.reg.Book().List(f.List)
				fields[f.ID] = []string{list.Codes[0].Code}
			case f.Required && f.Type == codebook.Date:
				fields[f.ID] = []string{"2022-01-12"}
			case f.Required && f.Type == codebook.YesNo:
				fields[f.ID] = []string{"yes"}
			}
		}
		put := registry.Put{Record: ledger.NewID().String(), Kind: k.ID, Fields: fields}
		if len(h.reg.Book().Validate(k.ID, fields)) == 0 && h.reg.Write(ctx, north, h.open.id, []registry.Put{put}, nil, storedHTML, storedHTML) == nil {
			puts = append(puts, put)
		}
	}
	if len(puts) < 15 || texts < 40 {
		t.Fatalf("only %d kinds with %d texts were planted: this test finds nothing", len(puts), texts)
	}
	shown, pages := 0, 0
	for _, who := range []string{"north", "founder"} {
		b := &explorer{house: h, who: who}
		ids := append([]string{h.open.id, h.hidden.id, org.ID, puts[0].Record, storedHTML}, h.others...)
		for _, r := range h.routes {
			method, _, _ := strings.Cut(r.pattern, " ")
			if method != http.MethodGet || strings.Contains(r.pattern, "/static/") {
				continue
			}
			for _, id := range ids {
				_, address := filledIn(r.pattern, id)
				for _, query := range []string{"", "?q=" + url.QueryEscape(storedHTML), "?q=planted"} {
					w := b.send(method, address+query, nil)
					pages++
					if strings.Contains(w.Body.String(), "id=planted") {
						shown++
					}
					if where := elements(w.Body.String()); where != "" {
						t.Errorf("%s, %s for %s: %s", r.pattern, query, who, where)
					}
				}
				if !wildcard.MatchString(r.pattern) {
					break
				}
			}
		}
	}
	if shown < 5 {
		t.Errorf("only %d pages show what was planted: this test finds nothing", shown)
	}
	t.Logf("%d texts planted in %d kinds; %d pages read, %d of them show some", texts, len(puts), pages, shown)
}

// elements answers what of a page is not its own; empty: nothing.
func elements(page string) string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return err.Error()
	}
	var found string
	var look func(*html.Node)
	look = func(n *html.Node) {
		if n.Type == html.ElementNode {
			for _, a := range n.Attr {
				switch {
				case a.Key == "id" && a.Val == "planted":
					found = fmt.Sprintf("an element <%s> was planted", n.Data)
				case strings.HasPrefix(a.Key, "on"), a.Key == "style":
					found = fmt.Sprintf("<%s %s>", n.Data, a.Key)
				case strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") && (a.Key == "href" || a.Key == "action"):
					found = fmt.Sprintf("<%s %s=javascript:>", n.Data, a.Key)
				case n.Data == "script" && a.Key == "src" && !strings.HasPrefix(a.Val, "/static/"):
					found = "a script from " + filepath.Base(a.Val)
				}
			}
			if n.Data == "script" && n.FirstChild != nil {
				found = "a script in the page"
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			look(c)
		}
	}
	look(doc)
	return found
}
