// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	keyboard "github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// told is one of the three stories of examples/stories, as it is told.
type told struct {
	file     string
	teller   string // the member who writes it down
	breached []string
	met      []string
	not      []string // checks that have nothing to say
	deadline []string
	stage    string
	shown    []string // what a check has in its hands: rule and value
	letters  []string // what can be drafted from the case
}

// stories are what the checks must say about each.
var stories = []told{
	{file: "1-square.yaml", teller: "dina", stage: "not_complained", breached: []string{"CMP-01", "REP-01", "VIC-03", "DET-02"}, shown: []string{"CMP-01 no_trust", "DET-02 witness"}},
	{file: "2-van.yaml", teller: "dina", stage: "closed", breached: []string{"DEC-01", "DEC-02", "DEC-03", "DEC-04", "DEC-07", "EVD-02", "EVD-03"},
		met: []string{"DEC-05", "INV-01"}, not: []string{"APP-03"}, deadline: []string{"court_106", "complaint_closure"}, shown: []string{"DEC-01 sms"},
		letters: []string{"decision_copy", "decision_appeal", "secure_video", "file_access"}},
	{file: "3-station.yaml", teller: "umit", stage: "examined", breached: []string{"MED-14", "MED-04", "MED-05", "MED-13", "DET-01", "EVD-02"}, met: []string{"MED-03"},
		shown: []string{"MED-14 68", "MED-14 19", "MED-04 20", "MED-05 acs_premises", "MED-13 goes_beyond"}, letters: []string{"repeat_examination"}},
}

// storyFigures are what the figures of the coalition say once all three are told.
var storyFigures = map[string]int{
	"reports": 3, "complaint_filed": 2, "not_complained": 1, "registered_146": 1, "closed": 1, "notified_by_text": 1, "copy_withheld": 1, "file_denied": 1,
	"exam_on_law_enforcement_premises": 1, "psychological_exam_under_60": 1, "independent_exam": 1, "reprisals": 1, "redressed": 0,
}

// typed is how a teller types what a story says, in their language: dates as
// people write them, and the words. The people are invented.
var typed = map[string]map[string]string{
	"en": {
		"2022-06-24": "24 June 2022", "2022-01-06": "6 January 2022", "2022-01-06/2022-01-17": "from 6 to 17 January 2022", "2022-01-17": "January 17, 2022", "2022-01-05": "5 January 2022",
		"2022-01-04/2022-01-05": "night of 4 to 5 January 2022", "2022-04-06": "6 Apr 2022", "2022-06-01~/2022-06-10~": "early June 2022", "2022-01-06~": "about 6 January 2022", "2022-02-24": "24 February 2022", "2022-03-15": "15.03.2022",
		"unknown": "unknown", "Joint statement of 24 June 2022": "Joint statement of 24 June 2022",
		"Semey": "Semey", "The central square": "The central square", "Uralsk": "Uralsk", "An office on the second floor": "An office on the second floor",
		"City police department, Uralsk": "City police department, Uralsk", "146 part 2": "146 part 2", "lack of evidence of a crime": "lack of evidence of a crime",
		"[The statement quotes the threat; its words are left out here.]": "“You will not leave this van alive.”\n(Invented for the tests.)",
		"A.": "Sample Arman", "B.": "Sample Bolat", "C.": "Sample Serik", "why": "Told in the second conversation",
	},
	"ru": {
		"2022-06-24": "24 июня 2022 года", "2022-01-06": "6 января 2022", "2022-01-06/2022-01-17": "с 6 по 17 января 2022 года", "2022-01-17": "17.01.2022", "2022-01-05": "5 января 2022 г.",
		"2022-01-04/2022-01-05": "в ночь с 4 на 5 января 2022", "2022-04-06": "6 апреля 2022", "2022-06-01~/2022-06-10~": "в начале июня 2022 года", "2022-01-06~": "около 6 января 2022", "2022-02-24": "24 февраля 2022", "2022-03-15": "15 марта 2022 г.",
		"unknown": "неизвестно", "Joint statement of 24 June 2022": "Совместное заявление от 24 июня 2022 года",
		"Semey": "Семей", "The central square": "Центральная площадь", "Uralsk": "Уральск", "An office on the second floor": "Кабинет на втором этаже",
		"City police department, Uralsk": "Городское управление полиции, Уральск", "146 part 2": "ч. 2 ст. 146", "lack of evidence of a crime": "отсутствие состава преступления",
		"[The statement quotes the threat; its words are left out here.]": "«Живым ты отсюда не выйдешь».\n(Придумано для теста.)",
		"A.": "Примеров Арман", "B.": "Примеров Болат", "C.": "Примеров Серик", "why": "Рассказал при второй встрече",
	},
	"kk": {
		"2022-06-24": "2022 жылғы 24 маусым", "2022-01-06": "2022 жылғы 6 қаңтар", "2022-01-06/2022-01-17": "2022 жылғы 6 қаңтардан 17 қаңтарға дейін", "2022-01-17": "2022 ж. 17 қаңтар", "2022-01-05": "5 қаңтар 2022 ж.",
		"2022-01-04/2022-01-05": "2022 жылғы 4-нен 5 қаңтарға қараған түні", "2022-04-06": "2022 жылғы 6 сәуір", "2022-06-01~/2022-06-10~": "2022 жылғы маусымның басында", "2022-01-06~": "шамамен 2022 жылғы 6 қаңтар", "2022-02-24": "2022 жылғы 24 ақпан", "2022-03-15": "2022 жылғы 15 наурыз",
		"unknown": "белгісіз", "Joint statement of 24 June 2022": "2022 жылғы 24 маусымдағы бірлескен мәлімдеме",
		"Semey": "Семей", "The central square": "Орталық алаң", "Uralsk": "Орал", "An office on the second floor": "Екінші қабаттағы кабинет",
		"City police department, Uralsk": "Қалалық полиция басқармасы, Орал", "146 part 2": "146-баптың 2-бөлігі", "lack of evidence of a crime": "қылмыс құрамының болмауы",
		"[The statement quotes the threat; its words are left out here.]": "«Бұл жерден тірі шықпайсың».\n(Сынақ үшін ойдан шығарылған.)",
		"A.": "Үлгілі Арман", "B.": "Үлгілі Болат", "C.": "Үлгілі Серік", "why": "Екінші кездесуде айтты",
	},
}

// storyRecord is a record of a story: what is to be typed.
type storyRecord struct {
	Kind, ID, Source string
	Fields           map[string]yaml.Node
}

func readStory(t *testing.T, file string) (outside, records []storyRecord) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "stories", file))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Outside []storyRecord
		Cases   []struct{ Records []storyRecord }
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Outside, doc.Cases[0].Records
}

// values are what a field of a story holds.
func (r storyRecord) values(field string) []string {
	var out []string
	node := r.Fields[field]
	if node.Kind == yaml.ScalarNode {
		return []string{node.Value}
	}
	for _, n := range node.Content {
		out = append(out, n.Value)
	}
	return out
}

// TestE2EStories tells the three stories, all of them through the pages: in
// each language, on a phone and on a desk, with script and without; with
// -thorough ('make stories') in all twelve ways. Every date
// is typed as people write it, every code chosen by its label; then the case
// page, its checks and the figures say what they must, and the register holds
// what was told, to the last field.
func TestE2EStories(t *testing.T) {
	t.Parallel()
	t.Run("ways", func(t *testing.T) {
		for i, lang := range languages {
			for _, width := range []int64{360, 1280} {
				for _, script := range []bool{true, false} {
					// One way in each language, both screens and both with script and without among them.
					if way := [...]struct {
						width  int64
						script bool
					}{{1280, true}, {360, false}, {360, true}}[i%3]; !*thorough && (way.width != width || way.script != script) {
						continue
					}
					name := fmt.Sprintf("%s-%d-%s", lang, width, map[bool]string{true: "script", false: "plain"}[script])
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						tellAll(t, name, lang, width, script)
					})
				}
			}
		}
	})
}

// story is the telling of one story in one way.
type story struct {
	*tab
	reg     *registry.Registry
	session *access.Session
	voice   *voice
	name    string // of its pictures
	lang    string
	step    int
	outside map[string]storyRecord // not yet made, by name
	ids     map[string]string      // of what was made, by name
	caseID  string
}

func tellAll(t *testing.T, name, lang string, width int64, script bool) {
	ctx := context.Background()
	least := seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1}
	const words = "seven good words nobody else would say"
	begin := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	var ticks atomic.Int64
	now := func() time.Time { return begin.Add(time.Duration(ticks.Add(1)) * time.Millisecond) }
	reg, founder, err := registry.Create(ctx, filepath.Join(t.TempDir(), "r"), registry.FirstMember{Name: "founder", Lang: lang, Passphrase: words},
		registry.Options{Now: now, Stretch: least, Least: least, Rulebook: rulebook})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	sessions := map[string]*access.Session{}
	for _, org := range []struct{ name, member string }{{"North", "dina"}, {"South", "umit"}} {
		made, err := reg.AddOrganisation(ctx, founder, registry.NewOrganisation{Name: org.name, Counts: true})
		if err != nil {
			t.Fatal(err)
		}
		code, _, err := reg.Invite(ctx, founder, registry.NewInvitation{Name: org.member, Lang: lang, Orgs: []string{made.ID}, Roles: []access.Role{access.CaseWorker}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = reg.Accept(ctx, code, registry.Acceptance{Passphrase: words}); err != nil {
			t.Fatal(err)
		}
		if sessions[org.member], err = reg.SignIn(ctx, registry.SignIn{Name: org.member, Passphrase: words}); err != nil {
			t.Fatal(err)
		}
	}
	messages, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := newServer(reg, messages, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(pages.protect(pages.mux()))
	t.Cleanup(server.Close)

	browser := startBrowser(t) // one of its own: with its own cookies
	tab := openTab(t, browser, server.URL)
	if width < 600 {
		tab.do(chromedp.EmulateViewport(width, 740, chromedp.EmulateMobile, chromedp.EmulatePortrait))
	} else {
		tab.do(chromedp.EmulateViewport(width, 900))
	}
	tab.still()
	if !script {
		if _, err := chromedp.Call(tab.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
			t.Fatal(err)
		}
	}
	s := &story{tab: tab, reg: reg, voice: pages.voice(messages.Lang(lang)), lang: lang}
	member := ""
	for n, told := range stories {
		s.name = fmt.Sprintf("story-%s-%d", name, n+1)
		s.step = 0
		if told.teller != member {
			if member != "" {
				s.visit("/account")
				s.press(".foot form[action='/sign-out'] button", "form.signin")
			}
			s.visit("/sign-in?lang=" + lang)
			s.write("#name", told.teller)
			s.write("#passphrase", words)
			s.press("form[action='/sign-in'] button", "nav.nav")
			member = told.teller
		}
		s.session = sessions[told.teller]
		s.tell(told)
	}
	s.figures(founder)
	tab.mu.Lock()
	tab.problems = slices.DeleteFunc(tab.problems, func(problem string) bool { // who types this fast is there first
		return strings.HasSuffix(problem, "Autofocus processing was blocked because a document already has a focused element.")
	})
	tab.mu.Unlock()
	tab.calm(name)
}

// tell opens the case, writes every record and reads the case.
func (s *story) tell(told told) {
	s.t.Helper()
	outside, records := readStory(s.t, told.file)
	s.outside, s.ids = map[string]storyRecord{}, map[string]string{}
	for _, r := range outside {
		s.outside[r.ID] = r
	}
	byName := map[string]storyRecord{}
	for _, r := range records {
		byName[r.ID] = r
	}
	victim, report := byName["victim"], byName["report"]

	// The first conversation opens the case.
	s.visit("/cases")
	s.press("main a[href='/cases/new']", "form.record-form")
	s.picture("new")
	family, given, _ := strings.Cut(s.say(victim.values("full_name")[0]), " ")
	s.write("[name='person.family']", family)
	s.write("[name='person.given']", given)
	s.fill("person.", "person", victim, []string{"sex"})
	s.fill("report.", "report", report, nil)
	s.picture("new-filled")
	s.press("form.record-form button:not([name])", ".kinds")
	s.focused("opened")
	s.picture("opened")
	s.caseID = strings.Split(strings.TrimPrefix(evaluate[string](s.tab, "location.pathname"), "/cases/"), "/")[0]
	file := s.file()
	for _, rec := range file.Records {
		switch rec.Kind {
		case "person":
			s.ids["victim"] = rec.ID
		case "report":
			s.ids["report"] = rec.ID
		}
	}
	s.ids["case"] = s.caseID

	// What was told besides of the person and the case.
	s.edit(victim, "full_name", "sex")
	s.edit(byName["case"])

	for _, r := range records {
		if s.ids[r.ID] == "" {
			s.visit("/cases/" + s.caseID + "/add")
			s.press(".kinds a[href$='/add/"+r.Kind+"']", "form.record-form")
			s.record(r)
		}
	}
	for name := range s.outside {
		s.t.Errorf("%s: nothing refers to %s, so that it was not made", s.name, name)
	}
	s.compare(append(outside, records...))
	s.read(told, records)
}

// say is a text of a story as the teller types it.
func (s *story) say(text string) string {
	if words, ok := typed[s.lang][text]; ok {
		return words
	}
	if strings.Trim(text, "0123456789") == "" {
		return text // a number
	}
	if slices.Contains([]string{"Городское управление полиции, Уральск", "Қалалық полиция басқармасы, Орал"}, text) {
		return text // the names of a place are asked for in each language
	}
	s.t.Errorf("%s: nobody says %q in %s", s.name, text, s.lang)
	return text
}

// record fills in the form that is open and saves it.
func (s *story) record(r storyRecord) {
	s.t.Helper()
	s.fill(fieldPrefix, r.Kind, r, nil)
	if r.Source != "" {
		s.write("#source", s.say(r.Source))
	}
	s.picture(r.Kind + "-" + r.ID)
	s.save(r)
}

func (s *story) save(r storyRecord) {
	s.t.Helper()
	s.press("form.record-form .finish button:not([name])", "#saved, #problems, #kept ~ nothing")
	if problems := evaluate[string](s.tab, `(document.getElementById("problems") || {innerText: ""}).innerText`); problems != "" {
		s.picture("problems")
		s.t.Fatalf("%s: %s %s is not taken: %s", s.name, r.Kind, r.ID, problems)
	}
	s.focused("saved " + r.ID)
	path := strings.Split(evaluate[string](s.tab, "location.pathname"), "/")
	s.ids[r.ID] = path[len(path)-1]
	s.shown(r)
}

// focused fails unless what was just done has the focus.
func (s *story) focused(after string) {
	s.t.Helper()
	if wrong := s.unfocused(); wrong != "" {
		s.t.Errorf("%s: %s: %s", s.name, after, wrong)
	}
}

// edit adds to a record what the case was not opened with.
func (s *story) edit(r storyRecord, but ...string) {
	s.t.Helper()
	s.visit("/cases/" + s.caseID + "/records/" + s.ids[r.ID] + "/edit")
	rest := storyRecord{Kind: r.Kind, ID: r.ID, Fields: map[string]yaml.Node{}}
	for name, node := range r.Fields {
		if !slices.Contains(but, name) {
			rest.Fields[name] = node
		}
	}
	if len(rest.Fields) == 0 {
		return
	}
	s.fill(fieldPrefix, r.Kind, rest, nil)
	s.write("#reason", s.say("why"))
	s.picture("edit-" + r.ID)
	s.save(rest)
}

// widget is an input as the page has it.
type widget struct {
	Tag, Type, ID, Label string
	List                 bool
	Options              []struct{ Value, Text string }
}

const widgetsOf = `((prefix, ...names) => {
	const out = {};
	for (const e of document.querySelectorAll(names.map(n => "form.record-form [name='" + prefix + n + "']").join())) {
		if (e.type === "hidden" || e.tagName === "BUTTON") continue;
		const group = e.closest("fieldset.ticks");
		const name = e.name.slice(prefix.length);
		const w = out[name] ||= {Tag: e.tagName, Type: e.type, ID: e.id, List: !!e.getAttribute("list"), Options: [],
			Label: (group ? group.querySelector("legend") : e.labels && e.labels[0] || {innerText: ""}).textContent.trim()};
		if (e.tagName === "SELECT") for (const o of e.options) w.Options.push({Value: o.value, Text: o.text});
		if (e.type === "checkbox") w.Options.push({Value: e.value, Text: e.labels[0].textContent.trim()});
	}
	return out;
})`

// fill types the fields of a record into the form: all, or only some.
func (s *story) fill(prefix, kind string, r storyRecord, only []string) {
	s.t.Helper()
	k, ok := s.voice.book.Kind(kind)
	if !ok {
		s.t.Fatalf("there is no kind %s", kind)
	}
	var later []*codebook.Field // a record to refer to is made on the spot when all else is typed
	for i := range k.Fields {
		f := &k.Fields[i]
		values := r.values(f.ID)
		if len(values) == 0 || only != nil && !slices.Contains(only, f.ID) {
			continue
		}
		if f.Type == codebook.Ref {
			if _, open := s.outside[values[0]]; open {
				later = append(later, f)
				continue
			}
		}
		s.field(prefix, f, values)
	}
	for _, f := range later {
		name := r.values(f.ID)[0]
		made := s.outside[name]
		delete(s.outside, name)
		s.open("[name='then'][value='new." + f.ID + "']")
		s.press("[name='then'][value='new."+f.ID+"']", "form[action^='/state/"+made.Kind+"/new']")
		s.made(made)
		s.field(prefix, f, []string{name})
	}
}

// made makes a record outside the case from within a form, and comes back to it.
func (s *story) made(r storyRecord) {
	s.t.Helper()
	s.fill(fieldPrefix, r.Kind, r, nil)
	if r.Source != "" {
		s.write("#source", s.say(r.Source))
	}
	s.picture(r.Kind + "-" + r.ID)
	s.press("form.record-form .finish button:not([name])", "form[action^='/cases/'], #problems")
	if problems := evaluate[string](s.tab, `(document.getElementById("problems") || {innerText: ""}).innerText`); problems != "" {
		s.picture("problems")
		s.t.Fatalf("%s: %s %s is not taken: %s", s.name, r.Kind, r.ID, problems)
	}
	known, err := s.reg.Known(context.Background(), s.session, r.Kind)
	if err != nil || len(known) == 0 {
		s.t.Fatalf("%s: %s was not made: %v", s.name, r.ID, err)
	}
	for _, rec := range known {
		if !slices.Contains(mapValues(s.ids), rec.ID) {
			s.ids[r.ID] = rec.ID
		}
	}
}

func mapValues(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// field types or chooses the values of one field, by what a reader of the page sees.
func (s *story) field(prefix string, f *codebook.Field, values []string) {
	s.t.Helper()
	found := evaluate[map[string]widget](s.tab, fmt.Sprintf("%s(%q, %q, %q)", widgetsOf, prefix, f.ID, f.ID+moreSuffix))
	w, ok := found[f.ID]
	more, hasMore := found[f.ID+moreSuffix]
	if !ok && !hasMore {
		s.t.Errorf("%s: the form asks for no %s", s.name, f.ID)
		return
	}
	if label := s.voice.in(f.Label); !strings.HasPrefix(w.Label, label) && !strings.HasPrefix(more.Label, label) {
		s.t.Errorf("%s: %s is called %q, not %q", s.name, f.ID, w.Label, label)
	}
	at := "[name='" + prefix + f.ID + "']"
	if f.Type == codebook.Ref {
		for i, v := range values {
			if id := s.ids[v]; id != "" {
				values[i] = id
			}
		}
	}
	switch {
	case hasMore && more.List: // a long list: words are typed, and understood
		var labels []string
		for _, v := range values {
			labels = append(labels, s.voice.label(f.List, v))
		}
		s.write("[name='"+prefix+f.ID+moreSuffix+"']", strings.Join(labels, "; "))
	case w.Type == "checkbox":
		for _, v := range values {
			s.option(f, w, v)
			s.tick(at + "[value='" + v + "']")
		}
	case w.Tag == "SELECT":
		s.choose(at, s.option(f, w, values[0]))
	case f.Type == codebook.Code:
		s.write(at, s.voice.label(f.List, values[0]))
	case f.Type == codebook.Ref:
		s.t.Errorf("%s: %s is searched by typing", s.name, f.ID)
	default:
		s.write(at, s.say(values[0]))
	}
}

// option is the place of a value among those to choose from. What the reader
// sees there is its label in their language.
func (s *story) option(f *codebook.Field, w widget, value string) int {
	s.t.Helper()
	for i, o := range w.Options {
		if o.Value != value {
			continue
		}
		if f.Type == codebook.Code || f.Type == codebook.YesNo {
			list := f.List
			if label := s.voice.label(list, value); o.Text != label || label == value && f.Type == codebook.Code {
				s.t.Errorf("%s: %s of %s is shown as %q, not %q", s.name, value, f.ID, o.Text, label)
			}
		}
		return i
	}
	s.t.Errorf("%s: %s can't be chosen for %s", s.name, value, f.ID)
	return 0
}

// open unfolds whatever folds an element away, by the keyboard.
func (s *story) open(selector string) {
	s.t.Helper()
	for range 4 {
		folded := evaluate[bool](s.tab, `(e => {
			if (!e) return false;
			const d = [...document.querySelectorAll("details:not([open])")].find(d => d.contains(e) && !d.querySelector(":scope > summary").contains(e));
			if (d) d.querySelector(":scope > summary").focus();
			return !!d;
		})(document.querySelector(`+quote(selector)+`))`)
		if !folded {
			return
		}
		s.do(chromedp.KeyEvent(kb.Enter))
	}
}

func quote(text string) string { return "`" + text + "`" }

// focus gives an element the focus as the Tab key would.
func (s *story) focus(selector string) {
	s.t.Helper()
	s.open(selector)
	if !evaluate[bool](s.tab, `(e => { if (!e) return false; e.focus(); if (e.select) e.select(); return document.activeElement === e; })(document.querySelector(`+quote(selector)+`))`) {
		s.picture("lost")
		s.t.Fatalf("%s: %s takes no focus at %s", s.name, selector, evaluate[string](s.tab, "location.pathname"))
	}
}

// write types a text in place of what stands there.
func (s *story) write(selector, text string) {
	s.t.Helper()
	s.focus(selector)
	if _, err := chromedp.Call(s.ctx, keyboard.InsertText, keyboard.InsertTextParams{Text: text}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) tick(selector string) {
	s.t.Helper()
	s.focus(selector)
	s.do(chromedp.KeyEvent(" "))
}

// choose chooses by the arrow keys.
func (s *story) choose(selector string, n int) {
	s.t.Helper()
	s.focus(selector)
	s.do(chromedp.KeyEvent(kb.Home))
	if n > 0 {
		s.hold([]rune(kb.ArrowDown)[0], n)
	}
	if at := evaluate[int](s.tab, "document.activeElement.selectedIndex"); at != n {
		s.t.Errorf("%s: the arrow keys come to %d of %s, not to %d", s.name, at, selector, n)
	}
}

// press presses a button or follows a link by the keyboard and waits for what comes.
func (s *story) press(selector, then string) {
	s.t.Helper()
	s.focus(selector)
	s.do(chromedp.KeyEvent(kb.Enter))
	ctx, cancel := context.WithTimeout(s.ctx, perPage)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.WaitVisible(then)); err != nil {
		s.picture("stuck")
		s.t.Fatalf("%s: after %s nothing comes like %s, but %s: %v", s.name, selector, then, evaluate[string](s.tab, "location.href + ' ' + document.title"), err)
	}
}

// picture keeps what is seen, when asked to.
func (s *story) picture(name string) {
	s.t.Helper()
	if *shots == "" {
		return
	}
	s.step++
	picture, err := chromedp.Run(s.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%02d-%s.png", s.name, s.step, name)), picture, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// shown fails unless the record's page shows what was typed, as it was understood.
func (s *story) shown(r storyRecord) {
	s.t.Helper()
	k, _ := s.voice.book.Kind(r.Kind)
	text := evaluate[string](s.tab, `document.querySelector("dl.values").innerText`)
	for i := range k.Fields {
		f := &k.Fields[i]
		for _, v := range r.values(f.ID) {
			want := s.voice.Value(f, v, func(string) string { return "" })
			switch f.Type {
			case codebook.Ref:
				continue
			case codebook.Text, codebook.Prose:
				want = strings.Split(s.say(v), "\n")[0]
			}
			if !strings.Contains(text, want) || !strings.Contains(text, s.voice.in(f.Label)) {
				s.t.Errorf("%s: the page of %s does not show %s: %q", s.name, r.ID, f.ID, want)
			}
		}
	}
}

func (s *story) file() registry.CaseView {
	s.t.Helper()
	file, err := s.reg.Case(context.Background(), s.session, s.caseID, registry.Clock{})
	if err != nil {
		s.t.Fatal(err)
	}
	return file
}

// compare holds what the register has to what was told, field by field.
func (s *story) compare(records []storyRecord) {
	s.t.Helper()
	file := s.file()
	have := map[string]casefile.Fields{}
	for _, rec := range file.Records {
		have[rec.ID] = rec.Fields
	}
	for _, rec := range file.Outside {
		have[rec.ID] = rec.Fields
	}
	for _, r := range records {
		k, _ := s.voice.book.Kind(r.Kind)
		for i := range k.Fields {
			f := &k.Fields[i]
			want := r.values(f.ID)
			if r.ID == "victim" && f.ID == "full_name" {
				want = nil
			}
			for i, v := range want {
				switch f.Type {
				case codebook.Ref:
					want[i] = s.ids[v]
				case codebook.Text, codebook.Prose:
					want[i] = s.say(v)
				}
			}
			got := have[s.ids[r.ID]][f.ID]
			if r.Kind == "case" && f.ID != "context" || r.ID == "victim" && (f.ID == "family" || f.ID == "given") {
				continue
			}
			slices.Sort(want)
			sorted := slices.Sorted(slices.Values(got))
			if !slices.Equal(sorted, want) {
				s.t.Errorf("%s: %s.%s is %q, want %q", s.name, r.ID, f.ID, got, want)
			}
		}
	}
}

// read reads the case: its timeline, its checks, its deadlines and its stage.
func (s *story) read(told told, records []storyRecord) {
	s.t.Helper()
	s.visit("/cases/" + s.caseID)
	s.look2("case")
	whole := evaluate[string](s.tab, `(() => { for (const d of document.querySelectorAll("details")) d.open = true; return document.querySelector("main").innerText; })()`)
	flat := strings.Join(strings.Fields(whole), " ")
	has := func(what, text string) {
		s.t.Helper()
		if text == "" || !strings.Contains(flat, strings.Join(strings.Fields(text), " ")) {
			s.t.Errorf("%s: the case page does not say of %s: %q", s.name, what, text)
		}
	}
	file := s.file()
	findings, shown := map[string]string{}, 0
	for _, f := range file.Checks {
		findings[f.Rule] = f.State
		for _, m := range f.Shown {
			if text := m.Text; slices.Contains(told.shown, f.Rule+" "+text) {
				shown++
				if m.List != "" {
					text = s.voice.label(m.List, text)
				}
				has(f.Rule, s.voice.in(m.Label)+": "+text)
			}
		}
	}
	if shown != len(told.shown) {
		s.t.Errorf("%s: %d of the checks have in their hands what they should: %v", s.name, shown, told.shown)
	}
	links := evaluate[[]string](s.tab, `[...document.querySelectorAll("a[href*='/letters/']")].map(a => a.getAttribute("href"))`)
	for _, letter := range told.letters {
		at := slices.IndexFunc(links, func(href string) bool { return strings.Contains(href, "/letters/"+letter) })
		if at < 0 {
			s.t.Errorf("%s: the case page does not lead to the letter %s", s.name, letter)
			continue
		}
		defer func() {
			s.visit(links[at])
			s.look2("letter-" + letter)
		}()
	}
	for _, id := range append(slices.Clone(told.breached), told.met...) {
		rule, ok := s.reg.Rules().Rule(id)
		if !ok {
			s.t.Fatalf("there is no rule %s", id)
		}
		if findings[id] == "" {
			s.t.Errorf("%s: %s has nothing to say", s.name, id)
		}
		has(id, s.voice.in(rule.Label))
	}
	for _, id := range told.breached {
		if findings[id] != "breached" {
			s.t.Errorf("%s: %s is %s", s.name, id, findings[id])
		}
	}
	for _, id := range told.met {
		if findings[id] != "met" {
			s.t.Errorf("%s: %s is %s", s.name, id, findings[id])
		}
	}
	for _, id := range told.not {
		if findings[id] != "" {
			s.t.Errorf("%s: %s is %s, and should say nothing", s.name, id, findings[id])
		}
	}
	for _, id := range told.deadline {
		rule, _ := s.reg.Rules().Rule(id)
		has(id, s.voice.in(rule.Label))
	}
	if file.Stage.ID != told.stage {
		s.t.Errorf("%s: the stage is %s, want %s", s.name, file.Stage.ID, told.stage)
	}
	timeline := strings.Join(strings.Fields(evaluate[string](s.tab, `document.querySelector("section[aria-labelledby=timeline]").innerText`)), " ")
	for _, e := range file.Timeline {
		if kind := s.voice.kind(e.Kind); !strings.Contains(timeline, kind) {
			s.t.Errorf("%s: the timeline has no %s", s.name, kind)
		}
	}
	for _, r := range records {
		for _, rec := range file.Records {
			if rec.ID == s.ids[r.ID] && !rec.Date.IsZero() && !strings.Contains(timeline, s.voice.DateShort(rec.Date)) && !strings.Contains(timeline, s.voice.Date(rec.Date)) && r.Kind != "case" && r.Kind != "person" {
				s.t.Errorf("%s: the timeline does not have %s of %s", s.name, s.voice.Date(rec.Date), r.ID)
			}
		}
	}
}

// look2 keeps a picture and sees that the page is not wider than the window.
func (s *story) look2(name string) {
	s.t.Helper()
	s.picture(name)
	if wide := evaluate[string](s.tab, `document.documentElement.scrollWidth > document.documentElement.clientWidth ? "wider than the window" : ""`); wide != "" {
		s.t.Errorf("%s: %s: %s", s.name, name, wide)
	}
}

// figures reads what the coalition counts once all is told.
func (s *story) figures(founder *access.Session) {
	s.t.Helper()
	table, err := s.reg.Figures(context.Background(), founder, registry.FigureQuery{})
	if err != nil {
		s.t.Fatal(err)
	}
	got := map[string]int{}
	for _, v := range table.Values {
		got[v.ID] = v.Value
	}
	for id, want := range storyFigures {
		if n, ok := got[id]; !ok || n != want {
			s.t.Errorf("%s: the figure %s is %d (%v), want %d", s.name, id, n, ok, want)
		}
	}
	s.visit("/figures")
	s.look2("figures")
	s.visit("/")
	s.look2("overview")
}
