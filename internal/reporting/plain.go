// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strings"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/receipt"
	"github.com/kua-registry/kua/internal/submission"
)

// maxDrained is how much of a request that was refused is read on, so that the
// browser shows the answer: some do not before they have sent all.
const maxDrained = 32 << 20

var (
	errEmpty  = errors.New("nothing was written")
	errLarge  = errors.New("a file is too large, or there are too many")
	errClosed = errors.New("nobody can read reports")
)

// typed is what came in a form without script.
type typed struct {
	token, words, to string
	message          submission.Message
	files            []inbox.Attached
}

// plainForm is the form without script.
type plainForm struct {
	form
	Token string
}

func (s *server) plain(v *visit) { s.showPlain(v, typed{}, nil) }

func (s *server) showPlain(v *visit, t typed, why error) {
	to := s.intakes()
	if len(to) == 0 {
		s.closed(v)
		return
	}
	b := s.body(v.lang, "plain", "plain", plainForm{form{to, Purposes(), t.message, t.to}, s.gate.token(0)})
	b.Problem = problem(b, why)
	s.show(v, "plain.html", plainStatus(why), b)
}

// problem is what somebody is told of an error.
func problem(b body, why error) string {
	var wrong *receipt.WordError
	var program *programError
	switch {
	case why == nil:
		return ""
	case errors.Is(why, errEmpty):
		return b.T("empty")
	case errors.Is(why, errEarly):
		return b.T("early")
	case errors.Is(why, errWork):
		return b.T("late")
	case errors.Is(why, errMany):
		return b.T("many")
	case errors.Is(why, errLarge):
		return b.T("toolarge")
	case errors.As(why, &program):
		return b.T("program", program.name)
	case errors.Is(why, errClosed):
		return b.T("closed")
	case errors.Is(why, submission.ErrTooLong), errors.Is(why, inbox.ErrTooLong):
		return b.T("toolong")
	case errors.Is(why, inbox.ErrFull):
		return b.T("full")
	case errors.Is(why, inbox.ErrNone):
		return b.T("none")
	case errors.Is(why, inbox.ErrGone):
		return b.T("withdrawn")
	case errors.Is(why, receipt.ErrCount):
		return b.T("words_count")
	case errors.As(why, &wrong):
		return b.T("words_wrong", wrong.Place)
	}
	return b.T("failed")
}

func plainStatus(why error) int {
	var wrong *receipt.WordError
	var program *programError
	switch {
	case errors.Is(why, errEmpty), errors.Is(why, errEarly), errors.Is(why, errWork), errors.Is(why, errLarge), errors.Is(why, submission.ErrTooLong),
		errors.Is(why, receipt.ErrCount), errors.As(why, &wrong), errors.As(why, &program):
		return http.StatusUnprocessableEntity
	case errors.Is(why, errClosed):
		return http.StatusServiceUnavailable
	}
	return statusOf(why)
}

// programError says that a file is a program.
type programError struct{ name string }

func (p *programError) Error() string { return "a program is not taken" }

// told tells who runs the machine of a fault of the disk, and nothing of a request.
func (s *server) told(why error) {
	if why != nil && plainStatus(why) == http.StatusInternalServerError && !errors.Is(why, io.ErrUnexpectedEOF) {
		s.Logger.Error("a report could not be kept: look at the disk of the inbox", slog.String("directory", "inbox"))
	}
}

// recipient is to whom is sealed: who was chosen, or the only one there is.
func (s *server) recipient(chosen string) ([]age.Recipient, error) {
	to := s.intakes()
	for _, t := range to {
		if t.Recipient == chosen || len(to) == 1 {
			return submission.Recipients(t.Recipient)
		}
	}
	if len(to) == 0 {
		return nil, errClosed
	}
	return submission.Recipients(to[0].Recipient)
}

// take reads a form part by part. Before the first file, or at the end, may is
// asked whether it is taken. Texts stay in memory; files are sealed piece by
// piece as they come.
func (s *server) take(v *visit, may func(*typed) error) (t typed, err error) {
	slowly(v.w)
	t.message = submission.Message{Format: 1, Language: v.lang.Code()}
	parts, err := v.r.MultipartReader()
	if err != nil {
		return t, errAsked
	}
	asked := false
	texts := 0 // bytes
	for {
		part, next := parts.NextPart()
		if errors.Is(next, io.EOF) {
			break
		}
		if next != nil {
			return t, errAsked
		}
		if part.FileName() == "" {
			text, tooLong := readText(part, &texts)
			t.set(part.FormName(), text)
			err = errors.Join(err, tooLong)
			continue
		}
		if !asked && err == nil {
			asked, err = true, may(&t)
		}
		if err == nil {
			err = s.takeFile(v, &t, part)
		}
		if err != nil {
			_, _ = io.CopyN(io.Discard, part, maxDrained) // the answer is the same if it can't be read
		}
	}
	if !asked && err == nil {
		err = may(&t)
	}
	if err == nil && t.message.Empty() {
		err = errEmpty
	}
	return t, err
}

func readText(part io.Reader, texts *int) (string, error) {
	b, err := io.ReadAll(io.LimitReader(part, submission.MaxText+1))
	if err != nil {
		return "", errAsked
	}
	*texts += len(b)
	if len(b) > submission.MaxText || *texts > submission.MaxMessage {
		return "", submission.ErrTooLong
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\uFFFD"), "\r\n", "\n"), nil
}

func (t *typed) set(name, text string) {
	m := &t.message
	to := map[string]*string{
		"token": &t.token, "words": &t.words, "to": &t.to, "told": &m.Told, "who": &m.Who, "where": &m.Where, "when": &m.When, "by": &m.By, "wish": &m.Wish, "contact": &m.Contact,
	}[name]
	if to != nil {
		*to = text
	}
	if name == "consent" {
		for _, p := range Purposes() {
			if p == text {
				m.Consents = append(m.Consents, p)
			}
		}
	}
}

// takeFile seals a file as it comes.
func (s *server) takeFile(v *visit, t *typed, part *multipart.Part) error {
	to, err := s.recipient(t.to)
	if err != nil {
		return err
	}
	if len(t.files) == submission.MaxFiles {
		return errLarge
	}
	if name := submission.FileName(part.FileName()); submission.IsProgram(name) {
		return &programError{name}
	}
	f := submission.File{Name: submission.FileName(part.FileName()), Type: kind(part.Header.Get("Content-Type")), Upload: submission.NewUpload()}
	u, err := uploadOf(f.Upload)
	if err != nil {
		return err
	}
	sum := sha256.New()
	piece := make([]byte, submission.PieceBytes)
	for {
		n, err := io.ReadFull(part, piece)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return errAsked
		}
		if n == 0 && f.Pieces > 0 {
			break
		}
		if err := s.takePiece(v.r, to, u, &f, sum, piece[:n]); err != nil {
			return err
		}
		if last {
			break
		}
		slowly(v.w)
	}
	clear(piece)
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	t.message.Files = append(t.message.Files, f)
	t.files = append(t.files, inbox.Attached{Upload: u, Pieces: f.Pieces})
	return nil
}

func (s *server) takePiece(r *http.Request, to []age.Recipient, u inbox.Upload, f *submission.File, sum hash.Hash, piece []byte) error {
	if f.Bytes+int64(len(piece)) > submission.MaxFile {
		return errLarge
	}
	if err := s.gate.plainly(r, costPiece); err != nil {
		return err
	}
	sealed, err := submission.SealPiece(to, piece)
	if err != nil {
		return err
	}
	if err := s.Inbox.PutPiece(u, f.Pieces, sealed); err != nil {
		return err
	}
	_, _ = sum.Write(piece) // it never fails
	f.Bytes += int64(len(piece))
	f.Pieces++
	return nil
}

// kind is the type of a file as a browser calls it, or none.
func kind(text string) string {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return ""
		}
	}
	if len(text) > 100 {
		return ""
	}
	return text
}

// stretch makes the keys of a receipt, two at a time: each takes memory.
func (s *server) stretch(r receipt.Receipt) (receipt.Keys, error) {
	s.slow <- struct{}{}
	defer func() { <-s.slow }()
	return r.Stretch(s.Installation)
}

// mine are a receipt's keys and the identity of its answers.
type mine struct {
	receipt receipt.Receipt
	keys    receipt.Keys
	answers *age.HybridIdentity
}

func (s *server) mineOf(r receipt.Receipt) (m mine, err error) {
	m.receipt = r
	if m.keys, err = s.stretch(r); err == nil {
		m.answers, err = submission.AnswersIdentity(m.keys.Seed)
	}
	return m, err
}

// receiptPage shows the eight words, or that something was added.
type receiptPage struct {
	Words []string
}

// plainSend takes a report without script: sealed here, in memory, at once.
func (s *server) plainSend(v *visit) {
	var seed [sealLen]byte
	t, err := s.take(v, func(t *typed) (err error) {
		if seed, err = s.gate.form(t.token); err == nil {
			err = s.gate.plainly(v.r, costReport)
		}
		return err
	})
	var m mine
	if err == nil {
		m, err = s.mineOf(receiptOf(seed))
	}
	if err == nil {
		err = s.keep(t, m)
	}
	if err != nil {
		s.told(err)
		s.showPlain(v, t, err)
		return
	}
	s.show(v, "receipt.html", http.StatusOK, s.body(v.lang, "plain", "words", receiptPage{s.lists.Write(m.receipt, v.lang.Code())}))
}

// seal seals a message to whom it is for, as one of a receipt.
func (s *server) seal(t *typed, m mine) ([]byte, error) {
	to, err := s.recipient(t.to)
	if err == nil {
		err = t.message.Bear(m.keys.Seed, m.keys.Mark)
	}
	if err != nil {
		return nil, err
	}
	return submission.Seal(to, t.message)
}

// keep seals a message and puts it into the inbox. Who sends the same form
// twice, or goes back and writes more, adds to the report that is there.
func (s *server) keep(t typed, m mine) error {
	sealed, err := s.seal(&t, m)
	if err != nil {
		return err
	}
	err = s.Inbox.Put(m.keys.Stored(), t.message.Answers, sealed, t.files)
	if errors.Is(err, inbox.ErrTaken) {
		err = s.Inbox.Add(m.keys.Stored(), sealed, t.files)
	}
	return err
}

// backPage is the second visit without script.
type backPage struct {
	Words    string // as they were typed: without a cookie they go along
	Day      string
	Sent     []string
	Answers  []readAnswer
	Sure     bool // they asked to take it back
	Done     bool // it was taken back
	Intakes  []Intake
	Message  submission.Message
	Added    bool
	NotFound bool
}

func (p backPage) title() string {
	switch {
	case p.Done:
		return "gone"
	case p.NotFound:
		return "back"
	case p.Sure:
		return "sure"
	}
	return "opened"
}

type readAnswer struct{ Day, Text string }

func (s *server) plainBack(v *visit) {
	s.show(v, "back.html", http.StatusOK, s.body(v.lang, "plain/back", "back", backPage{NotFound: true}))
}

func (s *server) showBack(v *visit, p backPage, why error) {
	s.told(why)
	b := s.body(v.lang, "plain/back", p.title(), p)
	b.Problem = problem(b, why)
	s.show(v, "back.html", plainStatus(why), b)
}

// find finds a report by the words of its receipt.
func (s *server) find(r *http.Request, words string) (m mine, report inbox.Report, err error) {
	s.gate.mu.Lock()
	s.gate.turn()
	err = s.gate.take(sourceOf(r), costLook)
	s.gate.mu.Unlock()
	if err != nil {
		return m, report, err
	}
	all, err := s.lists.Read(words)
	if err != nil {
		return m, report, err
	}
	for _, one := range all {
		if m, err = s.mineOf(one); err != nil {
			return m, report, err
		}
		if report, err = s.Inbox.Get(m.keys.Stored()); err == nil && report.Withdrawn != "" {
			return m, report, inbox.ErrGone
		}
		if !errors.Is(err, inbox.ErrNone) {
			break
		}
	}
	return m, report, err
}

func (s *server) backOf(v *visit, words string, m mine, report inbox.Report) (p backPage, err error) {
	p = backPage{Words: words, Day: day(v.lang, report.Day), Intakes: s.intakes()}
	for _, d := range days(report) {
		p.Sent = append(p.Sent, day(v.lang, d))
	}
	for _, message := range report.Messages {
		if !message.Answer {
			continue
		}
		sealed, err := s.Inbox.Message(report.Door, message)
		if err != nil {
			return p, err
		}
		a := readAnswer{Day: day(v.lang, message.Day)}
		if opened, err := submission.Open(m.answers, sealed); err == nil {
			a.Text = opened.Told
		}
		p.Answers = append(p.Answers, a)
	}
	return p, nil
}

// plainOpen shows a report to who has its words.
func (s *server) plainOpen(v *visit) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, 16<<10)
	if err := v.r.ParseForm(); err != nil {
		s.showBack(v, backPage{NotFound: true}, errAsked)
		return
	}
	words := v.r.PostFormValue("words")
	m, report, err := s.find(v.r, words)
	var p backPage
	if err == nil {
		p, err = s.backOf(v, words, m, report)
	}
	if err != nil {
		s.showBack(v, backPage{NotFound: true, Words: words}, err)
		return
	}
	p.Sure = v.r.PostFormValue("withdraw") != ""
	s.showBack(v, p, nil)
}

func (s *server) plainAdd(v *visit) {
	var m mine
	var report inbox.Report
	t, err := s.take(v, func(t *typed) (err error) {
		if m, report, err = s.find(v.r, t.words); err == nil {
			err = s.gate.plainly(v.r, costReport)
		}
		return err
	})
	if err == nil {
		err = s.addPlain(t, m)
	}
	if m.answers == nil || report.Day == "" {
		s.showBack(v, backPage{NotFound: true, Words: t.words}, err)
		return
	}
	if report, _ = s.Inbox.Get(m.keys.Stored()); report.Day == "" {
		s.showBack(v, backPage{NotFound: true, Words: t.words}, inbox.ErrNone)
		return
	}
	p, failed := s.backOf(v, t.words, m, report)
	p.Added = err == nil
	if err != nil {
		p.Message = t.message
	}
	s.showBack(v, p, errors.Join(err, failed))
}

func (s *server) addPlain(t typed, m mine) error {
	sealed, err := s.seal(&t, m)
	if err != nil {
		return err
	}
	return s.Inbox.Add(m.keys.Stored(), sealed, t.files)
}

func (s *server) plainWithdraw(v *visit) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, 16<<10)
	words := v.r.PostFormValue("words")
	m, _, err := s.find(v.r, words)
	if err == nil {
		err = s.Inbox.Withdraw(m.keys.Stored())
	}
	if err != nil && !errors.Is(err, inbox.ErrGone) {
		s.showBack(v, backPage{NotFound: true, Words: words}, err)
		return
	}
	s.showBack(v, backPage{Done: true}, nil)
}
