// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"bytes"
	"context"
	"html"
	"log/slog"
	"math/rand/v2"
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

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// The people are invented. Each text stands in a field that could name
// somebody, once in an open case of the north and once in a restricted one.
var (
	openPlanted   = []string{"Жасампазов", "Ерғазы", "Сейтқалиұлы", "Zhasampazov", "870101399999", "+77019998877", "Тұлпар көшесі 93", "N-777-open", "сказал что его держали в гараже"}
	hiddenPlanted = []string{"Қарлығашева", "Мөлдір", "Бекзатқызы", "Karlygasheva", "910202499999", "+77023334455", "Айгөлек көшесі 17", "N-888-hidden", "везли в машине без номеров"}
)

const confidencePassphrase = "seven good words nobody else would say"

// house is a register of two organisations that keep a case each from the
// other, with somebody of every role in the south.
type house struct {
	t      *testing.T
	reg    *registry.Registry
	pages  http.Handler
	routes []route
	open   caseIDs  // of the north
	hidden caseIDs  // of the north, restricted
	others []string // ids of members, organisations
}

type caseIDs struct {
	id, number string
	records    []string
}

func newHouse(t *testing.T) *house {
	t.Helper()
	ctx := context.Background()
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	now := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	dir := filepath.Join(t.TempDir(), "r")
	reg, founder, err := registry.Create(ctx, dir,
		registry.FirstMember{Name: "founder", Lang: "en", Passphrase: confidencePassphrase},
		registry.Options{Now: func() time.Time { return now }, Stretch: least, Least: least, Rulebook: rulebook})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	h := &house{t: t, reg: reg}
	orgs := map[string]string{}
	for _, name := range []string{"North", "South"} {
		org, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: name, Counts: true})
		if err != nil {
			t.Fatal(err)
		}
		orgs[name] = org.ID
		h.others = append(h.others, org.ID)
	}
	h.others = append(h.others, founder.Member.ID)
	if founder, err = reg.SignIn(ctx, registry.SignIn{Name: "founder", Passphrase: confidencePassphrase}); err != nil {
		t.Fatal(err)
	}
	for _, who := range append([]string{"north", "north intake"}, southerners...) {
		name, org := "North", orgs["North"]
		role := access.Role(who)
		switch who {
		case "north":
			role = access.CaseWorker
		case "north intake":
			role = access.Intake
		default:
			name, org = "South", orgs["South"]
		}
		code, _, err := reg.Invite(ctx, founder, registry.NewInvitation{Name: who, Lang: "en", Orgs: []string{org}, Roles: []access.Role{role}})
		if err != nil {
			t.Fatalf("%s of %s: %v", who, name, err)
		}
		m, _, err := reg.Accept(ctx, code, registry.Acceptance{Passphrase: confidencePassphrase})
		if err != nil {
			t.Fatal(err)
		}
		h.others = append(h.others, m.ID)
	}
	north, err := reg.SignIn(ctx, registry.SignIn{Name: "north", Passphrase: confidencePassphrase})
	if err != nil {
		t.Fatal(err)
	}
	south, err := reg.SignIn(ctx, registry.SignIn{Name: "case_worker", Passphrase: confidencePassphrase})
	if err != nil {
		t.Fatal(err)
	}
	h.take(north, orgs["North"], openPlanted, false)
	h.take(north, orgs["North"], hiddenPlanted, true)
	h.take(south, orgs["South"], []string{"Омаров", "Болат", "Т.", "Omarov", "1", "2", "3", "S-1", "ничего"}, false)
	h.open, h.hidden = h.ids(north, "N-777-open"), h.ids(north, "N-888-hidden")
	h.hidden.records = append(h.hidden.records, h.report(founder, orgs["North"], dir, hiddenPlanted[8]))
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := newServer(reg, words, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	h.pages, h.routes = pages.protect(pages.mux()), pages.routes()
	return h
}

// report has somebody outside tell something to an organisation, and answers
// the id of the report.
func (h *house) report(admin *access.Session, org, dir, told string) string {
	h.t.Helper()
	ctx := context.Background()
	if err := h.reg.Prove(ctx, admin, confidencePassphrase); err != nil {
		h.t.Fatal(err)
	}
	key, err := h.reg.TurnIntake(ctx, admin, org, "")
	if err != nil {
		h.t.Fatal(err)
	}
	taker, err := h.reg.SignIn(ctx, registry.SignIn{Name: "north intake", Passphrase: confidencePassphrase})
	if err != nil {
		h.t.Fatal(err)
	}
	f, err := os.Open(sealedStick(h.t, h.t.TempDir(), key.Recipient, told))
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	id, fresh, err := h.reg.AddSealed(ctx, taker, f)
	if err != nil || !fresh {
		h.t.Fatal(fresh, err)
	}
	yes := true
	if err := h.reg.SortSubmission(ctx, taker, id, registry.SubmissionSort{Urgent: &yes}); err != nil {
		h.t.Fatal(err)
	}
	return id
}

// southerners are the members of the south, each named as their role.
var southerners = func() []string {
	var names []string
	for _, role := range access.Roles() {
		if role != access.Coordinator { // made by the founder below, who is one
			names = append(names, string(role))
		}
	}
	return names
}()

// take takes in a case with what is planted.
func (h *house) take(s *access.Session, org string, p []string, restricted bool) {
	h.t.Helper()
	_, err := h.reg.Import(context.Background(), s, org, "list: people.csv", []registry.CaseImport{{Key: p[7], Records: func(id string) []registry.Put {
		head := casefile.Fields{}
		if restricted {
			head["restricted"] = []string{"yes"}
		}
		return []registry.Put{
			{Record: id, Kind: "case", Fields: head},
			{Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}, "region": {"KZ-75"}, "summary": {p[8]}}},
			{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{
				"role": {"victim"}, "family": {p[0]}, "given": {p[1]}, "patronymic": {p[2]}, "sex": {"m"}, "child": {"no"},
				"other_names": {p[3]}, "iin": {p[4]}, "phones": {p[5]}, "address": {p[6]}}},
			{Record: ledger.NewID().String(), Kind: "complaint", Fields: casefile.Fields{"filed": {"yes"}, "date": {"2022-01-20"}}},
		}
	}}}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) ids(s *access.Session, external string) caseIDs {
	h.t.Helper()
	view, err := h.reg.Case(context.Background(), s, external, registry.Clock{})
	if err != nil {
		h.t.Fatal(err)
	}
	ids := caseIDs{id: view.Row.ID, number: view.Row.Number}
	for _, rec := range view.Records {
		if rec.ID != ids.id {
			ids.records = append(ids.records, rec.ID)
		}
	}
	for _, g := range view.Grants {
		ids.records = append(ids.records, g.ID)
	}
	return ids
}

// parameters are the names that the pages read from an address or a form: as
// the sources and the templates have them, so that a new one is tried at once.
func parameters(t *testing.T) []string {
	t.Helper()
	found := map[string]bool{}
	for pattern, reads := range map[string]*regexp.Regexp{
		"*.go":             regexp.MustCompile(`(?:\.Get|FormValue|\.Has)\("([a-z_]+)"\)|Form\["([a-z_]+)"\]`),
		"templates/*.html": regexp.MustCompile(`name="([a-z_]+)"`),
	} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range reads.FindAllSubmatch(text, -1) {
				found[string(bytes.Join(m[1:], nil))] = true
			}
		}
	}
	for _, facet := range facetNames {
		found[facet] = true
	}
	delete(found, "viewport")
	delete(found, "robots")
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) < 12 {
		t.Fatalf("only %d parameters found: the pattern is wrong", len(names))
	}
	return names
}

// probe is something of the north's, and something of the same shape that is
// nowhere: whoever may not know of the first must be told the same of both.
type probe struct {
	real, control string
	telling       bool // one of each shape
}

func (c caseIDs) probes(planted []string, controls []string) []probe {
	probes := []probe{{c.id, "0123456789abcdef0123456789abcdef", true}, {c.number, "K-0000001", false}}
	for _, id := range c.records {
		probes = append(probes, probe{id, "fedcba9876543210fedcba9876543210", false})
	}
	for i, p := range planted {
		probes = append(probes, probe{p, controls[i], i == 0 || i == 7}) // a name, a list's number
	}
	return probes
}

// nowhere are texts like those planted that are in no case.
var nowhere = []string{"Шашубайтегі", "Ғалымбек", "Нұрғисаұлы", "Shashubaytegi", "550303599999", "+77050006611", "Бұлдырық көшесі 45", "N-999-nobody", "видели возле старого вокзала"}

// filledIn fills in the wildcards of a pattern.
func filledIn(pattern, value string) (method, address string) {
	method, address, _ = strings.Cut(pattern, " ")
	if address == "" {
		method, address = http.MethodGet, method
	}
	address = strings.ReplaceAll(address, "{letter}", "decision_copy") // one that is there, so that the case is asked for
	return method, wildcard.ReplaceAllString(strings.TrimSuffix(address, "{$}"), url.PathEscape(value))
}

var wildcard = regexp.MustCompile(`\{[a-z]+(?:\.\.\.)?\}`)

// TestEachConfidenceStays tries every route with everything that is the
// north's in every parameter, as a stranger and as each member of the south:
// not one byte of what could name somebody comes out, and of what they may not
// know to be there they are told what they are told of what is not there.
func TestEachConfidenceStays(t *testing.T) {
	t.Parallel() // beside the tests in the browser, which wait for it half of the time
	h := newHouse(t)
	names := parameters(t)
	tried := 0
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, who := range append([]string{"nobody"}, southerners...) {
		b := &explorer{house: h, who: who, draw: rand.New(rand.NewPCG(seed, 0))}
		// Which parameter is read how does not depend on who asks: one member
		// tries them few by few, the others all of them at once. Of the open case
		// they are tried so with its id; with a name and a number, too, with
		// -thorough and for the case that is hidden.
		fewByFew := who == string(access.CaseWorker)
		// The facts of the open case are the analyst's to count, its number too.
		mayKnow := who == string(access.Analyst)
		for _, r := range h.routes {
			if strings.Contains(r.pattern, "/static/") {
				continue
			}
			for _, of := range []struct {
				probes         []probe
				alike, closest bool
			}{{h.open.probes(openPlanted, nowhere), !mayKnow, *thorough}, {h.hidden.probes(hiddenPlanted, nowhere), true, true}} {
				for i, p := range of.probes {
					tried += b.inPath(r.pattern, p, of.alike)
					switch {
					case fewByFew && p.telling && (of.closest || i == 0):
						tried += b.inEachParameter(r.pattern, names, p, of.alike)
					case i == 0:
						tried += b.inParameters(r.pattern, names, names, p, of.alike)
					}
				}
			}
			for _, id := range h.others {
				if strings.HasPrefix(r.pattern, http.MethodGet) { // an administrator's form would end who is to ask next
					tried += b.inPath(r.pattern, probe{real: id}, false)
				}
			}
		}
	}
	t.Logf("%d paths tried: %d routes, %d parameters, %d who ask", tried, len(h.routes), len(names), len(southerners)+1)
	if tried < 2000 {
		t.Error("too few paths: this test finds nothing")
	}
}

// TestTheOwnerSees shows that the same requests do bring out what is planted
// where somebody may see it: the test above is not blind.
func TestTheOwnerSees(t *testing.T) {
	h := newHouse(t)
	b := &explorer{house: h, who: "north"}
	for _, planted := range [][]string{openPlanted, hiddenPlanted} {
		w := b.send(http.MethodGet, "/cases?q="+url.QueryEscape(planted[0]), nil)
		if !strings.Contains(w.Body.String(), planted[1]) {
			t.Errorf("the north does not find its own case by %q", planted[0])
		}
	}
	for _, ids := range []caseIDs{h.open, h.hidden} {
		if w := b.send(http.MethodGet, "/cases/"+ids.id, nil); w.Code != http.StatusOK {
			t.Errorf("the north does not see its own case: %d", w.Code)
		}
	}
}

// explorer asks in the name of a member; "nobody" has no session.
type explorer struct {
	*house
	who    string
	draw   *rand.Rand
	cookie *http.Cookie
}

// inPath sends a route a probe in its path.
func (b *explorer) inPath(pattern string, p probe, alike bool) int {
	b.t.Helper()
	if !wildcard.MatchString(strings.TrimSuffix(pattern, "{$}")) {
		return 0
	}
	return b.compare(pattern, "its path", p, alike, func(value string) (string, string, url.Values) {
		method, address := filledIn(pattern, value)
		return method, address, url.Values{}
	})
}

// together is how many parameters are tried in one request, drawn anew for each
// route and probe; with -thorough each is tried by itself.
const together = 16

// inEachParameter sends a route a probe in some parameters after others, each once.
func (b *explorer) inEachParameter(pattern string, names []string, p probe, alike bool) int {
	b.t.Helper()
	n, size := 0, together
	if *thorough {
		size = 1
	}
	drawn := slices.Clone(names)
	b.draw.Shuffle(len(drawn), func(i, j int) { drawn[i], drawn[j] = drawn[j], drawn[i] })
	for some := range slices.Chunk(drawn, size) {
		n += b.inParameters(pattern, names, some, p, alike)
	}
	return n
}

// inParameters sends a route a probe in some of its parameters; in a form, the
// others are there as well.
func (b *explorer) inParameters(pattern string, names, some []string, p probe, alike bool) int {
	b.t.Helper()
	return b.compare(pattern, strings.Join(some, ", "), p, alike, func(value string) (string, string, url.Values) {
		method, address := filledIn(pattern, "00112233445566778899aabbccddeeff")
		values := url.Values{}
		if method != http.MethodGet {
			for _, name := range names {
				values.Set(name, "yes")
			}
		}
		for _, name := range some {
			values.Set(name, value)
		}
		if method == http.MethodGet {
			return method, address + "?" + values.Encode(), nil
		}
		return method, address, values
	})
}

// compare sends a probe, and looks for what is planted in the answer; then, where
// both must be answered alike, its control.
func (b *explorer) compare(pattern, where string, p probe, alike bool, request func(value string) (method, address string, form url.Values)) int {
	b.t.Helper()
	got := b.send(request(p.real))
	said := strings.ReplaceAll(unescaped(got), p.real, "")
	for _, planted := range slices.Concat(openPlanted, hiddenPlanted) {
		if strings.Contains(said, planted) {
			b.t.Errorf("%s asks %s with %s: %q comes out", b.who, pattern, where, planted)
		}
	}
	if !alike {
		return 1
	}
	control := b.send(request(p.control))
	if a, c := leveled(got, p.real), leveled(control, p.control); a != c {
		b.t.Errorf("%s asks %s with %q in %s and is told another thing than of what is not there:\n%s", b.who, pattern, p.real, where, firstDifference(a, c))
	}
	return 2
}

func (b *explorer) send(method, address string, form url.Values) *httptest.ResponseRecorder {
	b.t.Helper()
	if b.who != "nobody" {
		if b.cookie == nil || !b.alive() {
			s, err := b.reg.SignIn(context.Background(), registry.SignIn{Name: b.who, Passphrase: confidencePassphrase})
			if err != nil {
				b.t.Fatalf("%s can't sign in: %v", b.who, err)
			}
			b.cookie = &http.Cookie{Name: "kua", Value: s.Token()}
		}
	}
	var r *http.Request
	if method == http.MethodGet {
		r = httptest.NewRequest(method, address, nil)
	} else {
		r = httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r)
	return w
}

func (b *explorer) alive() bool {
	_, ok := b.reg.Session(b.cookie.Value)
	return ok
}

// unescaped is all that an answer says, as its reader reads it.
func unescaped(w *httptest.ResponseRecorder) string {
	var said strings.Builder
	for name, values := range w.Header() {
		for _, v := range values {
			if plain, err := url.QueryUnescape(v); err == nil {
				said.WriteString(plain + "\n")
			}
			said.WriteString(name + ": " + v + "\n")
		}
	}
	body := w.Body.String()
	said.WriteString(html.UnescapeString(body))
	if plain, err := url.QueryUnescape(body); err == nil {
		said.WriteString(html.UnescapeString(plain))
	}
	return said.String()
}

// leveled is an answer without what was asked and without numbers that go on
// by themselves: moments, the size of the ledger.
func leveled(w *httptest.ResponseRecorder, asked string) string {
	said := http.StatusText(w.Code) + "\n" + w.Header().Get("Location") + "\n" + w.Body.String()
	plus := func(text string) string { return strings.ReplaceAll(text, "+", "&#43;") } // as templates write it
	query, inPath := url.QueryEscape(asked), url.PathEscape(asked)
	for _, form := range []string{
		asked, html.EscapeString(asked), plus(html.EscapeString(asked)),
		query, plus(query), url.QueryEscape(query), strings.ReplaceAll(query, "+", "%20"), inPath, url.QueryEscape(inPath),
		short(asked), // an organisation that is not there is shown by the beginning of its id
	} {
		said = strings.ReplaceAll(said, form, "ASKED")
	}
	return withoutNumbers(said)
}

// withoutNumbers writes # for each run of eight or more of 0-9a-f, and of the
// digits elsewhere: what the pattern [0-9a-f]{8,}|[0-9]+ finds, in a tenth of its time.
func withoutNumbers(text string) string {
	hex := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' }
	var out strings.Builder
	out.Grow(len(text))
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && hex(text[end]) {
			end++
		}
		if end-i < 8 { // no run of hexadecimal digits: of decimal ones, or none
			for end = i; end < len(text) && '0' <= text[end] && text[end] <= '9'; {
				end++
			}
		}
		if end > i {
			out.WriteByte('#')
			i = end
			continue
		}
		out.WriteByte(text[i])
		i++
	}
	return out.String()
}

// TestWithoutNumbers compares it with the pattern it stands for.
func TestWithoutNumbers(t *testing.T) {
	pattern := regexp.MustCompile(`[0-9a-f]{8,}|[0-9]+`)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("0189abfgё-")), 0, 60, -1).Draw(t, "text")
		if got, want := withoutNumbers(text), pattern.ReplaceAllString(text, "#"); got != want {
			t.Fatalf("%q became %q, expected %q", text, got, want)
		}
	})
}

func firstDifference(a, b string) string {
	one, other := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			return one[i] + "\n" + other[i]
		}
	}
	return "one goes on where the other ends"
}
