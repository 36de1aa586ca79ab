// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/rules"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/submission"
)

// Reports from outside in the invented register. What they tell is invented.
var (
	reportUrgent = strings.Repeat("a1", 32)
	reportNew    = strings.Repeat("b2", 32)
	reportMore   = strings.Repeat("c3", 32)
	reportGone   = strings.Repeat("d4", 32)
	reportPart   = strings.Repeat("e5", 32)
	reportCase   = strings.Repeat("f6", 32)
	reportSpam   = strings.Repeat("07", 32)
	reportShut   = strings.Repeat("18", 32)
)

const (
	takerID    = "a0000000000000000000000000000007"
	fakeUpload = "0123456789abcdef0123456789abcdef"
	cutUpload  = "fedcba9876543210fedcba9876543210" // ends before it should
	docUpload  = "00112233445566778899aabbccddeeff" // of which there is no copy
	scanUpload = "0f1e2d3c4b5a69788796a5b4c3d2e1f0" // with a script in it
	filmUpload = "abababababababababababababababab" // whose copy takes long
)

// fakeInbox is how it stands with reports from outside.
type fakeInbox struct {
	keys  error // why the inbox does not open
	added map[string]bool
	took  registry.SubmissionSort

	waited bool // somebody waited for the copy that takes long
}

func (f *fake) OpensInbox(s *access.Session) bool {
	return slices.ContainsFunc(s.Member.Orgs, func(org string) bool {
		return access.Decide(s.Member, access.OpenInbox, access.Thing{Org: org}) || access.Decide(s.Member, access.MakeIntake, access.Thing{Org: org})
	})
}

func (f *fake) takes(s *access.Session) bool {
	return access.Decide(s.Member, access.OpenInbox, access.Thing{Org: orgNorth}) && slices.Contains(s.Member.Orgs, orgNorth)
}

func (f *fake) HasDue(s *access.Session) bool { return f.May(s, access.Count) || f.takes(s) }

func (f *fake) InboxCount(_ context.Context, s *access.Session) (registry.InboxCount, error) {
	if !f.takes(s) || f.empty || f.inbox.keys != nil {
		return registry.InboxCount{}, f.fails
	}
	return registry.InboxCount{New: 3, Urgent: 1, More: true}, f.fails
}

// mayTake is why a member can't open the inbox.
func (f *fake) mayTake(s *access.Session) error {
	if !f.takes(s) {
		return registry.ErrNotAllowed
	}
	return errors.Join(f.inbox.keys, f.fails)
}

func (f *fake) Submissions(_ context.Context, s *access.Session) ([]registry.SubmissionView, error) {
	if err := f.mayTake(s); err != nil || f.empty {
		return nil, err
	}
	may := access.Decide(s.Member, access.WriteCase, access.Thing{Org: orgNorth})
	one := func(id, day, status, lang, gist string) registry.SubmissionView {
		return registry.SubmissionView{ID: id, Org: orgNorth, OrgName: fakeOrgs[0].Name, Day: day, Status: status, Language: lang, Gist: gist, MayCase: may, Takers: []access.Member{fakeSessions["Sample Taker"], fakeSessions["Sample Intake"]}}
	}
	urgent := one(reportUrgent, "2022-06-23", registry.SubmissionNew, "kk", "Үлгі: ініме қауіп төніп тұр")
	urgent.Urgent, urgent.Mine, urgent.Assigned, urgent.AssignedName, urgent.Files, urgent.Parts = true, true, takerID, "Sample Taker", 3, []string{reportPart}
	fresh := one(reportNew, "2022-06-24", registry.SubmissionNew, "en", hostile)
	more := one(reportMore, "2022-06-20", registry.SubmissionMore, "ru", "Пример: задержали вечером у дома, больше о нём ничего не известно, телефон выключен, соседи видели белую машину…")
	more.Again = true
	gone := one(reportGone, "2022-06-21", registry.SubmissionNew, "", "")
	gone.Withdrawn, gone.Org, gone.OrgName, gone.MayCase, gone.Takers = "2022-06-22", "", "", false, nil
	part := one(reportPart, "2022-06-22", registry.SubmissionMerged, "kk", "")
	part.Into, part.Files = reportUrgent, 1
	made := one(reportCase, "2022-06-10", registry.SubmissionCase, "ru", "Пример: рассказ о том, что было в отделе")
	made.Case, made.CaseNumber, made.Files = caseOne, "K-1000001", 1
	spam := one(reportSpam, "2022-06-09", registry.SubmissionSpam, "en", "Sample: buy our watches")
	shut := one(reportShut, "2022-06-08", registry.SubmissionMore, "", "")
	shut.Case, shut.Status = caseThree, registry.SubmissionCase
	return []registry.SubmissionView{urgent, fresh, part, more, gone, made, spam, shut}, nil
}

func (f *fake) Submission(ctx context.Context, s *access.Session, id string) (registry.SubmissionView, error) {
	list, err := f.Submissions(ctx, s)
	if err != nil {
		return registry.SubmissionView{}, err
	}
	i := slices.IndexFunc(list, func(r registry.SubmissionView) bool { return r.ID == id })
	if i < 0 {
		return registry.SubmissionView{}, registry.ErrNotFound
	}
	v := list[i]
	told := func(n int, day string, m submission.Message) registry.SubmissionMessage {
		m.Format, m.Answers = 1, "age1pq1sample"
		if m.Language == "" {
			m.Language = v.Language
		}
		return registry.SubmissionMessage{Number: n, Day: day, Message: m}
	}
	switch id {
	case reportUrgent:
		answer := told(2, "2022-06-23", submission.Message{Told: "Үлгі: ол қазір қайда?\nСіз қауіпсізсіз бе?"})
		answer.Answer = true
		v.Messages = []registry.SubmissionMessage{
			told(1, v.Day, submission.Message{
				Told: "Үлгі: ініме қауіп төніп тұр.\nКеше түнде алып кетті.", Who: "інім", Where: "Talapker, a garage " + hostile, When: "кеше", By: "төрт адам", Wish: "адвокат", Contact: "көршінің телефоны",
				Consents: []string{"store", "complain", "photo", "never_heard_of"},
				Files:    []submission.File{{Name: "іні.jpg", Type: "image/jpeg", Bytes: 15, Upload: fakeUpload, Pieces: 1, SHA256: strings.Repeat("4f", 32)}, {Name: hostile, Bytes: 3 << 30, Upload: cutUpload, Pieces: 1, SHA256: strings.Repeat("3e", 32)}},
			}),
			answer,
			told(3, "2022-06-24", submission.Message{Told: "Үлгі: қалалық бөлімде", Files: []submission.File{
				{Name: "хат.docx", Type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document", Bytes: 80 << 10, Upload: docUpload, Pieces: 1, SHA256: strings.Repeat("5a", 32)},
				{Name: "қаулы.pdf", Type: "application/pdf", Bytes: 300 << 10, Upload: scanUpload, Pieces: 1, SHA256: strings.Repeat("6b", 32)},
			}}),
		}
	case reportPart:
		v.Messages = []registry.SubmissionMessage{told(1, v.Day, submission.Message{Files: []submission.File{{Name: "үлгі.mp4", Type: "video/mp4", Bytes: 5 << 20, Upload: filmUpload, Pieces: 2, SHA256: strings.Repeat("7c", 32)}}})}
	case reportMore:
		v.Messages = []registry.SubmissionMessage{told(1, v.Day, submission.Message{Told: v.Gist, Conversation: &submission.Conversation{
			Day: "2022-06-19", Speaker: "victim", Known: "Sample: the bag with the blue strap", Complaint: "yes", Registered: "unknown", Examined: "no", State: "Sample: nobody answered",
		}}), told(2, "2022-06-21", submission.Message{Told: "Sample: more of it"}), told(3, "2022-06-22", submission.Message{Told: "Sample: everything is well, close it"})}
		v.Messages[1].Brought, v.Messages[2].Brought, v.Messages[2].Doubtful = true, true, true
	case reportShut:
		v.Messages = []registry.SubmissionMessage{{Number: 1, Day: v.Day, Shut: true}}
	case reportGone:
	default:
		v.Messages = []registry.SubmissionMessage{told(1, v.Day, submission.Message{Told: v.Gist})}
	}
	return v, nil
}

// fakeReportFile is a file of a report in the invented register.
func (f *fake) fakeReportFile(ctx context.Context, s *access.Session, id, upload string) (registry.SubmissionFileView, error) {
	v, err := f.Submission(ctx, s, id)
	if err != nil {
		return registry.SubmissionFileView{}, err
	}
	for _, m := range v.Messages {
		for _, of := range m.Files {
			if of.Upload == upload {
				return registry.SubmissionFileView{File: of, Report: v.ID, Day: m.Day, Doubtful: upload == scanUpload}, nil
			}
		}
	}
	return registry.SubmissionFileView{}, registry.ErrNotFound
}

func (f *fake) SubmissionFile(ctx context.Context, s *access.Session, id, upload string) (io.Reader, submission.File, error) {
	v, err := f.fakeReportFile(ctx, s, id, upload)
	switch {
	case err != nil:
		return nil, submission.File{}, err
	case upload == cutUpload:
		return io.MultiReader(strings.NewReader("a beginning"), brokenReader{registry.ErrSubmissionFile}), v.File, nil
	}
	f.did = append(f.did, "took "+shortReport(upload))
	return strings.NewReader("a sample of it."), v.File, nil
}

func (f *fake) SubmissionCopy(ctx context.Context, s *access.Session, id, upload string, quick bool) (registry.SubmissionFileView, error) {
	v, err := f.fakeReportFile(ctx, s, id, upload)
	if err != nil {
		return v, err
	}
	c := registry.FileCopy{Original: upload, Form: registry.SafeCopy, File: strings.Repeat("c", 32), Walls: []string{"network_namespace", "seccomp", "landlock_files", "limits"}, Missing: []string{"landlock_network"}, By: s.Member.Name, At: moment("2022-06-24T08:01:00Z")}
	switch upload {
	case cutUpload:
		return v, registry.ErrSubmissionFile
	case docUpload:
		c.File, c.Refused = "", "office"
	case filmUpload:
		if quick && !f.inbox.waited {
			return v, registry.ErrNotQuick
		}
		f.inbox.waited, c.Media = true, "video/mp4"
	case scanUpload:
		c.Media, c.Pages, c.Text, c.Notes = "application/pdf", 3, "Үлгі: қаулы "+hostile, []string{"had_script", "had_files"}
	default:
		c.Media, c.Width, c.Height = "image/jpeg", 300, 400
		c.Metadata = []safecopy.Fact{{Where: "EXIF", Name: "Position", Value: "43.2565 76.9285"}, {Where: "EXIF", Name: "Camera owner", Value: hostile}}
	}
	v.Copy = &c
	return v, f.refuses
}

func (f *fake) OpenSubmissionCopy(ctx context.Context, s *access.Session, id, upload string) (io.ReadSeekCloser, registry.FileCopy, error) {
	v, err := f.SubmissionCopy(ctx, s, id, upload, true)
	switch {
	case err != nil:
		return nil, registry.FileCopy{}, err
	case v.Copy.File == "":
		return nil, registry.FileCopy{}, registry.ErrNotFound
	}
	content := map[string][]byte{"application/pdf": fakePages(3), "video/mp4": []byte(filmText), "image/jpeg": fakePicture(300, 400)}[v.Copy.Media]
	return &inMemory{Reader: bytes.NewReader(content)}, *v.Copy, nil
}

// brokenReader ends with an error.
type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func (f *fake) SortSubmission(ctx context.Context, s *access.Session, id string, to registry.SubmissionSort) error {
	v, err := f.Submission(ctx, s, id)
	switch {
	case err != nil:
		return err
	case v.Org == "":
		return registry.ErrSubmissionGone
	case v.Case != "" && (to.Status != nil || to.Into != nil):
		return registry.ErrSubmissionCase
	case to.Status != nil && *to.Status != registry.SubmissionNew && *to.Status != registry.SubmissionMore && *to.Status != registry.SubmissionSpam:
		return registry.ErrSubmissionStatus
	case to.Into != nil && *to.Into == id:
		return registry.ErrSubmissionInto
	case to.Assigned != nil && *to.Assigned != "" && *to.Assigned != takerID:
		return registry.ErrNoHolder
	}
	f.inbox.took = to
	f.did = append(f.did, "sorted "+shortReport(id))
	return nil
}

func (f *fake) AnswerSubmission(ctx context.Context, s *access.Session, id, text, lang string) error {
	v, err := f.Submission(ctx, s, id)
	switch {
	case err != nil:
		return err
	case v.Withdrawn != "":
		return registry.ErrSubmissionGone
	case text == "":
		return registry.ErrAnswer
	case text == "too much":
		return registry.ErrInboxFull
	}
	f.did = append(f.did, "answered "+shortReport(id)+" in "+lang+": "+text)
	return nil
}

func (f *fake) CaseOfSubmission(ctx context.Context, s *access.Session, id string) (registry.Row, error) {
	v, err := f.Submission(ctx, s, id)
	switch {
	case err != nil:
		return registry.Row{}, err
	case v.Withdrawn != "":
		return registry.Row{}, registry.ErrSubmissionGone
	case !v.MayCase:
		return registry.Row{}, registry.ErrNotAllowed
	case v.Status == registry.SubmissionMerged:
		return registry.Row{}, registry.ErrSubmissionPart
	case id == reportCase:
		return registry.Row{}, registry.ErrSubmissionFile
	}
	f.did = append(f.did, "case of "+shortReport(id))
	return registry.Row{ID: caseOne}, nil
}

// AddSealed takes what begins as a sealed file does, and names it by its last letters.
func (f *fake) AddSealed(_ context.Context, s *access.Session, sealed io.Reader) (string, bool, error) {
	if !f.takes(s) {
		return "", false, registry.ErrNotAllowed
	}
	text, err := io.ReadAll(sealed)
	switch {
	case err != nil:
		return "", false, err
	case string(text) == "too much":
		return "", false, registry.ErrInboxFull
	case !strings.HasPrefix(string(text), "kua-report/1"):
		return "", false, submission.ErrFile
	}
	id := reportNew
	if strings.HasSuffix(string(text), "of somebody else") {
		id = strings.Repeat("99", 32)
	}
	if f.inbox.added == nil {
		f.inbox.added = map[string]bool{}
	}
	fresh := !f.inbox.added[id]
	f.inbox.added[id] = true
	return id, fresh, nil
}

func (f *fake) IntakeKeys(_ context.Context, s *access.Session) ([]registry.IntakeKeyView, error) {
	if !f.OpensInbox(s) {
		return nil, registry.ErrNotAllowed
	}
	v := registry.IntakeKeyView{OrgName: fakeOrgs[0].Name, Public: registry.IntakePublic{Org: orgNorth}, MayTurn: access.Decide(s.Member, access.MakeIntake, access.Thing{Org: orgNorth})}
	if f.empty || errors.Is(f.inbox.keys, registry.ErrNoIntakeKey) {
		return []registry.IntakeKeyView{v}, f.fails
	}
	v.Public = registry.IntakePublic{Org: orgNorth, Name: "Sample: for those who were hurt", Recipient: "age1pq1sample", Fingerprint: "5a1c 0f77 ee5a 1c0f 77ee 5a1c 0f77 ee00"}
	v.Made, v.Older, v.Holders, v.Waiting = "2022-06-01", 1, []string{"Sample Taker", hostile}, []string{"Sample Intake"}
	v.MayOpen = f.takes(s) && f.inbox.keys == nil
	return []registry.IntakeKeyView{v}, f.fails
}

func (f *fake) TurnIntake(_ context.Context, s *access.Session, org, label string) (registry.IntakePublic, error) {
	switch {
	case !access.Decide(s.Member, access.MakeIntake, access.Thing{Org: org}):
		return registry.IntakePublic{}, registry.ErrNotAllowed
	case len(label) > 160:
		return registry.IntakePublic{}, registry.ErrIntakeLabel
	}
	return registry.IntakePublic{}, f.turn(s, "made the key", label)
}

func (f *fake) ShareIntake(_ context.Context, s *access.Session, org string) error {
	if !access.Decide(s.Member, access.OpenInbox, access.Thing{Org: org}) {
		return registry.ErrNotAllowed
	}
	return f.turn(s, "shared the key")
}

// urgentItems are the reports in which life is at risk, for who takes them.
func (f *fake) urgentItems(s *access.Session) []registry.DueItem {
	if !f.takes(s) {
		return nil
	}
	on := day("2022-06-23")
	return []registry.DueItem{{What: registry.DueReport, Submission: reportUrgent, Due: index.Due{Day: on, Arguable: on, State: rules.Running, Kind: "submission_task"}}}
}

// fakeReports is what an installation publishes of its keys.
func fakeReports() (Reports, error) {
	var all []Digest
	for i, name := range []string{"page-en.html", "page-ru.html", "page-kk.html", "sealing.js"} {
		all = append(all, Digest{name, strings.Repeat(fmt.Sprint(i), 64)})
	}
	return Reports{Served: true, Onion: strings.Repeat("sample", 9) + "ab.onion", Card: []byte(`{"format":1}` + "\n"), Digests: all}, nil
}
