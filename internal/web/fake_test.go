// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
)

// The names of the invented register. One of them tries to break out of the page.
const (
	hostile   = `<script>alert(1)</script> "O'Hara" & <b>Co</b>`
	memberID  = "000000000000000000000000000000aa"
	orgNorth  = "0000000000000000000000000000000a"
	orgSouth  = "0000000000000000000000000000000b"
	orgApart  = "0000000000000000000000000000000c"
	caseOne   = "00000000000000000000000000000001"
	caseTwo   = "00000000000000000000000000000002"
	caseThree = "00000000000000000000000000000003"
	rightWord = "sample passphrase"
)

var errInside = errors.New("secret inside of the machine")

// fake is an invented register: the second user of the interface the pages ask.
type fake struct {
	against   bool // a former keeper says no
	alone     bool // of no coalition
	passkeys  bool // its address can have them
	ownMap    bool // it has a map of its own
	lockedAll int
	backup    registry.BackupState

	notAbreast error // what other machines have written can't be known
	book       *codebook.Book
	rules      *rules.Set
	sessions   *access.Sessions
	at         time.Time          // what time it is
	empty      bool               // a register with nothing in it
	undone     bool               // what was done at once is taken back
	orgs       []registry.Org     // instead of the usual
	fails      error              // what every question fails with
	whole      *registry.CaseView // case one, in place of the invented one
	asked      registry.Query
	review     registry.ReviewVerdict // the step that was taken, or not

	put       *registry.RecordChange // the record that was written last
	opened    *registry.NewCase
	withdrawn string
	kept      []registry.Draft

	inbox    fakeInbox
	said     fakeStatements
	match    fakeMatching
	many     bool                   // more organisations than can be estimated from
	captures []registry.CaptureView // of the publication
	stored   *registry.NewCapture   // what was stored last
	scans    bool                   // it has files with copies
	copied   []string               // copies that were asked for
	made     registry.FileCopy      // what comes of asking for a safe one
	putIn    *registry.NewFile      // what was put into a case last
	begun    *registry.NewUpload    // what was begun last
	came     []byte                 // what has come of it
	content  string                 // of it

	exportKey string // to which exports are sealed
	proved    bool   // whoever makes a bundle has just given their passphrase
	halfway   bool   // a bundle breaks off

	did     []string // what was done to an account, or about members
	access  string   // what was done about who may read a case
	broken  error    // what looking at the machine fails with
	ask     registry.Ask
	refuses error // what every change about members is refused with
}

func day(text string) edtf.Day {
	d, err := edtf.ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

func moment(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func newFake(t testing.TB) *fake {
	t.Helper()
	book, err := codebook.Load(os.DirFS("testdata/book"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Compile(book)
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{book: book, rules: set, at: moment("2022-06-24T09:00:00Z")}
	f.captures = fakeCaptures()
	f.ask = func(context.Context, string, []byte) ([]byte, error) { return nil, nil }
	f.sessions = access.NewSessions(func() time.Time { return f.at })
	return f
}

func newPages(t testing.TB, f *fake) http.Handler {
	t.Helper()
	return newPagesLogging(t, f, io.Discard)
}

// loadedWords are read once for all pages of the tests: nothing changes them.
var loadedWords = sync.OnceValues(locale.Load)

func newPagesLogging(t testing.TB, f *fake, log io.Writer) http.Handler {
	t.Helper()
	words, err := loadedWords()
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(f, words, Options{Logger: slog.New(slog.NewTextHandler(log, nil)), LockAll: func() { f.lockedAll++ }, Post: fakePost, Ask: f.ask, Reports: fakeReports, Around: f.around})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (f *fake) SignIn(_ context.Context, in registry.SignIn) (*access.Session, error) {
	name, passphrase := in.Name, in.Passphrase
	switch {
	case name == "busy":
		return nil, &access.WaitError{Wait: 42 * time.Second, Place: "a-place"}
	case name == "broken":
		return nil, errInside
	case passphrase == rightWord && name == withFactor:
		return nil, &access.StepError{Half: f.sessions.Halves.Begin(f.member(name), nil, access.GiveCode, "")}
	case passphrase == rightWord && name == mustFactor:
		return nil, &access.StepError{Half: f.sessions.Halves.Begin(f.member(name), nil, access.SetFactor, "")}
	case fakeSessions[name].ID != "" && passphrase == rightWord:
		return f.sessions.Begin(fakeSessions[name], nil), nil
	case name != "Sample Member" || passphrase != rightWord:
		return nil, access.ErrSignIn
	}
	s := f.sessions.Begin(f.member(name), nil)
	s.DeviceToken = "a-token"
	return s, nil
}

func (f *fake) Prove(_ context.Context, s *access.Session, passphrase string) error {
	switch passphrase {
	case rightWord:
		f.sessions.Prove(s)
		return nil
	case "busy":
		return access.ErrTooMany
	}
	return access.ErrSignIn
}

// The second factor of the invented register: members by these names have one, or must set one up.
const (
	withFactor   = "Sample Factor"
	mustFactor   = "Sample Must"
	fakeSecret   = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	fakeCode     = "123456"
	guessedCode  = "999999"
	fakeRecovery = "AAAA-BBBB-CCCC-DDDD"
)

func (f *fake) member(name string) access.Member {
	return access.Member{ID: memberID, Name: name, Lang: "en", Orgs: []string{orgNorth}, Roles: []access.Role{access.Coordinator}}
}

func (f *fake) HalfOpen(token string) (*access.Half, bool) {
	h, ok := f.sessions.Halves.Get(token)
	if ok && h.Secret != "" {
		h.Secret = fakeSecret
	}
	return h, ok
}

func (f *fake) SignInCode(_ context.Context, token, code string) (*access.Session, error) {
	h, ok := f.sessions.Halves.Get(token)
	switch {
	case !ok || h.Step != access.GiveCode:
		return nil, access.ErrHalfOver
	case code == guessedCode:
		return nil, &access.WaitError{Wait: 7 * time.Minute}
	case code != fakeCode && code != fakeRecovery:
		f.sessions.Halves.Fail(h)
		return nil, access.ErrFactor
	}
	f.sessions.Halves.End(token)
	return f.sessions.Begin(h.Member, nil), nil
}

func (f *fake) Factor(s *access.Session) registry.FactorView {
	on := s.Member.Name == withFactor || s.Member.Name == mustFactor
	v := registry.FactorView{On: on, Compulsory: s.Member.Name == mustFactor}
	if on {
		v.Since, v.Left = moment("2022-06-01T08:00:00Z"), 3
	}
	return v
}

func (f *fake) BeginFactor(_ context.Context, s *access.Session) error {
	if !f.sessions.Fresh(s) {
		return registry.ErrProof
	}
	f.sessions.SetOffer(s, fakeSecret)
	return nil
}

func (f *fake) ConfirmFactor(_ context.Context, s *access.Session, code string) ([]string, error) {
	switch {
	case s.Offer() == "":
		return nil, registry.ErrNoFactor
	case code != fakeCode:
		return nil, access.ErrFactor
	}
	f.sessions.SetOffer(s, "")
	return slices.Repeat([]string{fakeRecovery}, access.RecoveryCodes), nil
}

func (f *fake) ConfirmFactorHalf(_ context.Context, token, code string) ([]string, *access.Session, error) {
	h, ok := f.sessions.Halves.Get(token)
	switch {
	case !ok || h.Step != access.SetFactor:
		return nil, nil, access.ErrHalfOver
	case code != fakeCode:
		return nil, nil, access.ErrFactor
	}
	f.sessions.Halves.End(token)
	return slices.Repeat([]string{fakeRecovery}, access.RecoveryCodes), f.sessions.Begin(h.Member, nil), nil
}

func (f *fake) EndFactor(_ context.Context, s *access.Session) error {
	switch {
	case !f.sessions.Fresh(s):
		return registry.ErrProof
	case s.Member.Name == mustFactor:
		return registry.ErrFactorCompulsory
	}
	f.did = append(f.did, "factor off")
	return nil
}

func (f *fake) NameDevice(s *access.Session, device string) { f.sessions.SetDevice(s, device) }

func (f *fake) OwnSessions(*access.Session) []access.SessionView {
	return []access.SessionView{
		{ID: "0a0a0a0a0a0a0a0a", Device: "Firefox · Windows", Since: moment("2022-06-24T08:00:00Z"), Seen: moment("2022-06-24T08:59:00Z"), Here: true},
		{ID: "0b0b0b0b0b0b0b0b", Device: hostile, Since: moment("2022-06-23T21:00:00Z"), Seen: moment("2022-06-24T08:45:00Z")},
		{ID: "0c0c0c0c0c0c0c0c", Since: moment("2022-06-24T07:00:00Z"), Seen: moment("2022-06-24T07:01:00Z")},
	}
}

func (f *fake) EndSession(_ *access.Session, id string) error {
	f.did = append(f.did, "end "+id)
	if id != "0b0b0b0b0b0b0b0b" {
		return registry.ErrNotFound
	}
	return nil
}

func (f *fake) EndOthers(*access.Session) int {
	f.did = append(f.did, "end others")
	return 2
}

func (f *fake) ChangePassphrase(_ context.Context, _ *access.Session, old, next string) (string, error) {
	f.did = append(f.did, "change passphrase")
	switch {
	case old != rightWord:
		return "", access.ErrSignIn
	case next == "":
		return "eight sample words that nobody else would say", nil
	case len(next) < access.ShortestPassphrase:
		return "", &access.WeakError{Why: access.TooShort}
	case strings.Contains(next, "password"):
		return "", &access.WeakError{Why: access.TooCommon}
	}
	return "", nil
}

func (f *fake) SetLanguage(_ context.Context, _ *access.Session, id, lang string) error {
	f.did = append(f.did, "language "+lang+" of "+id)
	return nil
}

func (f *fake) Organisation(_ context.Context, id string) (registry.Org, bool) {
	for _, o := range f.organisations() {
		if o.ID == id {
			return o, true
		}
	}
	return registry.Org{}, false
}

func (f *fake) Abreast(context.Context) error { return f.notAbreast }

func (f *fake) Session(token string) (*access.Session, bool) { return f.sessions.Get(token) }
func (f *fake) SignOut(s *access.Session)                    { f.sessions.End(s.Token()) }
func (f *fake) LockOwn(s *access.Session)                    { f.sessions.EndMember(s.Member.ID) }
func (f *fake) MayLock(s *access.Session) error {
	if !access.Decide(s.Member, access.LockAll, access.Thing{}) {
		return registry.ErrNotAllowed
	}
	return nil
}
func (f *fake) LocksAll(s *access.Session) error { return f.MayLock(s) }
func (f *fake) Book() *codebook.Book             { return f.book }
func (f *fake) Rules() *rules.Set                { return f.rules }
func (f *fake) Today() edtf.Day                  { return day("2022-06-24") }

var fakeOrgs = []registry.Org{
	{ID: orgNorth, Name: "Northern Sample Centre", Counts: true, Cases: 96},
	{ID: orgSouth, Name: "Южный пример", Counts: true, Cases: 71},
	{ID: orgApart, Name: hostile, Counts: false, Cases: 3},
}

func (f *fake) organisations() []registry.Org {
	if f.orgs != nil {
		return f.orgs
	}
	return fakeOrgs
}

func (f *fake) Organisations(context.Context, *access.Session) ([]registry.Org, error) {
	if f.fails != nil || f.empty {
		return nil, f.fails
	}
	return f.organisations(), nil
}

// backupStates are what the pages warn of.
func backupStates() []registry.BackupState {
	made, proven := moment("2022-06-23T22:00:00Z"), moment("2022-05-02T22:00:00Z")
	return []registry.BackupState{
		{Why: "none"}, {Why: "old", Made: proven}, {Why: "unproven", Made: made}, {Why: "proof_old", Made: made, Proven: proven},
	}
}

func (f *fake) BackupState(_ context.Context, s *access.Session) (registry.BackupState, error) {
	if !f.May(s, access.Administer) {
		return registry.BackupState{}, registry.ErrNotAllowed
	}
	return f.backup, f.fails
}

func (f *fake) Recovery(*access.Session) (registry.RecoveryView, error) {
	return registry.RecoveryView{Need: 3, Of: 5, Made: moment("2021-03-01T10:00:00Z"), Rehearsed: moment("2021-05-20T10:00:00Z"), Shares: 4, Warning: registry.RecoveryOld}, f.fails
}

func (f *fake) Info(context.Context, *access.Session) (registry.Info, error) {
	return registry.Info{
		Counts: true,
		Cases:  170, Units: 164, Entries: 2381, Format: 1, Root: strings.Repeat("5a1c0f", 10) + "77ee", Ledger: "3f2a9c44d1b04e6fa0e2b7c81d6690aa",
		Latest: moment("2022-06-23T14:05:09Z"), Organisations: 3, Members: 4,
	}, f.fails
}

var fakeValues = []registry.FigureValue{
	{ID: "reports", Value: 164, Base: -1},
	{ID: "complaint_filed", Value: 97, Base: 164},
	{ID: "registered_146", Value: 69, Base: 164},
	{ID: "registered_146_exam_ordered", Value: 52, Base: 69},
	{ID: "closed", Value: 8, Base: 164},
	{ID: "redressed", Value: 0, Base: 164},
	{ID: "no_status_known", Value: 61, Base: 164},
}

func (f *fake) Figures(_ context.Context, _ *access.Session, q registry.FigureQuery) (registry.FigureTable, error) {
	if f.fails != nil {
		return registry.FigureTable{}, f.fails
	}
	t := registry.FigureTable{Clock: q.Clock, Scope: q.Scope, Verified: q.Verified, Entries: 2381, Root: strings.Repeat("5a1c0f", 10) + "77ee", Defs: map[string]rules.FigureDef{}}
	for _, v := range fakeValues {
		def, ok := f.rules.Figure(v.ID)
		if !ok {
			return t, fmt.Errorf("no figure %s", v.ID)
		}
		if q.Set == "" || slices.Contains(def.Sets, q.Set) {
			t.Values, t.Defs[v.ID] = append(t.Values, v), def
		}
	}
	if len(t.Values) == 0 || q.Scope != coalition && q.Scope != orgNorth && q.Scope != orgSouth && q.Scope != orgApart {
		return t, registry.ErrNotFound
	}
	return t, nil
}

func (f *fake) Overview(_ context.Context, s *access.Session, q registry.OverviewQuery) (registry.Overview, error) {
	c := q.Clock
	if !f.May(s, access.Count) {
		return registry.Overview{}, registry.ErrNotAllowed
	}
	if f.fails != nil || f.empty {
		return registry.Overview{Clock: c}, f.fails
	}
	o := registry.Overview{
		Clock: c, Verified: q.Verified, InReview: 12, Cases: 170, Units: 164, Orgs: f.organisations(), Figures: map[string]registry.FigureValue{},
		Breaches: []registry.RuleCount{{Rule: "NOT-01", Cases: 8}},
		Overdue:  []registry.RuleCount{{Rule: "closure_copy", Cases: 5}},
		Ours: []registry.DeadlineRow{
			{Case: f.rows()[0], Deadline: ourDeadline(day("2022-06-28"), day("2022-07-03"), 4)},
			{Case: f.rows()[1], Deadline: ourDeadline(day("2022-09-01"), day("2022-09-01"), 69)},
		},
		Official: []registry.OutsideRecord{
			{ID: "f1", Kind: "official_figure", Date: edtf.MustParse("2022-03-14"), Fields: casefile.Fields{"value": {"301"}, "as_of": {"2022-03-01"}, "says": {"Sample: allegations received"}, "says_ru": {"Пример: поступило обращений"}, "says_kk": {"Үлгі: түскен арыздар"}, "by": {"Sample Prosecutor"}, "by_body": {"prosecutor"}, "beside": {"reports"}}},
			{ID: "f2", Kind: "official_figure", Date: edtf.MustParse("2022-06-24"), Fields: casefile.Fields{"value": {"10000"}, "at_least": {"yes"}, "says": {"Sample: people detained"}, "source_kind": {"official"}}},
			{ID: "f3", Kind: "official_figure", Date: edtf.MustParse("2022-06-24"), Fields: casefile.Fields{"value": {"2"}, "unit": {"percent"}, "says": {hostile}, "by": {hostile}}},
		},
		Promises: []registry.OutsideRecord{
			{ID: "p1", Kind: "commitment", Date: edtf.MustParse("2022-03-03"), Fields: casefile.Fields{"says": {"Sample: a thorough investigation"}, "by": {"Sample President"}, "to": {"Sample Prosecutor"}, "status": {"open"}}},
			{ID: "p2", Kind: "commitment", Date: edtf.MustParse("2022-01-11~"), Fields: casefile.Fields{"says": {hostile}, "by": {hostile}}},
		},
		Latest: moment("2022-06-23T14:05:09Z"), Entries: 2381, Root: strings.Repeat("5a1c0f", 10) + "77ee",
	}
	for _, v := range fakeValues {
		o.Figures[v.ID] = v
	}
	return o, nil
}

func (f *fake) rows() []registry.Row {
	rows := []registry.Row{
		{
			ID: caseOne, Number: "K-0001", Org: orgNorth, OrgName: "Northern Sample Centre", ExternalID: "A-001", Cluster: caseOne, Others: 1,
			Name: "Үлгілі Әбілғазы Қиялұлы", Sex: "m", Region: "R-1", PlaceType: "vehicle", Incident: edtf.MustParse("2022-01-04/2022-01-05"), Reported: day("2022-01-12"),
			Stage: "closed", StageSince: day("2022-04-06"), Review: "in_review", Verdict: "verified", Changed: true, Breaches: 2, Overdue: 1, Updated: moment("2022-06-20T08:00:00Z"),
		},
		{
			ID: caseTwo, Number: "K-0002", Org: orgSouth, OrgName: "Южный пример", ExternalID: "Ю-17", Cluster: caseOne, Others: 1,
			Name: "Примеров Абильгазы", Sex: "m", Region: "R-1", PlaceType: "police_station", Incident: edtf.MustParse("2022-01~"), Reported: day("2022-02-02"),
			Stage: "complained", StageSince: day("2022-02-03"), Review: "verified", Verdict: "verified", Updated: moment("2022-06-20T08:00:00Z"),
		},
		{
			ID: caseThree, Number: "K-0003", Org: orgApart, OrgName: hostile, ExternalID: hostile, Cluster: "3",
			Name: hostile, Child: true, Sex: "f", Region: "R-2", Stage: "reported", StageSince: day("2022-03-01"), Review: "draft", Breaches: 1, Reported: day("2022-03-01"), Updated: moment("2022-06-20T08:00:00Z"),
		},
		{
			ID: "00000000000000000000000000000004", Number: "K-0004", Org: orgSouth, OrgName: "Южный пример", Cluster: "4",
			FactsOnly: true, Sex: "unknown", Incident: edtf.MustParse("2022-01-XX"), Stage: "registered", StageSince: day("2022-03-20"), Review: "falsely_attributed", Verdict: "falsely_attributed", Overdue: 5, Reported: day("2022-03-01"), Updated: moment("2022-06-20T08:00:00Z"),
		},
	}
	return rows
}

func (f *fake) Cases(_ context.Context, _ *access.Session, q registry.Query) (registry.Page, error) {
	f.asked = q
	if f.fails != nil || f.empty {
		return registry.Page{}, f.fails
	}
	page := registry.Page{Rows: f.rows(), Total: 170, Next: "next-cursor", Facets: []registry.Facet{
		{ID: "org", Values: []registry.FacetValue{{Code: orgNorth, Label: "Northern Sample Centre", Count: 96}, {Code: orgApart, Label: hostile, Count: 3}}},
		{ID: "stage", List: "stage", Values: []registry.FacetValue{{Code: "reported", Count: 40}, {Code: "closed", Count: 8}, {Code: "complained", Count: 28}, {Code: "registered", Count: 50}, {Code: "examined", Count: 12}, {Code: "decided", Count: 4}, {Code: "tried", Count: 1}, {Code: "redress", Count: 0}}},
		{ID: "region", List: "region", Values: []registry.FacetValue{{Code: "R-1", Count: 120}, {Code: "R-2", Count: 50}}},
		{ID: "review", List: "review_state", Values: []registry.FacetValue{{Code: "draft", Count: 150}, {Code: "in_review", Count: 12}, {Code: "verified", Count: 7}, {Code: "falsely_attributed", Count: 1}}},
		{ID: "child", List: "yesno", Values: []registry.FacetValue{{Code: "yes", Count: 13}, {Code: "no", Count: 140}}},
	}}
	for _, facet := range page.Facets {
		for i, v := range facet.Values {
			facet.Values[i].Selected = slices.Contains(q.Facets[facet.ID], v.Code)
		}
	}
	if q.Figure != "" {
		page.Hidden = 21
	}
	if q.Text == "nobody" {
		page.Rows, page.Total, page.Next, page.Facets = nil, 0, "", nil
	}
	return page, nil
}

func ourDeadline(due, arguable edtf.Day, left int) rules.Deadline {
	return rules.Deadline{
		Rule: "closure_court", Label: codebook.Label{En: "Complaint to the court", Ru: "Жалоба в суд", Kk: "Сотқа шағым"},
		Owes: rules.Us, Kind: rules.Window, State: rules.Open, Start: day("2022-06-13"), Due: due, DueArguable: arguable, Days: left, Record: "d1",
		Norm: codebook.Label{En: "CPC 106(5)", Ru: "УПК 106(5)", Kk: "ҚПК 106(5)"}, Conf: "R",
		Next: codebook.Label{En: "File it with a request for the case file.", Ru: "Подать вместе с запросом материалов.", Kk: "Іс материалдарын сұратумен бірге беру."},
	}
}

// entries are the invented records of case one.
func entries() []casefile.Entry {
	at := moment("2022-05-02T10:30:00Z")
	put := func(id, kind, when string, fields casefile.Fields) casefile.Entry {
		written := at
		if when != "" {
			written = moment(when)
		}
		return casefile.Entry{At: written, Record: id, Kind: kind, Op: casefile.Put, Fields: fields, Author: memberID}
	}
	all := []casefile.Entry{
		put(caseOne, "case", "", casefile.Fields{"org": {orgNorth}, "number": {"K-0001"}, "opened": {"2022-01-12"}}),
		put("p1", "person", "", casefile.Fields{"full_name": {"Үлгілі Әбілғазы Қиялұлы"}, "sex": {"m"}, "birth": {"1988"}, "child": {"no"}}),
		put("r1", "report", "", casefile.Fields{"received": {"2022-01-12"}, "region": {"R-1"}, "summary": {"Invented for the tests.\nSecond line: " + hostile}}),
		put("t1", "detention", "", casefile.Fields{"date": {"2022-01-04/2022-01-05"}, "released": {"2022-01-05"}, "place_type": {"vehicle"}, "reason_given": {"no"}}),
		put("a1", "act", "", casefile.Fields{"date": {"2022-01-04/2022-01-05"}, "methods": {"beating", "threats"}, "words": {"“Invented words”"}}),
		put("c1", "complaint", "", casefile.Fields{"filed": {"yes"}, "date": {"2022-01-20"}, "to_body": {"prosecutor"}}),
		put("g1", "registration", "", casefile.Fields{"status": {"erdr"}, "date": {"2022-01-28"}, "article": {"146"}}),
		put("e1", "examination", "", casefile.Fields{"kind": {"psychological"}, "ordered": {"2022-03-15"}, "held": {"2022-03-XX"}, "minutes": {"15"}}),
		put("e2", "examination", "", casefile.Fields{"kind": {"forensic"}, "held": {"2022-06~"}}),
		put("d1", "decision", "", casefile.Fields{"kind": {"closed"}, "date": {"2022-04-06"}}),
		put("d1", "decision", "2022-05-20T09:00:00Z", casefile.Fields{"kind": {"closed"}, "date": {"2022-04-06"}, "ground": {"no_event"}, "reasons_given": {"no"}}),
		put("n1", "notice", "", casefile.Fields{"of": {"d1"}, "date": {"2022-04-06"}, "channel": {"sms"}, "copy_given": {"no"}}),
		put("i1", "import_row", "", casefile.Fields{"row": {"2"}, "columns": {"No", "Name <b>"}, "cells": {"A-001", hostile, "more"}}),
		put("n2", "notice", "", casefile.Fields{"of": {"feedfeedfeedfeed"}, "channel": {"unknown"}}),
	}
	all[10].Reason = "The lawyer has read the decision"
	all[2].IdentityMissing = false
	for i := range all {
		all[i].Pos = uint64(i + 1)
		all[i].Source = "A-001, invented"
	}
	return all
}

// fakeReviews are reviews by where they stand.
var fakeReviews = map[string]registry.ReviewView{
	"draft": {State: "draft", MayAsk: true, Seen: 9},
	"verified": {State: "verified", Verdict: "verified", Seen: 9, Since: moment("2022-06-02T08:15:00Z"), MayAsk: true, Steps: []registry.ReviewStepView{
		{Step: "ask", At: moment("2022-06-01T09:00:00Z"), Closed: true}, {Step: "verified", At: moment("2022-06-02T08:15:00Z"), Closed: true},
	}},
	"falsely_attributed": {State: "falsely_attributed", Verdict: "falsely_attributed", Seen: 9, Since: moment("2022-06-02T08:15:00Z"), Steps: []registry.ReviewStepView{
		{Step: "ask", At: moment("2022-06-01T09:00:00Z"), By: "Sample Writer"},
		{Step: "falsely_attributed", At: moment("2022-06-02T08:15:00Z"), By: hostile, Comment: "Invented for the tests.\n" + hostile},
	}},
	"in_review": {State: "in_review", Verdict: "verified", Seen: 14, Since: moment("2022-06-20T08:00:00Z"), MayReview: true, MayTakeBack: true, Steps: []registry.ReviewStepView{
		{Step: "ask", At: moment("2022-05-03T09:00:00Z"), By: "Sample Writer"},
		{Step: "verified", At: moment("2022-05-10T16:40:00Z"), By: "Тексеруші Үлгі", Comment: "Invented: the documents were read, the dates agree."},
		{Step: "ask", At: moment("2022-06-20T08:00:00Z"), By: "Sample Writer", Comment: "The decision came"},
	}, Changed: []registry.ChangedView{
		{Record: "d1", Kind: "decision", At: moment("2022-05-20T09:00:00Z")},
		{Record: "n2", Kind: "notice", At: moment("2022-06-01T10:00:00Z"), New: true},
		{Record: "x9", Kind: "act", At: moment("2022-06-01T10:05:00Z"), Gone: true},
	}},
}

func (f *fake) AskReview(_ context.Context, _ *access.Session, id, _ string) error {
	f.review = registry.ReviewVerdict{Verdict: "ask"}
	if id == caseOne {
		return registry.ErrInReview
	}
	return f.fails
}

func (f *fake) TakeBackReview(context.Context, *access.Session, string, string) error {
	f.review = registry.ReviewVerdict{Verdict: "take_back"}
	return f.fails
}

func (f *fake) Review(_ context.Context, _ *access.Session, id string, v registry.ReviewVerdict) error {
	f.review = v
	switch {
	case f.fails != nil:
		return f.fails
	case id != caseOne:
		return registry.ErrNotInReview
	case !casefile.IsVerdict(v.Verdict):
		return registry.ErrVerdict
	case strings.TrimSpace(v.Comment) == "":
		return registry.ErrComment
	case v.Seen < 14:
		return &registry.ChangedError{Changed: fakeReviews["in_review"].Changed[:1]}
	}
	return nil
}

func (f *fake) Case(_ context.Context, _ *access.Session, id string, c registry.Clock) (registry.CaseView, error) {
	if f.fails != nil {
		return registry.CaseView{}, f.fails
	}
	if view, ok := f.examCase(id, c); ok {
		return view, nil
	}
	if id == caseThings {
		return f.thingsCase(c), nil
	}
	rows := f.rows()
	for _, row := range rows[1:] { // cases with almost nothing in them
		if row.ID == id {
			bare := registry.CaseView{Row: row, Clock: c, Stage: casefile.Stage{ID: row.Stage}, Review: fakeReviews[row.Review]}
			if row.ID == caseThree { // a restricted one
				bare.Restricted, bare.MayGrant, bare.Grants = true, true, fakeGrants
			}
			return bare, nil
		}
	}
	if id != caseOne {
		return registry.CaseView{}, registry.ErrNotFound
	}
	if f.whole != nil {
		view := *f.whole
		view.Clock = c
		return view, nil
	}
	file := casefile.Fold(f.book, caseOne, entries())
	not, _ := f.rules.Rule("NOT-01")
	late, _ := f.rules.Rule("closure_copy")
	finding := rules.Finding{
		Rule: "NOT-01", Label: not.Label, Help: not.Help, State: rules.Breached, Severity: rules.Breach,
		Records: []string{"n1", "d1"}, Since: day("2022-04-06"), Norm: not.Source, Conf: "R", Next: not.Next,
	}
	unsure, met := finding, finding
	unsure.State, unsure.Conf, unsure.Severity, unsure.Unchecked = rules.CannotTell, "U", rules.Warning, true
	unsure.Label = codebook.Label{En: "Examined within the term", Ru: "Экспертиза проведена в срок", Kk: "Сараптама мерзімінде жүргізілді"}
	met.State, met.Severity, met.Ours = rules.Met, rules.Info, true
	met.Label = codebook.Label{En: "The risk was assessed", Ru: "Риск оценён", Kk: "Қауіп бағаланды"}
	overdue := rules.Deadline{
		Rule: "closure_copy", Label: late.Label, Owes: rules.Them, Kind: rules.Due, State: rules.Overdue, Start: day("2022-04-06"),
		Due: day("2022-04-09"), DueArguable: day("2022-04-11"), Days: -76, Record: "d1", Norm: late.Source, Conf: "U", Unchecked: true,
	}
	never := overdue
	never.State, never.DueArguable = rules.CannotTell, edtf.MaxDay
	kept := overdue
	kept.State, kept.Done, kept.Days = rules.Kept, day("2022-04-08"), 1
	opens := ourDeadline(day("2022-07-01"), edtf.MaxDay, 7)
	opens.Kind, opens.State = rules.Opens, rules.Running
	return registry.CaseView{
		Counted: true, MayWrite: true, MayComment: true, MayGrant: true, MayErase: true, Grants: fakeGrants[:2],
		Readers: []registry.Reader{
			{Name: "Данияр", Opened: 3, Named: 1, Last: time.Date(2022, 6, 24, 9, 5, 0, 0, time.UTC)},
			{Name: hostile, Refused: 2, Last: time.Date(2022, 6, 23, 9, 5, 0, 0, time.UTC)},
		},
		Row: rows[0], Clock: c, Review: fakeReviews["in_review"], Same: rows[1:2], Stage: file.Stage(c.AsOf), Records: file.Records(), Timeline: file.Timeline(),
		Checks:    []rules.Finding{met, finding, unsure},
		Deadlines: []rules.Deadline{kept, overdue, never, ourDeadline(day("2022-06-28"), day("2022-07-03"), 4), opens},
	}, nil
}

var fakeAlarms = []registry.Alarm{
	{ID: "bulk-m2-20220623", Kind: registry.AlarmBulk, Member: "m2", Name: "Данияр", Day: day("2022-06-23"), At: time.Date(2022, 6, 23, 18, 40, 0, 0, time.UTC), Opened: 64, Named: 130, Usual: 7},
	{ID: "device-m3-20220622", Kind: registry.AlarmDevice, Member: "m3", Name: "Sholpan", Day: day("2022-06-22"), At: time.Date(2022, 6, 22, 21, 10, 0, 0, time.UTC), Device: "0011223344556677"},
	{ID: "failures-0-20220621", Kind: registry.AlarmFailures, Day: day("2022-06-21"), At: time.Date(2022, 6, 21, 4, 0, 0, 0, time.UTC), N: 312},
	{ID: "refusals-m2-20220620", Kind: registry.AlarmRefusals, Member: "m2", Name: "Данияр", Day: day("2022-06-20"), At: time.Date(2022, 6, 20, 9, 0, 0, 0, time.UTC), N: 14,
		Seen: true, SeenBy: "Sholpan", SeenAt: time.Date(2022, 6, 20, 12, 0, 0, 0, time.UTC), Note: hostile},
}

func (f *fake) Audit(_ context.Context, _ *access.Session, q registry.AuditQuery) (registry.AuditPage, error) {
	if f.fails != nil {
		return registry.AuditPage{}, f.fails
	}
	page := registry.AuditPage{All: q.Member != registry.Me, Names: []string{"Данияр", "Sholpan", hostile}}
	if f.empty || q.Act == "erase" {
		return page, nil
	}
	at := func(hour int) time.Time { return time.Date(2022, 6, 24, hour, 5, 0, 0, time.UTC) }
	page.Next = "1-2"
	page.Lines = []registry.AuditLine{
		{At: at(9), Member: "m2", Name: "Данияр", Act: "read", What: "case", N: 1, Cases: []registry.CaseRef{{ID: caseOne, Number: "K-1000001"}}},
		{At: at(8), Member: "m2", Name: "Данияр", Act: "list", What: "search", N: 48, Cases: []registry.CaseRef{{ID: caseOne, Number: "K-1000001"}, {ID: caseTwo, Number: "K-1000002"}}},
		{At: at(7), Act: "sign_in_failed", What: "page", N: 100, Refused: true},
		{At: at(6), Name: "Sholpan", Member: "m3", Act: "refused", What: "grants", N: 1, Refused: true},
		{At: at(5), Name: "Sholpan", Member: "m3", Act: "grant", About: hostile, N: 1, Cases: []registry.CaseRef{{ID: caseTwo, Number: "K-1000002"}}},
		{At: at(4), Program: true, Member: "n", Act: "lock", N: 1},
		{At: at(3), Name: "Sholpan", Member: "m3", Act: "alarm_seen", N: 1, Note: hostile},
		{At: at(2), Name: "Sholpan", Member: "m3", Act: "export", What: "figures", N: 41},
		{At: at(1), Name: "Sholpan", Member: "m3", Act: "sign_in", What: "page", N: 1, Device: "0011223344556677"},
	}
	return page, nil
}

func (f *fake) Alarms(context.Context, *access.Session) ([]registry.Alarm, error) {
	if f.empty {
		return nil, nil
	}
	return fakeAlarms, nil
}

func (f *fake) SeeAlarm(_ context.Context, _ *access.Session, id, note string) error {
	if note == "" {
		return registry.ErrNote
	}
	f.did = append(f.did, "saw alarm "+id)
	return nil
}

// question is what a fake register with passkeys asks.
var question = registry.PasskeyQuestion{Origin: "https://kua.example", Options: `{"challenge":"AAAA","rpId":"kua.example","extensions":{"prf":{"eval":{"first":"AAAA"}}}}`}

func (f *fake) AskToOpen() (registry.PasskeyQuestion, error) {
	if !f.passkeys {
		return registry.PasskeyQuestion{}, registry.ErrNoPasskeys
	}
	return question, nil
}

func (f *fake) AskToMake(*access.Session) (registry.PasskeyQuestion, error) { return f.AskToOpen() }

func (f *fake) Passkeys(*access.Session) []registry.PasskeyView {
	if !f.passkeys {
		return nil
	}
	return []registry.PasskeyView{
		{ID: "a1", Name: "Sample stick", Opens: true, Since: moment("2022-05-02T08:00:00Z")},
		{ID: "a2", Name: hostile, Synced: true, Since: moment("2022-06-01T08:00:00Z")},
	}
}

func (f *fake) AddPasskey(_ context.Context, s *access.Session, n registry.NewPasskey) error {
	switch {
	case len(n.Secret) == 0 && !f.Factor(s).On:
		return registry.ErrPasskeyGives
	case n.Passphrase != rightWord:
		return access.ErrSignIn
	}
	return f.fails
}

func (f *fake) RenamePasskey(_ context.Context, _ *access.Session, id, name string) error {
	switch {
	case name == "":
		return registry.ErrPasskeyName
	case id != "a1":
		return registry.ErrNotFound
	}
	f.did = append(f.did, "renamed a passkey")
	return f.fails
}

func (f *fake) AskToStep(string) (registry.PasskeyQuestion, error) {
	if !f.passkeys {
		return registry.PasskeyQuestion{}, registry.ErrNoPasskeys
	}
	return registry.PasskeyQuestion{Origin: question.Origin, Options: `{"challenge":"AAAA","rpId":"kua.example","allowCredentials":[]}`}, nil
}

// SignInPasskeyStep takes the answer "right" and no other.
func (f *fake) SignInPasskeyStep(_ context.Context, token string, answer []byte) (*access.Session, error) {
	h, ok := f.sessions.Halves.Get(token)
	switch {
	case !f.passkeys:
		return nil, registry.ErrNoPasskeys
	case !ok || h.Step != access.GiveCode:
		return nil, access.ErrHalfOver
	case string(answer) == "copied":
		return nil, registry.ErrPasskeyCopied
	case string(answer) != "right":
		f.sessions.Halves.Fail(h)
		return nil, registry.ErrPasskey
	}
	f.sessions.Halves.End(token)
	return f.sessions.Begin(h.Member, nil), nil
}

func (f *fake) RemovePasskey(context.Context, *access.Session, string) error {
	if f.fails == nil {
		return registry.ErrProof
	}
	return f.fails
}

func (f *fake) SignInByPasskey(context.Context, registry.PasskeyAnswer) (*access.Session, error) {
	if !f.passkeys {
		return nil, registry.ErrNoPasskeys
	}
	return nil, registry.ErrPasskeyCopied
}
