// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/submission"
)

// sender is somebody outside. What they tell is invented.
type sender struct {
	door  inbox.Door
	reads *age.HybridIdentity
	mark  string
	store *inbox.Store
	to    []age.Recipient
}

// outside is somebody who is about to send something to the North.
func (h *house) outside(door byte) *sender {
	h.t.Helper()
	all, err := IntakePublicAt(h.dir)
	if err != nil || len(all) != 1 {
		h.t.Fatalf("%d to send to: %v", len(all), err)
	}
	o := &sender{door: inbox.Door(bytes.Repeat([]byte{door}, 32))}
	if o.to, err = submission.Recipients(all[0].Recipient); err != nil {
		h.t.Fatal(err)
	}
	if o.reads, err = age.GenerateHybridIdentity(); err != nil {
		h.t.Fatal(err)
	}
	if o.store, err = inbox.Open(inbox.Options{Dir: filepath.Join(h.dir, inboxDir), Most: 1 << 30, Now: h.clock.now}); err != nil {
		h.t.Fatal(err)
	}
	return o
}

// named is a file of a message under a name of its own; without it a file is
// called by its first letters.
func named(name, content string) string { return name + "\r\n\r\n" + content }

// message is what somebody tells, with files of these texts, and their sealed pieces.
func (o *sender) message(t testing.TB, told string, texts ...string) (sealed []byte, files []submission.File, pieces [][]byte) {
	t.Helper()
	m := submission.Message{Format: 1, Language: "kk", Told: told, Where: "Talapker, a garage", Consents: []string{"store", "un", "never_heard_of"}, Answers: o.reads.Recipient().String(), Mark: o.mark}
	for _, text := range texts {
		name := text[:3] + ".jpg"
		if said, content, ok := strings.Cut(text, "\r\n\r\n"); ok {
			name, text = said, content
		}
		sum := sha256.Sum256([]byte(text))
		f := submission.File{Name: name, Type: "image/jpeg", Bytes: int64(len(text)), Upload: submission.NewUpload(), Pieces: 1, SHA256: hex.EncodeToString(sum[:])}
		b, err := submission.SealPiece(o.to, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		m.Files, pieces = append(m.Files, f), append(pieces, b)
	}
	sealed, err := submission.Seal(o.to, m)
	if err != nil {
		t.Fatal(err)
	}
	return sealed, m.Files, pieces
}

func upload(t testing.TB, f submission.File) inbox.Upload {
	t.Helper()
	raw, err := hex.DecodeString(f.Upload)
	if err != nil {
		t.Fatal(err)
	}
	return inbox.Upload(raw)
}

// sends sends a report.
func (o *sender) sends(t testing.TB, told string, texts ...string) string {
	t.Helper()
	sealed, files, pieces := o.message(t, told, texts...)
	var attached []inbox.Attached
	for i, f := range files {
		attached = append(attached, inbox.Attached{Upload: upload(t, f), Pieces: 1})
		if err := o.store.PutPiece(upload(t, f), 0, pieces[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.store.Put(o.door, o.reads.Recipient().String(), sealed, attached); err != nil {
		t.Fatal(err)
	}
	return o.door.String()
}

func TestSubmissionsAreOpenToTheRoleAlone(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	if list, err := h.Submissions(ctx, h.people["saule"]); err != nil || len(list) != 0 {
		t.Errorf("before anything was sent: %+v (%v)", list, err)
	}
	id := h.outside(1).sends(t, "they beat him")
	text, yes := "who are you", true
	for name, s := range h.people {
		if name == "saule" || name == "erlan" {
			continue
		}
		_, list := h.Submissions(ctx, s)
		_, one := h.Submission(ctx, s, id)
		_, made := h.CaseOfSubmission(ctx, s, id)
		_, _, added := h.AddSealed(ctx, s, strings.NewReader("anything"))
		for what, err := range map[string]error{
			"lists": list, "opens": one, "makes a case": made, "takes a file in": added,
			"sorts": h.SortSubmission(ctx, s, id, SubmissionSort{Urgent: &yes}), "answers": h.AnswerSubmission(ctx, s, id, text, "en"),
		} {
			if !errors.Is(err, ErrNotAllowed) {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
	n := len(h.lines(0))
	list, err := h.Submissions(ctx, h.people["erlan"])
	if err != nil || len(list) != 1 || list[0].ID != id || list[0].Gist != "they beat him Talapker, a garage" || list[0].OrgName != "North" || list[0].Status != SubmissionNew || list[0].MayCase {
		t.Errorf("%+v (%v)", list, err)
	}
	if one, err := h.Submission(ctx, h.people["saule"], id[:8]); err != nil || len(one.Messages) != 1 || one.Messages[0].Told != "they beat him" || !one.MayCase {
		t.Errorf("%+v (%v)", one, err)
	}
	if _, err := h.CaseOfSubmission(ctx, h.people["erlan"], id); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("who writes no cases makes one: %v", err)
	}
	if got, want := acts(h.lines(n)), "list/inbox/0 read/inbox/0 refused/inbox/0"; got != want {
		t.Errorf("the audit says %q, not %q", got, want)
	}
	if _, err := h.Submission(ctx, h.people["saule"], strings.Repeat("9", 64)); !errors.Is(err, ErrNotFound) {
		t.Errorf("what is not there: %v", err)
	}
}

func TestSubmissionIsSorted(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	saule := h.people["saule"]
	first, second := h.outside(1), h.outside(2)
	one, two := first.sends(t, "one"), second.sends(t, "two")
	yes, no, spam, more, erlan, asel := true, false, SubmissionSpam, SubmissionMore, h.people["erlan"].Member.ID, h.people["asel"].Member.ID
	sorted := func(id string, to SubmissionSort) error { return h.SortSubmission(ctx, saule, id, to) }
	if err := sorted(two, SubmissionSort{Urgent: &yes, Assigned: &erlan}); err != nil {
		t.Fatal(err)
	}
	list, err := h.Submissions(ctx, h.people["erlan"])
	if err != nil || len(list) != 2 || list[0].ID != two || !list[0].Urgent || !list[0].Mine || list[0].AssignedName != "erlan" || list[1].Mine {
		t.Errorf("%+v (%v)", list, err)
	}
	if tasks, err := h.urgentTasks(ctx); err != nil || len(tasks) != 2 {
		t.Errorf("%d tasks, of two who have the role (%v)", len(tasks), err)
	}
	if err := sorted(two, SubmissionSort{Urgent: &yes, Status: &more}); err != nil {
		t.Fatal(err)
	}
	if tasks, err := h.urgentTasks(ctx); err != nil || len(tasks) != 2 {
		t.Errorf("said once more, it raised more tasks: %d (%v)", len(tasks), err)
	}
	if err := sorted(two, SubmissionSort{Urgent: &no}); err != nil {
		t.Fatal(err)
	}
	if tasks, err := h.urgentTasks(ctx); err != nil || len(tasks) != 0 {
		t.Errorf("%d tasks stay open (%v)", len(tasks), err)
	}
	for want, to := range map[error]SubmissionSort{ErrNoHolder: {Assigned: &asel}, ErrSubmissionInto: {Into: &one}, ErrSubmissionStatus: {Status: &erlan}} {
		if err := sorted(one, to); !errors.Is(err, want) {
			t.Errorf("%v: %v", want, err)
		}
	}
	if err := sorted(one, SubmissionSort{Into: &two}); err != nil {
		t.Fatal(err)
	}
	if v, err := h.Submission(ctx, saule, one); err != nil || v.Status != SubmissionMerged || v.Into != two {
		t.Errorf("%+v (%v)", v, err)
	}
	if err := sorted(one, SubmissionSort{Status: &spam}); err != nil {
		t.Fatal(err)
	}
	if v, err := h.Submission(ctx, saule, one); err != nil || v.Status != SubmissionSpam || v.Into != "" {
		t.Errorf("%+v (%v)", v, err)
	}

	// Answers reach the sender, and can be read by those with the role.
	if err := h.AnswerSubmission(ctx, saule, two, "Сіз қауіпсізсіз бе?", ""); err != nil {
		t.Fatal(err)
	}
	v, err := h.Submission(ctx, h.people["erlan"], two)
	if err != nil || len(v.Messages) != 2 || !v.Messages[1].Answer || v.Messages[1].Told != "Сіз қауіпсізсіз бе?" || v.Messages[1].Language != "kk" {
		t.Fatalf("%+v (%v)", v, err)
	}
	sealed, err := second.store.Message(second.door, inbox.Message{Number: 2, Answer: true})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := submission.Open(second.reads, sealed); err != nil || m.Told != "Сіз қауіпсізсіз бе?" {
		t.Errorf("the sender reads %+v (%v)", m, err)
	}

	// What its sender took back is shown as such, and does not open.
	if err := second.store.Withdraw(second.door); err != nil {
		t.Fatal(err)
	}
	if v, err := h.Submission(ctx, saule, two); err != nil || v.Withdrawn != "2022-06-24" || len(v.Messages) != 0 {
		t.Errorf("%+v (%v)", v, err)
	}
	if err := h.AnswerSubmission(ctx, saule, two, "?", "kk"); !errors.Is(err, ErrSubmissionGone) {
		t.Errorf("answered after it was withdrawn: %v", err)
	}
	if _, err := h.CaseOfSubmission(ctx, saule, two); !errors.Is(err, ErrSubmissionGone) {
		t.Errorf("a case of what was withdrawn: %v", err)
	}
}

// TestCaseOfSubmission makes a case, interrupted after each step: nothing is
// lost of the report, and nothing is there twice.
func TestCaseOfSubmission(t *testing.T) {
	for cut := range 4 {
		h := takes(t)
		ctx := context.Background()
		o := h.outside(1)
		id := o.sends(t, "they beat him", "one photograph", "two photographs")
		report, err := o.store.Get(o.door)
		if err != nil {
			t.Fatal(err)
		}
		// A piece that is not there ends the work before its file, as a kill does.
		var paths []string
		for _, m := range report.Messages {
			for _, f := range m.Files {
				paths = append(paths, filepath.Join(h.dir, inboxDir, "reports", id, "000001."+f.Upload.String(), "000000"))
			}
		}
		switch cut {
		case 1: // after the case
			f, err := h.findReport(ctx, h.people["saule"], id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.caseOf(ctx, h.people["saule"], []*found{f}); err != nil {
				t.Fatal(err)
			}
		case 2, 3: // before one file, before both
			for _, path := range paths[:cut-1] {
				if err := os.Rename(path, path+".away"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.CaseOfSubmission(ctx, h.people["saule"], id); !errors.Is(err, ErrSubmissionFile) {
				t.Fatalf("without its files: %v", err)
			}
			for _, path := range paths[:cut-1] {
				if err := os.Rename(path+".away", path); err != nil {
					t.Fatal(err)
				}
			}
		}
		h.again()
		var made Row
		for range 2 {
			if made, err = h.CaseOfSubmission(ctx, h.people["saule"], id); err != nil {
				t.Fatal(err)
			}
		}
		page, err := h.Cases(ctx, h.people["saule"], Query{Limit: 50})
		if err != nil || len(page.Rows) != 4 {
			t.Errorf("cut %d: %d cases of the North, not 3 and one (%v)", cut, len(page.Rows), err)
		}
		v, err := h.Case(ctx, h.people["saule"], made.ID, Clock{})
		if err != nil {
			t.Fatal(err)
		}
		kinds := map[string]int{}
		for _, rec := range v.Records {
			kinds[rec.Kind]++
			if rec.Kind == "report" && (!strings.Contains(rec.Get("summary"), "they beat him") || rec.History[0].Source != "submission: "+id+", message 1" || rec.Get("received") != "2022-06-24") {
				t.Errorf("cut %d: the report says %v, from %q", cut, rec.Fields, rec.History[0].Source)
			}
		}
		if kinds["report"] != 1 || kinds["consent"] != 2 || kinds["evidence"] != 2 || kinds["handover"] != 2 {
			t.Errorf("cut %d: %v", cut, kinds)
		}
		files, err := h.Files(ctx, h.people["saule"], made.ID)
		if err != nil || len(files) != 2 {
			t.Fatalf("cut %d: %d files (%v)", cut, len(files), err)
		}
		for _, f := range files {
			text, err := h.readFile("saule", made.ID, f.ID)
			if err != nil || !strings.HasSuffix(text, "photograph") && !strings.HasSuffix(text, "photographs") || f.Evidence == "" {
				t.Errorf("cut %d: %q, of evidence %q (%v)", cut, text, f.Evidence, err)
			}
		}
		if s, err := h.Submission(ctx, h.people["saule"], id); err != nil || s.Status != SubmissionCase || s.CaseNumber != made.Number {
			t.Errorf("cut %d: %+v (%v)", cut, s, err)
		}
	}
}

// TestConversationBecomesACase: what a member took down on their phone opens as
// any report, becomes a case that counts from the day of the conversation, and
// has nobody who would read an answer.
func TestConversationBecomesACase(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	o := h.outside(7)
	sealed, err := submission.Seal(o.to, submission.Message{
		Format: 2, Language: "ru", Told: "they beat him", Who: "his brother", Where: "Talapker, a garage", When: "in May", By: "two in plain clothes", Consents: []string{"store", "complain"},
		Conversation: &submission.Conversation{Day: "2022-06-01", Speaker: "relative", Known: "heron", Complaint: "yes", Registered: "no", State: "the prosecutor wrote back"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.store.Put(o.door, o.reads.Recipient().String(), sealed, nil); err != nil {
		t.Fatal(err)
	}
	id := o.door.String()
	if err := h.AnswerSubmission(ctx, h.people["saule"], id, "who are you", "ru"); !errors.Is(err, ErrNoSender) {
		t.Errorf("an answer that nobody reads: %v", err)
	}
	row, err := h.CaseOfSubmission(ctx, h.people["saule"], id)
	if err != nil {
		t.Fatal(err)
	}
	file, err := h.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		t.Fatal(err)
	}
	report := file.Of("report")[0]
	want := "they beat him\n\nhis brother\n\nin May\n\ntwo in plain clothes\n\nЖалоба: Да\n\nРегистрация: Нет\n\nthe prosecutor wrote back\n\nheron"
	if got := report.Get("summary"); got != want {
		t.Errorf("told %q, not %q", got, want)
	}
	if got := report.Get("received") + " " + report.Get("channel") + " " + report.Get("by_role") + " " + report.Get("place"); got != "2022-06-01 conversation relative Talapker, a garage" {
		t.Errorf("reported: %s", got)
	}
	consents := file.Of("consent")
	if len(consents) != 2 || consents[0].Get("medium") != "oral" || consents[0].Get("given") != "2022-06-01" {
		t.Errorf("%d consents: %+v", len(consents), consents)
	}
}

// TestConversationOfTomorrowRegression: where the phone's clock is wrong, the day
// on which it came counts, for consents too.
func TestConversationOfTomorrowRegression(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	o := h.outside(8)
	sealed, err := submission.Seal(o.to, submission.Message{Format: 2, Language: "kk", Told: "told", Consents: []string{"store"}, Conversation: &submission.Conversation{Day: "2062-06-01"}})
	if err == nil {
		err = o.store.Put(o.door, o.reads.Recipient().String(), sealed, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	row, err := h.CaseOfSubmission(ctx, h.people["saule"], o.door.String())
	if err != nil {
		t.Fatal(err)
	}
	file, err := h.index.Case(ctx, row.ID, allKnown)
	if err != nil {
		t.Fatal(err)
	}
	today := h.Today().String()
	if got := file.Of("report")[0].Get("received") + " " + file.Of("consent")[0].Get("given"); got != today+" "+today {
		t.Errorf("received and given %s, and it came on %s", got, today)
	}
}

func TestSealedFileIsTakenInOnce(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	saule := h.people["saule"]
	o := h.outside(7)
	brought := func(told, mark string, texts ...string) []byte {
		o.mark = mark
		sealed, files, pieces := o.message(t, told, texts...)
		var file bytes.Buffer
		w, err := submission.WriteFile(&file, submission.Head{Door: o.door, Answers: o.reads.Recipient().String()})
		for i, f := range files {
			err = errors.Join(err, w.Piece(upload(t, f), 0, pieces[i]))
		}
		if err := errors.Join(err, w.Message(sealed)); err != nil {
			t.Fatal(err)
		}
		return file.Bytes()
	}
	own, others := strings.Repeat("a1", 16), strings.Repeat("b2", 16)
	first := brought("from a stick", own, "a photograph")
	if _, _, err := h.AddSealed(ctx, h.people["erlan"], bytes.NewReader(first[:len(first)-1])); !errors.Is(err, submission.ErrFile) {
		t.Errorf("cut off: %v", err)
	}
	again := brought("what I forgot", own, "b photograph")
	forged := brought("it was not like that", others, "c photograph")
	for i, file := range [][]byte{first, first, again, first, again, forged} {
		id, fresh, err := h.AddSealed(ctx, h.people["erlan"], bytes.NewReader(file))
		if want := i == 0 || i == 2 || i == 5; err != nil || id != o.door.String() || fresh != want {
			t.Errorf("taken in %d: %s, fresh %v (%v)", i+1, id, fresh, err)
		}
	}
	list, err := h.Submissions(ctx, saule)
	if err != nil || len(list) != 1 || list[0].Gist != "from a stick Talapker, a garage" {
		t.Errorf("%+v (%v)", list, err)
	}
	v, err := h.Submission(ctx, saule, list[0].ID)
	if err != nil || len(v.Messages) != 3 || v.Messages[1].Told != "what I forgot" || v.Messages[1].Doubtful || !v.Messages[2].Doubtful || !v.Messages[2].Brought {
		t.Fatalf("%+v (%v)", v.Messages, err)
	}
	row, err := h.CaseOfSubmission(ctx, saule, list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	if files, err := h.Files(ctx, saule, row.ID); err != nil || len(files) != 2 {
		t.Errorf("%d files, not 2 (%v)", len(files), err)
	}
	if told := h.reports(row.ID); told != "offline_pack from a stick|offline_pack what I forgot" {
		t.Errorf("%q", told)
	}
	if err := o.store.Withdraw(o.door); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.AddSealed(ctx, saule, bytes.NewReader(first)); !errors.Is(err, ErrSubmissionGone) {
		t.Errorf("after it was withdrawn: %v", err)
	}
}

// reports are how the reports of a case came, and what they tell.
func (h *house) reports(caseID string) string {
	h.t.Helper()
	v, err := h.Case(context.Background(), h.people["saule"], caseID, Clock{})
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, rec := range v.Records {
		if rec.Kind == "report" {
			told, _, _ := strings.Cut(rec.Get("summary"), "\n")
			all = append(all, rec.Get("channel")+" "+told)
		}
	}
	slices.Sort(all)
	return strings.Join(all, "|")
}

// TestPartsGoIntoTheCase: what was made part of a report goes into its case,
// with its own source, also what comes when the case is there.
func TestPartsGoIntoTheCase(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	saule := h.people["saule"]
	senders := []*sender{h.outside(1), h.outside(2), h.outside(3), h.outside(4)}
	ids := []string{
		senders[0].sends(t, "one", "one photograph"), senders[1].sends(t, "two", "two photographs", "one photograph"),
		senders[2].sends(t, "three", "xxx photographs"), senders[3].sends(t, "four"),
	}
	yes := true
	into := func(part, whole int) {
		t.Helper()
		if err := h.SortSubmission(ctx, saule, ids[part], SubmissionSort{Into: &ids[whole]}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.SortSubmission(ctx, saule, ids[2], SubmissionSort{Urgent: &yes}); err != nil {
		t.Fatal(err)
	}
	into(2, 1)
	into(1, 0)
	if v, err := h.Submission(ctx, saule, ids[1]); err != nil || v.MayCase {
		t.Errorf("of a part a case may be made: %+v (%v)", v, err)
	}
	if _, err := h.CaseOfSubmission(ctx, saule, ids[1]); !errors.Is(err, ErrSubmissionPart) {
		t.Errorf("a case of a part: %v", err)
	}
	// A file that is not there keeps no other out.
	report, err := senders[1].store.Get(senders[1].door)
	if err != nil {
		t.Fatal(err)
	}
	lost := filepath.Join(h.dir, inboxDir, "reports", ids[1], "000001."+report.Messages[0].Files[0].Upload.String(), "000000")
	if err := os.Rename(lost, lost+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CaseOfSubmission(ctx, saule, ids[0]); err != nil && !errors.Is(err, ErrSubmissionFile) {
		t.Fatal(err)
	}
	v, err := h.Submission(ctx, saule, ids[0])
	if err != nil || v.Case == "" {
		t.Fatalf("%+v (%v)", v, err)
	}
	if files, err := h.Files(ctx, saule, v.Case); err != nil || len(files) < 2 {
		t.Errorf("%d files beside one that is not there (%v)", len(files), err)
	}
	if err := os.Rename(lost+".away", lost); err != nil {
		t.Fatal(err)
	}
	if tasks, err := h.urgentTasks(ctx); err != nil || len(tasks) != 0 {
		t.Errorf("%d tasks of a part stay open (%v)", len(tasks), err)
	}
	if told := h.reports(v.Case); told != "public_form one|public_form three|public_form two" {
		t.Errorf("%q", told)
	}
	// Later its sender tells more, and another one is made part of it.
	sealed, _, _ := senders[0].message(t, "one more")
	if err := senders[0].store.Add(senders[0].door, sealed, nil); err != nil {
		t.Fatal(err)
	}
	into(3, 0)
	for range 2 {
		if _, err := h.CaseOfSubmission(ctx, saule, ids[0]); err != nil {
			t.Fatal(err)
		}
	}
	if told := h.reports(v.Case); told != "public_form four|public_form one|public_form one more|public_form three|public_form two" {
		t.Errorf("%q", told)
	}
	if files, err := h.Files(ctx, saule, v.Case); err != nil || len(files) != 3 {
		t.Errorf("%d files, not 3: the same file in two reports is one (%v)", len(files), err)
	}
	made, err := h.Case(ctx, saule, v.Case, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	kinds, sources := map[string]int{}, map[string]bool{}
	for _, rec := range made.Records {
		kinds[rec.Kind]++
		sources[rec.History[0].Source] = true
	}
	if kinds["report"] != 5 || kinds["consent"] != 2 || kinds["evidence"] != 3 {
		t.Errorf("%v", kinds)
	}
	for _, want := range []string{ids[0] + ", message 1", ids[0] + ", message 2", ids[1] + ", message 1", ids[2] + ", message 1", ids[3] + ", message 1"} {
		if !sources["submission: "+want] {
			t.Errorf("nothing in the case comes from %s", want)
		}
	}
}

// TestListOpensEachOnce: what a session has seen in the list is not opened again,
// and goes when its sender takes it back.
func TestListOpensEachOnce(t *testing.T) {
	h := takes(t)
	ctx := context.Background()
	saule, erlan := h.people["saule"], h.people["erlan"]
	o, other := h.outside(1), h.outside(2)
	id := o.sends(t, "they beat him")
	other.sends(t, "they beat her")
	gists := func(s *access.Session) string {
		t.Helper()
		list, err := h.Submissions(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, v := range list {
			text += v.Gist + " " + v.Day + " " + v.Withdrawn + "|"
		}
		return text
	}
	want := "they beat him Talapker, a garage 2022-06-24 |they beat her Talapker, a garage 2022-06-24 |"
	if got := gists(saule); got != want {
		t.Fatalf("%q", got)
	}
	path := filepath.Join(h.dir, inboxDir, "reports", id, "000001.told")
	sealed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("nothing that opens"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := gists(saule); got != want {
		t.Errorf("it was opened again: %q", got)
	}
	if got := gists(erlan); got != "they beat her Talapker, a garage 2022-06-24 |" {
		t.Errorf("another session is shown what it has not opened: %q", got)
	}
	if err := os.WriteFile(path, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := o.store.Withdraw(o.door); err != nil {
		t.Fatal(err)
	}
	if got := gists(saule); got != " 2022-06-24 2022-06-24|they beat her Talapker, a garage 2022-06-24 |" {
		t.Errorf("after it was withdrawn: %q", got)
	}
}

// BenchmarkSubmissions lists 1,000 reports: as the first list of a session, and
// as the next ones.
func BenchmarkSubmissions(b *testing.B) {
	h := takes(b)
	ctx := context.Background()
	saule := h.people["saule"]
	o := h.outside(0)
	for i := range 1000 {
		o.door = inbox.Door{byte(i), byte(i >> 8), 1}
		o.sends(b, "they beat him", "a photograph")
	}
	list := func(b *testing.B) {
		b.Helper()
		if all, err := h.Submissions(ctx, saule); err != nil || len(all) != 1000 {
			b.Fatalf("%d reports (%v)", len(all), err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			saule.Keys.Opened.Clear()
			list(b)
		}
	})
	b.Run("next", func(b *testing.B) {
		for b.Loop() {
			list(b)
		}
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, err := h.Submission(ctx, saule, o.door.String()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
