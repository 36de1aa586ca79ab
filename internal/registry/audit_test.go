// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// withoutLine are the exported methods that write no line of the audit, each
// with the reason why.
var withoutLine = map[string]string{
	"Letters": "as the codebook",
	"Book":    "the same for everybody", "Rules": "the same for everybody", "RuleLabel": "the same for everybody", "Today": "the day",
	"CountsAll":     "the pages ask it to know whether to show a link",
	"Close":         "what is owed is written, and nothing else is done",
	"EndAll":        "its line is written when the register is closed",
	"LocksAll":      "as EndAll",
	"MayLock":       "the pages ask it to know whether to show a button",
	"Allied":        "as MayLock: whether there are other nodes",
	"MayEncode":     "as MayLock",
	"MayExport":     "as MayLock",
	"MayStamp":      "as MayLock",
	"Idle":          "a time",
	"Session":       "finds a session that was written down when it began",
	"Organisation":  "the name of an organisation, which every member knows",
	"Organisations": "names of organisations, and no id to be tried", "CountedOrganisations": "as Organisations, with numbers",
	"Info":          "numbers, and no id to be tried",
	"Stats":         "numbers, and no id to be tried",
	"CoalitionSaid": "numbers, and no id to be tried",
	"Invitation":    "the code decides, of 130 bits; whose it is, it says itself",
	"NewPassphrase": "chance, which nothing keeps",
	"May":           "the pages ask it to know which links to show",
	"LooksAfter":    "as May",
	"HasDue":        "as May",
	"InboxCount":    "numbers, and no id to be tried",
	"OpensInbox":    "as May", "IntakePublic": "public halves of keys, which the public form shows",
	"MayBulk":   "as May",
	"Extent":    "as Info",
	"FigureSet": "as Rules", "StatementFacets": "as Rules",
	"Givable":      "as May",
	"Accept":       "its entry, the member's record, is in the audit",
	"ErasureFinal": "a day", "LastProvenBackup": "a day", "LastBackup": "a day", "BackupState": "days; no id to be tried",
	"Warm":  "answers nothing",
	"Carry": "as Tend", "KeepCarrying": "as Tend", "KeepExchanging": "as Tend", "KeepAbreast": "as Tend",
	"Abreast": "takes over what other machines have written, and answers nothing",
	"Tend":    "the clock asks for it, and nobody", "PublicSite": "as Tend; it was published", "PublicStamp": "as Tend",
	"Forgetting":  "how it stands with keys that open nothing by themselves; no id to be tried",
	"Condition":   "numbers, and no id to be tried",
	"Recovery":    "how it stands with recovery; no id to be tried",
	"NameDevice":  "what a browser calls itself is kept for its member alone",
	"OwnSessions": "a member's own",
	"AskToOpen":   "a question that says nothing",
	"AskToMake":   "a member's own",
	"AskToStep":   "those of a member whose passphrase was given; what becomes of it is written down",
	"Passkeys":    "a member's own",
	"Factor":      "a member's own",
	"Known":       "what all share; who is in a case is not in it",
	"KnownRecord": "as Known",
	"DropDraft":   "a member's own",
	"Changes":     "ids of what the member may see, and nothing of it",
	"Once":        "what is done writes its own",
	"AwaitChange": "as Changes",
	"Webhooks":    "as APIKeys", "WebhookHosts": "hosts; no case and nobody is named", "TellWebhooks": "as Remind", "KeepTelling": "as Remind",
	"APIKeys":   "a member's own; to an administrator whose programs there are",
	"Feed":      "a member's own",
	"FeedOf":    "the secret decides; no case and nobody is named, and a program asks many times a day",
	"Reminders": "a member's own",
	"Query":     "a digest and chance; no id to be tried",
	"Remind":    "the clock asks for it, and nobody",
	"HalfOpen":  "finds a sign-in whose passphrase was right; what becomes of it is written down",
}

// showsIdentity are the exported methods that can show who somebody is.
var showsIdentity = []string{"Archive", "BulkDone", "Bundle", "Case", "CaseOfSubmission", "Cases", "CommonCases", "Custody", "Due", "EncodeCases", "Export", "FetchExport", "FileCopies", "Files", "Forms", "HandedCases", "MakeCopy", "Match", "Matches", "OfferEncoding", "OpenCopy", "OpenFile", "Overview", "PlanBulk", "PlanBundle", "Propose", "ReadText", "Redact", "StateRecord", "Tasks"}

// TestEveryDoorIsAudited holds that every exported method of the registry
// writes to the audit what must stand there, or says why nothing does. It reads
// the sources, as TestEveryDoorAsks does.
func TestEveryDoorIsAudited(t *testing.T) {
	calls, doors := readDoors(t)
	reaches := func(name, target string) bool {
		seen := map[string]bool{}
		var reach func(string) bool
		reach = func(name string) bool {
			if name == target {
				return true
			}
			if seen[name] {
				return false
			}
			seen[name] = true
			return slices.ContainsFunc(slices.Collect(maps.Keys(calls[name])), reach)
		}
		return reach("Registry." + name)
	}
	for name := range doors {
		reason, without := withoutLine[name]
		switch audited := reaches(name, "Registry.audit"); {
		case without && reason == "":
			t.Errorf("Registry.%s: say why it writes no line", name)
		case !without && !audited:
			t.Errorf("Registry.%s writes no line of the audit: let it, by readsIdentity or refusal, or say in withoutLine why not", name)
		}
		if shows := slices.Contains(showsIdentity, name); shows != reaches(name, "Registry.readsIdentity") {
			t.Errorf("Registry.%s: who is in a case is shown: %v, and written down: %v", name, shows, !shows)
		}
	}
	for name := range withoutLine {
		if _, there := doors[name]; !there {
			t.Errorf("there is no Registry.%s: take it off the list", name)
		}
	}
}

// lines are the lines of the audit, the oldest first, that were written after a number of them.
func (g *register) lines(after int) []index.AuditLine {
	g.t.Helper()
	lines, err := g.index.AuditBetween(context.Background(), time.Time{}, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		g.t.Fatal(err)
	}
	return lines[after:]
}

func acts(lines []index.AuditLine) string {
	var out []string
	for _, l := range lines {
		out = append(out, fmt.Sprintf("%s/%s/%d", l.Act, l.What, len(l.Cases)))
	}
	return strings.Join(out, " ")
}

func TestIdentityIsReadInWriting(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	n := len(g.lines(0))
	look := func(want string, do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if got := acts(g.lines(n)); got != want {
			t.Errorf("the audit says %q, not %q", got, want)
		}
		n = len(g.lines(0))
	}
	openCase := func() error { _, err := g.Case(ctx, g.session, g.cases[0], Clock{}); return err }
	list := func() error { _, err := g.Cases(ctx, g.session, Query{}); return err }
	g.clock.t = g.clock.t.Add(time.Hour)
	look("list/case_list/6", list)
	look("", list)                // the same within some minutes
	look("read/case/1", openCase) // more than a name in a list
	look("", openCase)            // again
	g.clock.t = g.clock.t.Add(readAgain)
	look("read/case/1", openCase)
	look("list/search/5", func() error { // a case just opened is not written again
		_, err := g.Cases(ctx, g.session, Query{Text: "K"})
		if err == nil {
			_, err = g.Cases(ctx, g.session, Query{})
		}
		return err
	})
	look("", func() error { _, err := g.Figures(ctx, g.session, FigureQuery{}); return err })
	look("export/figures/0", func() error { return g.TakesOut(ctx, g.session, "figures", 41) })
	look("refused/case/0", func() error {
		if _, err := g.Case(ctx, g.session, ledger.NewID().String(), Clock{}); !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("a case that is not there: %w", err)
		}
		return nil
	})
	g.session = g.sessions.Begin(g.session.Member, g.session.Keys) // the old one is over
	look("grant//1 revoke//1", func() error {
		v, err := g.Grant(ctx, g.session, g.cases[0], NewGrant{To: "South", Part: access.Identity})
		if err != nil {
			return err
		}
		return g.Revoke(ctx, g.session, g.cases[0], v.ID, "done")
	})
	look("restrict//1 grant//1", func() error { return g.Restrict(ctx, g.session, g.cases[1], true) })
	look("erase//1", func() error {
		return g.Erase(ctx, g.session, g.cases[2], Erasure{Why: "wish", Reason: "asked for"})
	})
	g.SignOut(g.session)
	look("sign_out/page/0", func() error { return nil })
}

// TestAnalystReadsWithoutALine holds that facts alone are no reading of identity.
func TestAnalystReadsWithoutALine(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	facts := *g.session
	facts.Member.Roles = []access.Role{access.Analyst}
	n := len(g.lines(0))
	if _, err := g.Cases(ctx, &facts, Query{}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Case(ctx, &facts, g.cases[0], Clock{}); err != nil {
		t.Fatal(err)
	}
	if got := acts(g.lines(n)); got != "" {
		t.Errorf("the audit says %q", got)
	}
}

// TestReadingChangesNoFigure holds that lines of the audit are no part of what
// is counted, known or latest, and that a state once quoted stays quotable.
func TestReadingChangesNoFigure(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	before, err := g.Figures(ctx, g.session, FigureQuery{})
	if err != nil {
		t.Fatal(err)
	}
	info, err := g.Info(ctx, g.session)
	if err != nil {
		t.Fatal(err)
	}
	words, size := g.figures(), g.log.Head().Size
	g.clock.t = g.clock.t.Add(time.Hour)
	for _, id := range g.cases {
		if _, err := g.Case(ctx, g.session, id, Clock{}); err != nil {
			t.Fatal(err)
		}
	}
	if g.log.Head().Size != size+6 {
		t.Fatalf("%d entries after 6 cases were read, before %d", g.log.Head().Size, size)
	}
	for range 2 {
		after, err := g.Figures(ctx, g.session, FigureQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if after.Entries != before.Entries || after.Root != before.Root {
			t.Errorf("figures are of %d entries %s, before of %d %s", after.Entries, after.Root, before.Entries, before.Root)
		}
		now, err := g.Info(ctx, g.session)
		if err != nil {
			t.Fatal(err)
		}
		if now != info {
			t.Errorf("the register is %+v, was %+v", now, info)
		}
		if g.figures() != words {
			t.Error("the figures changed")
		}
		g.reopen()
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem != "" {
		t.Fatal(v.Problem, err)
	}
	root, err := g.log.RootAt(ctx, before.Entries)
	if err != nil || root.String() != before.Root {
		t.Errorf("the root quoted is not that of the ledger: %v", err)
	}
}

// TestAuditNamesNobody opens every line and looks for what was planted in the
// cases, in what was searched for, and in what was typed at the sign-in.
func TestAuditNamesNobodyRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	for _, text := range append(slices.Clone(planted), "Омаров") {
		if _, err := g.Cases(ctx, g.session, Query{Text: text}); err != nil {
			t.Fatal(err)
		}
		_, _ = g.Case(ctx, g.session, text, Clock{})
		if _, err := g.SignIn(ctx, text, text); !errors.Is(err, access.ErrSignIn) {
			t.Fatal(err)
		}
	}
	for _, id := range g.cases {
		if _, err := g.Case(ctx, g.session, id, Clock{}); err != nil {
			t.Fatal(err)
		}
	}
	authors, err := g.authors()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = g.log.ScanOpen(ctx, 0, g.log.Head().Size, ledger.Opener{Keys: g.keyring.Keys, Author: authors}, func(e ledger.Entry, c ledger.Content, err error) error {
		if err != nil || c.Kind != kindAudit {
			return err
		}
		n++
		text, err := json.Marshal(c)
		for _, word := range append(slices.Clone(planted), "Омаров") {
			if strings.Contains(strings.ToLower(string(text)), strings.ToLower(word)) {
				t.Errorf("a line of the audit holds %q: %s", word, text)
			}
		}
		return err
	})
	if err != nil || n < 20 {
		t.Fatal(n, err)
	}
}

// TestUnauditedIsNotShownRegression holds that where nothing can be written
// down, no name is shown, and what names nobody still is.
func TestUnauditedIsNotShownRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	g.clock.t = g.clock.t.Add(time.Hour)
	if err := g.log.Close(); err != nil { // as a disk that takes nothing
		t.Fatal(err)
	}
	if v, err := g.Case(ctx, g.session, g.cases[0], Clock{}); !errors.Is(err, ErrUnaudited) || v.Records != nil || v.Row.Name != "" {
		t.Errorf("a case was shown unaudited: %v %v", v.Row, err)
	}
	if p, err := g.Cases(ctx, g.session, Query{}); !errors.Is(err, ErrUnaudited) || len(p.Rows) > 0 {
		t.Errorf("a list was shown unaudited: %v", err)
	}
	if o, err := g.Propose(ctx, g.session); err != nil && !errors.Is(err, ErrUnaudited) || len(o.Proposals) > 0 {
		t.Errorf("proposals were shown unaudited: %v", err)
	}
	facts := *g.session
	facts.Member.Roles = []access.Role{access.Analyst}
	if p, err := g.Cases(ctx, &facts, Query{}); err != nil || len(p.Rows) != 6 {
		t.Errorf("facts need no line and were not shown: %v", err)
	}
}

// TestOwedLinesAreWrittenLater holds that a sign-in on a full disk is let happen and written down when it can be.
func TestOwedLinesAreWrittenLater(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	n := len(g.lines(0))
	g.faulty.Store(true)
	if _, err := g.SignIn(ctx, "aigerim", testPassphrase); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Case(ctx, g.session, g.cases[0], Clock{}); !errors.Is(err, ErrUnaudited) {
		t.Fatal(err)
	}
	g.faulty.Store(false)
	if _, err := g.Case(ctx, g.session, g.cases[0], Clock{}); err != nil {
		t.Fatal(err)
	}
	if got := acts(g.lines(n)); got != "sign_in/page/0 read/case/1" {
		t.Errorf("the audit says %q", got)
	}
}

// TestFailuresInCrowds holds that failed sign-ins can't fill the disk, and that
// none of them is lost from the count.
func TestFailuresInCrowds(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	n := len(g.lines(0))
	tried := 0
	for range 3 {
		for range singleLines + 2*crowdOf + 7 {
			if _, err := g.SignIn(ctx, "aigerim", "not it"); !errors.Is(err, access.ErrSignIn) {
				t.Fatal(err)
			}
			tried++
		}
		g.clock.t = g.clock.t.Add(time.Hour)
	}
	lines, sum := g.lines(n), 0
	for _, l := range lines {
		if l.Act != actSignInFailed || l.Member != g.session.Member.ID {
			t.Fatalf("%+v", l)
		}
		sum += l.N
	}
	if len(lines) > 3*(singleLines+2) || tried-sum > crowdOf {
		t.Errorf("%d failures are %d lines that stand for %d", tried, len(lines), sum)
	}
}

// TestNodeSignsNothingElseRegression holds that an entry the node signed counts
// only where it is a line of the audit: its key grants nobody anything.
func TestNodeSignsNothingElseRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	asNode := &access.Session{Member: g.session.Member, Keys: &access.Keys{Identity: g.node, Vaults: g.session.Keys.Vaults}}
	put := grantPut(holder{id: ledger.NewID().String()}, NewGrant{Part: access.Identity})
	g.writing.Lock()
	err := g.write(ctx, asNode, []act{{stream: g.cases[0], puts: []Put{put}}})
	g.writing.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(g.dir, rightsFile)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, testOptions(g.clock)); !errors.Is(err, ledger.ErrAuthor) {
		t.Errorf("a grant signed by the node is taken: %v", err)
	}
}

func TestSpool(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	n := len(g.lines(0))
	options := testOptions(g.clock)
	options.ReadOnly = true
	beside, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := beside.Case(ctx, s, g.cases[0], Clock{}); err != nil {
		t.Fatal(err)
	}
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(g.dir, spoolDir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if len(files()) != 1 {
		t.Fatalf("the spool holds %v", files())
	}
	kept, err := os.ReadFile(files()[0])
	if err != nil {
		t.Fatal(err)
	}
	name := files()[0]
	if err := beside.Close(); err != nil {
		t.Fatal(err)
	}
	// The process that has the ledger takes them in with its next line.
	if err := g.TakesOut(ctx, g.session, "figures", 1); err != nil {
		t.Fatal(err)
	}
	if got := acts(g.lines(n)); got != "sign_in/command/0 read/case/1 export/figures/1" && got != "sign_in/command/0 read/case/1 export/figures/0" {
		t.Errorf("the audit says %q", got)
	}
	if len(files()) != 0 {
		t.Errorf("the spool still holds %v", files())
	}
	// Killed before it took the file away: not twice.
	if err := os.WriteFile(name, kept, 0o600); err != nil {
		t.Fatal(err)
	}
	size := g.log.Head().Size
	g.reopen()
	if err := g.TakesOut(ctx, g.session, "figures", 1); err != nil {
		t.Fatal(err)
	}
	if got := g.log.Head().Size; got != size+2 || len(files()) != 0 { // the sign-in and what was taken out
		t.Errorf("%d entries, before %d; the spool holds %v", got, size, files())
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem != "" {
		t.Error(v.Problem, err)
	}
}

// TestSpoolTakesOnlyLinesRegression holds that nobody who can lay a file into
// the spool writes anything by it but lines of the audit that they signed.
func TestSpoolTakesOnlyLinesRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	if err := os.MkdirAll(filepath.Join(g.dir, spoolDir), 0o700); err != nil {
		t.Fatal(err)
	}
	stranger, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	grant := ledger.Content{Kind: "grant", Record: ledger.NewID(), Op: ledger.Put, At: g.clock.t, Fact: map[string][]string{"part": {"identity"}, "member": {g.session.Member.ID}}}
	read := ledger.Content{Kind: kindAudit, Record: ledger.NewID(), Op: ledger.Put, At: g.clock.t, Fact: map[string][]string{"act": {"read"}}}
	make1 := func(by *seal.Identity, c ledger.Content, stream ledger.ID) []byte {
		keys := seal.NewCaseKeys()
		e, err := ledger.Seal(g.log.ID(), by, ledger.Draft{Stream: stream, Version: 1, Keys: keys, Content: c})
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := ledger.WrapCaseKeys(g.vault, stream, keys)
		if err != nil {
			t.Fatal(err)
		}
		out := spooled{Format: spoolFormat, Entries: [][]byte{e.Sealed}}
		for _, w := range wrapped {
			out.Keys = append(out.Keys, spooledKey{w.Part, w.Epoch, w.Wrapped})
		}
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	theCase, err := ledger.ParseID(g.cases[0])
	if err != nil {
		t.Fatal(err)
	}
	size := g.log.Head().Size
	for name, text := range map[string][]byte{
		"a grant":                  make1(g.session.Keys.Identity, grant, ledger.NewID()),
		"a stranger's line":        make1(stranger, read, ledger.NewID()),
		"a line in a case":         make1(g.session.Keys.Identity, read, theCase),
		"nothing":                  {},
		"something else":           []byte(`{"format":"kua audit lines 1","entries":["AAAA"],"keys":[]}`),
		"a line with foreign keys": []byte(strings.Replace(string(make1(g.session.Keys.Identity, read, ledger.NewID())), `"epoch":1`, `"epoch":2`, 1)),
	} {
		file := filepath.Join(g.dir, spoolDir, ledger.NewID().String()+spoolEnding)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		g.auditor.writing.Lock()
		g.takeSpool(ctx)
		g.auditor.writing.Unlock()
		if now := g.log.Head().Size; now != size {
			t.Errorf("%s was taken in", name)
			size = now
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s stays in the spool", name)
		}
	}
}

// TestReadersDoNotWaitForAnImport reads while an import writes, and holds that
// all lines are there afterwards and the index says what the ledger says.
func TestReadersBesideAnImport(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	org, ok := g.Organisation(ctx, "North")
	if !ok {
		t.Fatal("no organisation")
	}
	n := len(g.lines(0))
	var cases []CaseImport
	for i := range 300 {
		cases = append(cases, CaseImport{Key: fmt.Sprintf("M-%d", i), Records: func(id string) []Put {
			return []Put{{Record: id, Kind: "case", Fields: casefile.Fields{}}, {Record: ledger.NewID().String(), Kind: "report", Fields: casefile.Fields{"received": {"2022-01-12"}}}}
		}})
	}
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		if _, err := g.Import(ctx, g.session, org.ID, "list: more.csv", cases, nil); err != nil {
			t.Error(err)
		}
	}()
	for range 8 {
		s := g.sessions.Begin(g.session.Member, g.session.Keys)
		wg.Add(1)
		go func() {
			defer wg.Done()
			for _, id := range g.cases {
				if _, err := g.Case(ctx, s, id, Clock{}); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wg.Wait()
	g.writing.Lock()
	if err := g.settle(ctx); err != nil {
		t.Error(err)
	}
	g.writing.Unlock()
	if got := len(g.lines(n)); got != 8*6 {
		t.Errorf("%d lines of 48 reads", got)
	}
	if v, err := g.Verify(ctx, g.session, true); err != nil || v.Problem != "" {
		t.Error(v.Problem, err)
	}
}

// BenchmarkRead reads cases one after the other: again, which writes no line,
// and for the first time, which writes one; and by 16 readers at once.
func BenchmarkRead(b *testing.B) {
	ctx := context.Background()
	c := &clock{time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)}
	reg, s, err := Create(ctx, filepath.Join(b.TempDir(), "r"), FirstMember{Name: "aigerim", Lang: "kk", Passphrase: testPassphrase}, testOptions(c))
	if err != nil {
		b.Fatal(err)
	}
	defer reg.Close()
	org, err := reg.AddOrganisation(ctx, s, NewOrganisation{Name: "North", Counts: true})
	if err != nil {
		b.Fatal(err)
	}
	var cases []CaseImport
	for i := range 200 {
		cases = append(cases, CaseImport{Key: fmt.Sprintf("M-%d", i), Records: func(id string) []Put {
			return []Put{{Record: id, Kind: "case", Fields: casefile.Fields{}}, {Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {"Омаров"}}}}
		}})
	}
	if _, err := reg.Import(ctx, s, org.ID, "list: people.csv", cases, nil); err != nil {
		b.Fatal(err)
	}
	page, err := reg.Cases(ctx, s, Query{Limit: 200})
	if err != nil {
		b.Fatal(err)
	}
	read := func(b *testing.B, s *access.Session, i int) {
		if _, err := reg.Case(ctx, s, page.Rows[i%200].ID, Clock{}); err != nil {
			b.Error(err)
		}
	}
	b.Run("again", func(b *testing.B) {
		read(b, s, 0)
		for b.Loop() {
			read(b, s, 0)
		}
	})
	fresh := func() *access.Session { return reg.sessions.Begin(s.Member, s.Keys) }
	b.Run("first", func(b *testing.B) {
		i, s := 0, fresh()
		for b.Loop() {
			if i++; i%200 == 0 {
				s = fresh()
			}
			read(b, s, i)
		}
	})
	b.Run("first-16-readers", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			i, s := 0, fresh()
			for pb.Next() {
				if i++; i%200 == 0 {
					s = fresh()
				}
				read(b, s, i)
			}
		})
	})
}

// TestNoNamesInLogsRegression damages what can be damaged, asks for and signs
// in with what is planted, and searches what the registry logged meanwhile.
func TestNoNamesInLogsRegression(t *testing.T) {
	g := newRegister(t)
	ctx := context.Background()
	var logged strings.Builder
	open := func() {
		t.Helper()
		options := testOptions(g.clock)
		options.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		reg, s, err := Open(ctx, g.dir, Unlock{Passphrase: testPassphrase}, options)
		if err != nil {
			t.Fatal(err)
		}
		g.Registry, g.session = reg, s
	}
	use := func() {
		for _, text := range planted {
			_, _ = g.Cases(ctx, g.session, Query{Text: text})
			_, _ = g.Case(ctx, g.session, text, Clock{})
			_, _ = g.SignIn(ctx, text, text)
			_, _ = g.Grant(ctx, g.session, g.cases[0], NewGrant{To: text, Part: access.Identity})
			_ = g.Write(ctx, g.session, g.cases[0], []Put{{Record: ledger.NewID().String(), Kind: "person", Fields: casefile.Fields{"role": {text}}}}, nil, text, text)
		}
	}
	for _, damage := range []func(){
		func() {},
		func() { flipMiddle(t, filepath.Join(g.dir, "index.db")) },
		func() { flipMiddle(t, filepath.Join(g.dir, rightsFile)) },
		func() {
			if err := os.MkdirAll(filepath.Join(g.dir, spoolDir), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(g.dir, spoolDir, planted[0]+spoolEnding), []byte(strings.Join(planted, " ")), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		damage()
		open()
		use()
	}
	for _, text := range append(slices.Clone(planted), "Омаров", testPassphrase) {
		if strings.Contains(strings.ToLower(logged.String()), strings.ToLower(text)) {
			t.Errorf("%q was logged: %s", text, logged.String())
		}
	}
	if logged.Len() == 0 {
		t.Error("nothing was logged: this test finds nothing")
	}
}

func flipMiddle(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(data) / 2; i < min(len(data), len(data)/2+4096); i++ {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOwnRefusalTellsNoCaseRegression: who asks for a case that is not open to
// them is not told in their own lines of the audit that it is there.
func TestOwnRefusalTellsNoCaseRegression(t *testing.T) {
	ctx := context.Background()
	g := newRegister(t)
	south := g.join("saule", []access.Role{access.CaseWorker}, g.org("South"))
	if _, err := g.Case(ctx, south, g.cases[0], Clock{}); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
	page, err := g.Audit(ctx, south, AuditQuery{Member: Me, Refused: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Lines) == 0 {
		t.Fatal("the refusal has no line")
	}
	for _, l := range page.Lines {
		if len(l.Cases) > 0 {
			t.Errorf("%s of %s names %v", l.Act, l.What, l.Cases)
		}
	}
}
