// SPDX-License-Identifier: AGPL-3.0-or-later

package public

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/statement"
)

var update = flag.Bool("update", false, "write the golden pages anew")

const (
	hostile = `<script>alert(1)</script> "O'Hara" & <b>Co</b>`
	first   = "51000000000000000000000000000001"
	second  = "51000000000000000000000000000002"
)

func day(text string) edtf.Day {
	d, err := edtf.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

// site is an invented page with two statements, of which one corrects the other.
func site(t testing.TB) Site {
	t.Helper()
	known := time.Date(2022, 6, 22, 23, 59, 59, 0, time.UTC)
	ask := statement.Ask{AsOf: day("2022-05-17"), KnownBy: known, Scope: statement.Coalition}
	answer := func(figure string, value, base int, label codebook.Label) statement.Answer {
		a := statement.Answer{Ask: ask, Label: label, Help: codebook.Label{En: "A sample definition.", Ru: "Пример определения.", Kk: "Анықтама үлгісі."},
			Unit: codebook.Label{En: "people and incidents", Ru: "люди и события", Kk: "адамдар мен оқиғалар"}, Expr: "true", Value: value, Base: base}
		a.Figure = figure
		return a
	}
	reports := answer("reports", 164, -1, codebook.Label{En: "Reports of torture", Ru: "Сообщения о пытках", Kk: "Азаптау туралы хабарлар"})
	registered := answer("registered_146", 69, 164, codebook.Label{En: "Registered under article 146", Ru: "Зарегистрировано по статье 146", Kk: "146-бап бойынша тіркелгендер"})
	byRegion := reports
	byRegion.By, byRegion.Facet = []string{"region"}, []statement.Facet{{ID: "region", List: "region", Label: codebook.Label{En: "Region", Ru: "Регион", Kk: "Өңір"}}}
	byRegion.Cells = []statement.Cell{{Codes: []string{"R-1"}, Value: 120}, {Codes: []string{"R-2"}, Hidden: true}}
	byRegion.Rest = statement.Cell{Hidden: true}
	publish := func(id, corrects string, titles, texts map[string]string, published time.Time, verified map[string]bool, answers ...statement.Answer) Statement {
		m := statement.Manifest{Format: statement.ManifestFormat, Register: "invented", Statement: id, Corrects: corrects, Published: published, KnownBy: known, K: 5, Least: 8}
		for i, a := range answers {
			m.Figures = append(m.Figures, statement.Freeze("f"+string(rune('1'+i)), a, []byte("salt")))
		}
		text, err := m.Text()
		if err != nil {
			t.Fatal(err)
		}
		filling, err := m.Filling(func(by []string) []statement.Facet {
			if len(by) > 0 {
				return byRegion.Facet
			}
			return nil
		}, func(string) []string { return nil })
		if err != nil {
			t.Fatal(err)
		}
		filling.Settings.AsOf, filling.Settings.KnownBy = ask.AsOf, known
		return Statement{ID: id, Titles: titles, Texts: texts, Filling: filling, Manifest: []byte(text + "\n— invented AAAA\n"), Published: published, Corrects: corrects, Verified: verified}
	}
	one := publish(first, "", map[string]string{"en": "Joint statement", "ru": hostile},
		map[string]string{
			"en": "# Joint statement\n\nWe registered {{figure \"reports\"}}; {{figure \"registered_146\"}} were registered. " + hostile + "\n\n{{table \"reports\" by=\"region\"}}\n",
			"ru": "# " + hostile + "\n\nМы получили {{figure \"reports\"}}.\n",
		}, time.Date(2022, 6, 23, 12, 0, 0, 0, time.UTC), map[string]bool{"f1": true, "f2": true}, reports, registered, byRegion)
	one.CorrectedBy = second
	two := publish(second, first, map[string]string{"kk": "Түзету"}, map[string]string{"kk": "Бізге {{figure \"reports\"}} хабар түсті.\n"},
		time.Date(2022, 6, 24, 12, 0, 0, 0, time.UTC), map[string]bool{"f1": true}, reports)
	return Site{Name: "Үлгілі коалиция " + hostile, Address: "https://kua.example/", Register: "invented", Key: "kua/0123+89abcdef+AZ", Day: day("2022-06-24"), Statements: []Statement{two, one}}
}

func files(t testing.TB, s Site) map[string][]byte {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	book, err := codebook.Load(os.DirFS("../web/testdata/book"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := Files(s, words, book)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestGoldenSite holds the pages as somebody has looked at them; and the same site gives the same bytes.
func TestGoldenSite(t *testing.T) {
	made, again := files(t, site(t)), files(t, site(t))
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if !bytes.Equal(made[name], again[name]) {
			t.Errorf("%s: made twice, and not the same", name)
		}
		ext := filepath.Ext(name)
		if ext == ".pdf" || ext == ".docx" || ext == ".csv" || name == "site.css" || strings.Count(name, "/") == 1 && ext == ".html" && !strings.Contains(name[:3], "/") {
			continue // package paper has its own
		}
		golden := filepath.Join("testdata", strings.ReplaceAll(name, "/", "_"))
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, made[name], 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want, err := os.ReadFile(golden); err != nil || !bytes.Equal(want, made[name]) {
			t.Errorf("%s is not as in %s (%v): look at it with -update and git diff", name, golden, err)
		}
	}
}

// TestSiteIsByItself: no page runs a script, fetches anything from elsewhere, or
// leads to a page of the register; every link within leads to a file.
func TestSiteIsByItself(t *testing.T) {
	made := files(t, site(t))
	pages := 0
	for name, text := range made {
		if bytes.Contains(text, []byte("/cases")) {
			t.Errorf("%s: it has the address of cases", name)
		}
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		pages++
		doc, err := html.Parse(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		base := &url.URL{Scheme: "https", Host: "here", Path: "/" + name}
		ids := map[string]bool{}
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				if a.Key == "id" {
					ids[a.Val] = true
				}
			}
		}
		for n := range doc.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			switch n.Data {
			case "iframe", "object", "embed", "base", "form", "input", "b":
				t.Errorf("%s: a <%s>", name, n.Data)
			}
			for _, a := range n.Attr {
				if n.Data == "script" && a.Val != "application/ld+json" || strings.HasPrefix(a.Key, "on") || a.Key == "style" {
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				}
				if a.Key != "href" && a.Key != "src" {
					continue
				}
				to, err := base.Parse(a.Val)
				if err != nil || to.Host != "here" {
					t.Errorf("%s: %s leads away", name, a.Val)
					continue
				}
				if _, ok := made[strings.TrimPrefix(to.Path, "/")]; !ok {
					t.Errorf("%s: %s leads nowhere", name, a.Val)
				}
				if strings.HasPrefix(a.Val, "#") && !ids[a.Val[1:]] {
					t.Errorf("%s: nothing has the id %s", name, a.Val)
				}
			}
			if n.Data == "script" && len(n.Attr) == 0 {
				t.Errorf("%s: a script", name)
			}
		}
	}
	if pages < 10 {
		t.Fatalf("%d pages: this test finds nothing", pages)
	}
}

// TestSiteData reads what is made for programs.
func TestSiteData(t *testing.T) {
	made := files(t, site(t))
	var data struct {
		Figures []Figure `json:"figures"`
	}
	if err := json.Unmarshal(made["figures.json"], &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Figures) != 4 || data.Figures[2].Value != 69 || data.Figures[2].AsOf != "2022-05-17" || data.Figures[2].VerifiedOn != "2022-06-24" || data.Figures[3].VerifiedOn != "" || data.Figures[3].Cells[1].Value != nil {
		t.Errorf("%+v", data.Figures)
	}
	rows, err := csv.NewReader(bytes.NewReader(made["figures.csv"])).ReadAll()
	if err != nil || len(rows) != 1+4+2 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	inPage := regexp.MustCompile(`(?s)<script type="application/ld\+json">(.*?)</script>`).FindSubmatch(made["kk/index.html"])
	for name, text := range map[string][]byte{"dataset.jsonld": made["dataset.jsonld"], "kk/index.html": inPage[1]} {
		var set map[string]any
		if err := json.Unmarshal(text, &set); err != nil || set["@type"] != "Dataset" || len(set["variableMeasured"].([]any)) != 4 {
			t.Errorf("%s: %v %v", name, err, set)
		}
	}
	if got := string(made[first+"/f2.en.svg"]); !strings.Contains(got, ">69 · registered under article 146 · verified 24 June 2022</text>") {
		t.Errorf("the badge: %s", got)
	}
	if _, ok := made[first+"/f3.en.svg"]; ok {
		t.Error("a figure that was not verified has a badge")
	}
}

// TestWithheldRegression: of a statement that somebody no longer agrees to not a word of the text is left, nor its title.
func TestWithheldRegression(t *testing.T) {
	s := site(t)
	s.Statements[1].Withheld = true
	for name, text := range files(t, s) {
		for _, words := range []string{"Joint statement", "We registered", "Мы получили"} {
			if bytes.Contains(text, []byte(words)) {
				t.Errorf("%s: it still has %q", name, words)
			}
		}
		if strings.HasPrefix(name, first+"/") && filepath.Ext(name) != ".svg" {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestServesNothingElseRegression: every byte that is served is one of the files
// written; whatever else is beside them, above them, or linked into the folder
// is refused, whatever the path looks like.
func TestServesNothingElseRegression(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "public")
	secret := []byte("a secret of the register")
	for _, name := range []string{"keys", "ledger.db", "key.txt"} {
		if err := os.WriteFile(filepath.Join(top, name), secret, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made := files(t, site(t))
	for range 2 { // the second time in the place of the first
		if err := Write(dir, made); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(top); len(left) != 4 {
		t.Errorf("beside the folder is left: %v", left)
	}
	if err := os.Symlink(filepath.Join(top, "key.txt"), filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../key.txt", filepath.Join(dir, "en", "link.txt")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(dir))
	defer server.Close()
	get := func(method, path string) (int, []byte) {
		t.Helper()
		r, err := http.NewRequest(method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path // as it is, not cleaned
		r.AddCookie(&http.Cookie{Name: "kua", Value: "a-session"})
		answer, err := server.Client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		var b bytes.Buffer
		_, _ = b.ReadFrom(answer.Body)
		if answer.Header.Get("Set-Cookie") != "" || !strings.HasPrefix(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, answer.Header)
		}
		return answer.StatusCode, b.Bytes()
	}
	for name, want := range made {
		if code, got := get(http.MethodGet, "/"+name); code != http.StatusOK || !bytes.Equal(got, want) {
			t.Errorf("%s: %d, %d bytes of %d", name, code, len(got), len(want))
		}
	}
	if code, got := get(http.MethodGet, "/"); code != http.StatusOK || !bytes.Equal(got, made["index.html"]) {
		t.Errorf("/: %d", code)
	}
	for _, path := range []string{
		"/../key.txt", "/..%2fkey.txt", "/%2e%2e/key.txt", "/en/../../key.txt", "/en/..%5c..%5ckey.txt", "//key.txt/", "/../ledger.db", "/keys", "/ledger.db", "/link.txt", "/en/link.txt",
		"/en", "/.", "/..", "/%00", "/index.html%00.txt", top + "/key.txt", "/" + top + "/key.txt", "/cases", "/sign-in", "/statements", "/static/0/kua.css", "/nothing.html", "/index.html/",
	} {
		code, got := get(http.MethodGet, path)
		if code == http.StatusOK && !slices.ContainsFunc(slices.Collect(maps.Values(made)), func(f []byte) bool { return bytes.Equal(f, got) }) || bytes.Contains(got, secret) {
			t.Errorf("%s: %d %s", path, code, got)
		}
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		if code, _ := get(method, "/index.html"); code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, code)
		}
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("the folder is still there")
	}
	if code, _ := get(http.MethodGet, "/"); code != http.StatusNotFound {
		t.Errorf("without the folder: %d", code)
	}
}

// TestWriteFails leaves the old page whole where the new one can't be written.
func TestWriteFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "public")
	if err := Write(dir, map[string][]byte{"index.html": []byte("old")}); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, map[string][]byte{"index.html": []byte("new"), "index.html/x": []byte("impossible")}); err == nil {
		t.Fatal("it was written")
	}
	found := 0
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if !d.IsDir() {
			found++
			if text, _ := os.ReadFile(path); string(text) != "old" {
				t.Errorf("%s has %q", path, text)
			}
		}
		return nil
	})
	if found != 1 {
		t.Errorf("%d files", found)
	}
}
