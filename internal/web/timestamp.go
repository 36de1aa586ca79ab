// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// stampRegister is what the pages of time stamps ask of the registry.
type stampRegister interface {
	TimeStamps(ctx context.Context, s *access.Session) ([]registry.TimeStamp, error)
	TimeAuthorities(ctx context.Context, s *access.Session) ([]registry.TimeAuthority, error)
	Checkpoint(ctx context.Context, s *access.Session) ([]byte, error)
	Query(s *access.Session, data []byte) ([]byte, error)
	MayStamp(s *access.Session) bool
	StampNow(ctx context.Context, s *access.Session, name string, ask registry.Ask) (registry.TimeStamp, error)
	AddStamp(ctx context.Context, s *access.Session, checkpoint, token []byte) (registry.TimeStamp, error)
	FileStamps(ctx context.Context, s *access.Session, caseID string) ([]registry.TimeStamp, error)
	StampFile(ctx context.Context, s *access.Session, caseID, of, name string, ask registry.Ask) (registry.TimeStamp, error)
	AddFileStamp(ctx context.Context, s *access.Session, caseID, of string, token []byte) (registry.TimeStamp, error)
	FileQuery(ctx context.Context, s *access.Session, caseID, of string) ([]byte, error)
}

func (s *server) stampRoutes() []route {
	return []route{
		{"GET /timestamps", s.signed(s.stampsPage)},
		{"GET /timestamps/request.zip", s.signed(s.stampRequest)},
		{"POST /timestamps/ask", s.signed(s.askForStamp)},
		{"POST /timestamps/add", s.signed(s.addStamp)},
		{"GET /timestamps/{stamp}/{part}", s.signed(s.stampPart)},
		{"GET /cases/{id}/files/{file}/stamps/request.tsq", s.signed(s.fileStampRequest)},
		{"POST /cases/{id}/files/{file}/stamps/ask", s.signed(s.askForFileStamp)},
		{"POST /cases/{id}/files/{file}/stamps/add", s.signed(s.addFileStamp)},
		{"GET /cases/{id}/files/{file}/stamps/{stamp}/{part}", s.signed(s.fileStampPart)},
	}
}

// How much of a form with a time stamp is read: tokens have some kilobytes.
const stampLimit = 1 << 20

type stampsBody struct {
	Done, Problem string
	May           bool
	Ask           []string // names of the authorities that can be asked
	NoAuthority   bool
	Authorities   []authorityRow
	Stamps        []stampView
}

type authorityRow struct{ Name, Address string }

// stampView is a time stamp in words.
type stampView struct {
	ID, Over, When, Added, By string
	Tag                       tag
	Says                      []string
	Calendars                 []string
	Blocks                    []blockView
	Chain                     []string
	Parts                     []partLink
	Command                   string
	Hint                      string // to whoever runs the command
}

// blockView is what must stand in a block of Bitcoin.
type blockView struct{ Text, Root string }

type partLink struct{ Href, Text string }

// stampView says what is to be said of a time stamp. Its parts lie under base.
func (v *voice) stampView(t registry.TimeStamp, base string) stampView {
	out := stampView{ID: t.ID, Added: v.moment(t.Added), By: t.Authority, Chain: t.Signers}
	if !t.At.IsZero() {
		out.When = v.T("stamp.at", v.Day(edtf.DayOf(t.At.UTC())), t.At.UTC().Format(time.TimeOnly))
	}
	switch {
	case t.Bad():
		out.Tag = tag{v.T("stamp.tag.bad"), "bad"}
	case t.Outcome == "good":
		out.Tag = tag{v.T("stamp.tag.good"), "good"}
	case t.Form == registry.OpenTimestamps && len(t.Blocks) > 0:
		out.Tag = tag{v.T("stamp.tag.look"), "accent"}
	case t.Form == registry.OpenTimestamps:
		out.Tag = tag{v.T("stamp.tag.pending"), "wait"}
	default:
		out.Tag = tag{v.T("stamp.tag.unverified"), "wait"}
	}
	if key := "stamp.says." + t.Outcome; v.Has(key) {
		out.Says = append(out.Says, v.T(key))
	}
	if t.Form == registry.OpenTimestamps && !t.Bad() {
		for _, b := range t.Blocks {
			text := v.T("stamp.block", v.Number(int(b.Height)))
			if b.Root == "" {
				text = v.T("stamp.block.away", v.Number(int(b.Height)))
			}
			out.Blocks = append(out.Blocks, blockView{text, b.Root})
		}
		if len(t.Blocks) == 0 {
			out.Says = append(out.Says, v.T("stamp.pending"))
			out.Calendars = t.Calendars
		}
	}
	data := "checkpoint.txt"
	if t.Checkpoint != "" {
		out.Parts = append(out.Parts, partLink{base + "/checkpoint.txt", "checkpoint.txt"})
	} else {
		data = "FILE"
	}
	if t.Form == registry.OpenTimestamps {
		out.Parts = append(out.Parts, partLink{base + "/stamp.ots", "stamp.ots"})
		out.Command, out.Hint = "ots verify -f "+data+" stamp.ots", v.T("stamp.verify.ots")
	} else {
		out.Parts = append(out.Parts, partLink{base + "/stamp.der", "stamp.der"}, partLink{base + "/roots.pem", "roots.pem"})
		out.Command, out.Hint = "openssl ts -verify -data "+data+" -token_in -in stamp.der -CAfile roots.pem", v.T("stamp.verify.openssl")
	}
	return out
}

func (s *server) stampsPage(v *visit) error { return s.showStamps(v, "") }

func (s *server) showStamps(v *visit, problem string) error {
	ctx := v.r.Context()
	all, err := s.reg.TimeStamps(ctx, v.session)
	if err != nil {
		return err
	}
	authorities, err := s.reg.TimeAuthorities(ctx, v.session)
	if err != nil {
		return err
	}
	body := stampsBody{Problem: problem, May: s.reg.MayStamp(v.session), NoAuthority: len(authorities) == 0}
	if v.r.URL.Query().Get("kept") != "" {
		body.Done = v.T("stamp.kept")
	}
	for _, a := range authorities {
		body.Authorities = append(body.Authorities, authorityRow{a.Name, a.Address})
	}
	body.Ask = s.askable(authorities)
	for _, t := range slices.Backward(all) {
		view := v.stampView(t, "/timestamps/"+t.ID)
		view.Over = v.T("stamp.over.register", v.Number(int(t.Entries)))
		body.Stamps = append(body.Stamps, view)
	}
	return s.show(v, "timestamps", v.T("stamp.title"), body)
}

// askable are the names of the authorities that can be asked from here.
func (s *server) askable(authorities []registry.TimeAuthority) []string {
	var names []string
	for _, a := range authorities {
		if a.Address != "" && s.ask != nil {
			names = append(names, a.Name)
		}
	}
	return names
}

// stampRequest hands out what is carried to an authority by hand: the checkpoint
// and a request over it, in one archive so that they belong together.
func (s *server) stampRequest(v *visit) error {
	if !s.reg.MayStamp(v.session) {
		return registry.ErrNotAllowed
	}
	checkpoint, err := s.reg.Checkpoint(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	query, err := s.reg.Query(v.session, checkpoint)
	if err != nil {
		return err
	}
	return v.pack("timestamp-request.zip", []packed{{"checkpoint.txt", checkpoint}, {"request.tsq", query}, {"README.txt", []byte(v.T("stamp.readme") + "\n")}})
}

type packed struct {
	name    string
	content []byte
}

// pack hands out small files in one archive.
func (v *visit) pack(name string, files []packed) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f.name)
		if err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	v.handOut(name, b.Bytes())
	return nil
}

// handOut hands out bytes as a file to keep: none that a browser would show.
func (v *visit) handOut(name string, content []byte) {
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headers[0][0], filePolicy)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = v.w.Write(content) // who has gone needs no answer
}

// askForStamp asks an authority, which may take a while.
func (s *server) askForStamp(v *visit) error {
	if s.ask == nil {
		return registry.ErrNotFound
	}
	ctx, cancel := v.patient()
	defer cancel()
	_, err := s.reg.StampNow(ctx, v.session, v.r.PostFormValue("authority"), s.ask)
	return s.stampDone(v, err)
}

func (s *server) addStamp(v *visit) error {
	files, err := v.smallFiles("token", "checkpoint")
	if err != nil {
		return err
	}
	_, err = s.reg.AddStamp(v.r.Context(), v.session, files["checkpoint"], files["token"])
	return s.stampDone(v, err)
}

// smallFiles reads the named files of a form, which are never put on the disk.
func (v *visit) smallFiles(names ...string) (map[string][]byte, error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, stampLimit)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, errBadRequest
	}
	found := map[string][]byte{}
	for {
		var part *multipart.Part
		if part, err = parts.NextPart(); err != nil {
			break
		}
		if !slices.Contains(names, part.FormName()) {
			continue
		}
		if found[part.FormName()], err = io.ReadAll(part); err != nil {
			break
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, errBadRequest
	}
	return found, nil
}

// stampDone goes back to the time stamps, or says there why none was kept.
func (s *server) stampDone(v *visit, err error) error {
	return s.stamped(v, err, "/timestamps?kept=1", s.showStamps)
}

// stamped goes to where a time stamp is shown, or says on the page of the form
// why none was kept.
func (s *server) stamped(v *visit, err error, to string, form func(*visit, string) error) error {
	if err == nil {
		v.redirect(to)
		return nil
	}
	problem := s.stampProblem(v, err)
	if problem == "" {
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return form(v, problem)
}

// stampProblem says why a time stamp was not kept; empty: for no reason that a
// page has words for.
func (s *server) stampProblem(v *visit, err error) string {
	var bad *registry.BadStampError
	switch {
	case errors.As(err, &bad):
		if key := "stamp.bad." + bad.Outcome; v.Has(key) {
			return v.T(key)
		}
		return v.T("stamp.bad.not-a-token")
	case errors.Is(err, registry.ErrNotCheckpoint):
		return v.T("stamp.bad.checkpoint")
	case errors.Is(err, registry.ErrNoAuthority):
		return v.T("stamp.bad.authority")
	case errors.Is(err, registry.ErrNotAllowed), errors.Is(err, registry.ErrNotFound), errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, registry.ErrDiskFull):
		return v.T("capture.problem.full")
	}
	s.log.Warn("no time stamp was given", slog.String("type", types(err)))
	return v.T("stamp.bad.answer")
}

// stampPart hands out what is needed to verify a time stamp elsewhere.
func (s *server) stampPart(v *visit) error {
	all, err := s.reg.TimeStamps(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(t registry.TimeStamp) bool { return t.ID == v.r.PathValue("stamp") })
	if i < 0 {
		return registry.ErrNotFound
	}
	return s.handOutPart(v, all[i])
}

func (s *server) handOutPart(v *visit, t registry.TimeStamp) error {
	part := v.r.PathValue("part")
	switch {
	case part == "checkpoint.txt" && t.Checkpoint != "":
		v.handOut(part, []byte(t.Checkpoint))
	case part == "stamp.ots" && t.Form == registry.OpenTimestamps, part == "stamp.der" && t.Form != registry.OpenTimestamps:
		v.handOut(part, t.Token)
	case part == "roots.pem" && t.Form != registry.OpenTimestamps:
		authorities, err := s.reg.TimeAuthorities(v.r.Context(), v.session)
		if err != nil {
			return err
		}
		var roots bytes.Buffer
		for _, a := range authorities {
			roots.WriteString(a.Roots)
		}
		v.handOut(part, roots.Bytes())
	default:
		return registry.ErrNotFound
	}
	return nil
}

// fileStamps are the time stamps of a file on its page.
type fileStamps struct {
	Base   string   // empty: the member may ask for none
	Ask    []string // names of the authorities that can be asked
	Stamps []stampView
}

// fileStamps reads the time stamps of a file of a case.
func (s *server) fileStamps(v *visit, c *caseReader, f registry.FileView) (*fileStamps, error) {
	if f.SHA256 == "" || f.OfFile != "" {
		return nil, nil
	}
	ctx := v.r.Context()
	all, err := s.reg.FileStamps(ctx, v.session, c.file.Row.ID)
	if err != nil {
		return nil, err
	}
	base := filesPath(c.file.Row, f.ID) + "/stamps"
	card := &fileStamps{}
	for _, t := range all {
		if t.File == f.ID || t.File == "" && t.SHA256 == f.SHA256 {
			view := v.stampView(t, base+"/"+t.ID)
			if t.Form == registry.OpenTimestamps {
				view.Over = "OpenTimestamps"
			}
			card.Stamps = append(card.Stamps, view)
		}
	}
	if !c.file.MayWrite {
		return card, nil
	}
	card.Base = base
	authorities, err := s.reg.TimeAuthorities(ctx, v.session)
	card.Ask = s.askable(authorities)
	return card, err
}

func (s *server) fileStampRequest(v *visit) error {
	query, err := s.reg.FileQuery(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file"))
	if err != nil {
		return err
	}
	v.handOut("request.tsq", query)
	return nil
}

func (s *server) askForFileStamp(v *visit) error {
	if s.ask == nil {
		return registry.ErrNotFound
	}
	ctx, cancel := v.patient()
	defer cancel()
	_, err := s.reg.StampFile(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("file"), v.r.PostFormValue("authority"), s.ask)
	return s.fileStampDone(v, err)
}

func (s *server) addFileStamp(v *visit) error {
	files, err := v.smallFiles("token")
	if err != nil {
		return err
	}
	_, err = s.reg.AddFileStamp(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file"), files["token"])
	return s.fileStampDone(v, err)
}

// fileStampDone goes back to the file, or says there why no time stamp was kept.
func (s *server) fileStampDone(v *visit, err error) error {
	return s.stamped(v, err, link(filesPath(registry.Row{ID: v.r.PathValue("id")}, v.r.PathValue("file")), "stamped", "1")+"#stamps", s.showFile)
}

func (s *server) fileStampPart(v *visit) error {
	all, err := s.reg.FileStamps(v.r.Context(), v.session, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(t registry.TimeStamp) bool { return t.ID == v.r.PathValue("stamp") })
	if i < 0 {
		return registry.ErrNotFound
	}
	return s.handOutPart(v, all[i])
}
