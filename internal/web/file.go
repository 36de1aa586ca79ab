// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
)

// fileRegister is what the pages of the files of a case ask of the registry.
type fileRegister interface {
	AddFile(ctx context.Context, s *access.Session, caseID string, n registry.NewFile) (registry.FileView, error)
	OpenFile(ctx context.Context, s *access.Session, caseID, id string) (io.ReadSeekCloser, registry.FileView, error)
	Files(ctx context.Context, s *access.Session, caseID string) ([]registry.FileView, error)
	WithdrawFile(ctx context.Context, s *access.Session, caseID, id, reason string) error
}

func (s *server) fileRoutes() []route {
	return []route{
		{"GET /cases/{id}/files", s.signed(s.filesPage)},
		{"POST /cases/{id}/files", s.signed(s.addFile)},
		{"GET /cases/{id}/files/{file}", s.signed(s.filePage)},
		{"GET /cases/{id}/files/{file}/original", s.signed(s.originalFile)},
		{"POST /cases/{id}/files/{file}/withdraw", s.signed(s.withdrawFile)},
	}
}

// stillComing is for how long nothing may move while a file comes in or goes
// out: files are large and lines are slow, so the whole of it has no limit.
const stillComing = 2 * time.Minute

// later is a moment from now on.
func later(d time.Duration) time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	at, _ := ctx.Deadline()
	return at
}

// moving lets a request go on for as long as bytes move.
type moving struct {
	http.ResponseWriter
	body    io.ReadCloser
	control *http.ResponseController
}

func (v *visit) moving() *moving {
	m := &moving{ResponseWriter: v.w, body: v.r.Body, control: http.NewResponseController(v.w)}
	m.more()
	v.r.Body = m
	return m
}

func (m *moving) more() { // where it can't be set the usual one holds
	at := later(stillComing)
	_ = m.control.SetReadDeadline(at)
	_ = m.control.SetWriteDeadline(at)
}

// Read is of what comes in.
func (m *moving) Read(p []byte) (int, error) {
	m.more()
	return m.body.Read(p)
}

func (m *moving) Close() error { return m.body.Close() }

// Write is of what goes out.
func (m *moving) Write(p []byte) (int, error) {
	m.more()
	return m.ResponseWriter.Write(p)
}

// watchedFile remembers why a file could not be read on.
type watchedFile struct {
	io.ReadSeeker
	err error
}

func (w *watchedFile) Read(p []byte) (int, error) {
	n, err := w.ReadSeeker.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// fileForm reads a form up to its file: it is handed on as it comes and never
// put on the disk by the form, for what the standard library would keep in a
// temporary file is in the clear. A form without a file gives none.
func fileForm(r *http.Request) (url.Values, *multipart.Part, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, nil, errBadRequest
	}
	values := url.Values{}
	for range 16 {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return values, nil, nil
		}
		if err != nil {
			return nil, nil, registry.ErrFileBroken
		}
		if part.FormName() == "file" {
			return values, part, nil
		}
		const most = 200
		text, err := io.ReadAll(io.LimitReader(part, most))
		if err != nil {
			return nil, nil, registry.ErrFileBroken
		}
		values.Set(part.FormName(), string(text))
	}
	return nil, nil, errBadRequest
}

type filesBody struct {
	Number, Back     string
	FactsOnly        bool
	Add, Help        string // empty Add: they may put none in
	Uploads          string // where the script sends parts
	Begun            []begunRow
	Evidence         []optionView
	Problem          string
	Files            []fileRow
	Page, Done, Name string // of one file
	File             *fileRow
	Web              *webCard    // nil: it is no web capture
	Stamps           *fileStamps // nil: it can have none
	Copies           *copiesCard
}

type optionView struct {
	Value, Text string
	Here        bool
}

type fileRow struct {
	ID, Href, Name, Line, Entered string
	Media, Size, SHA256, BLAKE3   string
	Original                      string // where its bytes are handed out
	Evidence, EvidenceHref        string
	Missing                       bool
	Small                         string // where its small picture is; empty: it has none, or it may not be seen
	Copies                        string // how many copies the program made
	Web                           *tag   // the verdict on a web capture; nil: it is none
	Withdraw                      string // where it is taken back
}

// filesPath is the address of the files of a case, or of one of them.
func filesPath(row registry.Row, file string) string {
	path := casePath(row) + "/files"
	if file != "" {
		path += "/" + url.PathEscape(file)
	}
	return path
}

// openFiles reads the case of the address and its files.
func (s *server) openFiles(v *visit) (*caseReader, []registry.FileView, error) {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return nil, nil, err
	}
	files, err := s.reg.Files(v.r.Context(), v.session, file.Row.ID)
	return newCaseReader(v, file), files, err
}

func (s *server) filesPage(v *visit) error { return s.showFiles(v, "") }

// showFiles lists the files of a case, with why one was not taken.
func (s *server) showFiles(v *visit, problem string) error {
	c, files, err := s.openFiles(v)
	if err != nil {
		return err
	}
	body := c.filesBody()
	body.Problem = problem
	copies, small := map[string]int{}, map[string]string{}
	for _, f := range files {
		copies[f.OfFile]++
		if f.Form == "thumbnail" && f.MayOpen && small[f.OfFile] == "" { // the first: a later one may be of a redacted page
			small[f.OfFile] = filesPath(c.file.Row, f.ID) + "/shown"
		}
	}
	for _, f := range files {
		if f.OfFile != "" {
			continue
		}
		row := c.fileRow(f)
		row.Small = small[f.ID]
		if n := copies[f.ID]; n > 0 {
			row.Copies = v.N("file.copies", n)
		}
		body.Files = append(body.Files, row)
	}
	if c.file.MayWrite {
		v.script("upload.js")
		body.Uploads = casePath(c.file.Row) + "/uploads"
		if body.Begun, err = s.begunRows(c); err != nil {
			return err
		}
		body.Add, body.Help = filesPath(c.file.Row, ""), v.T("file.help", registry.FileLimit>>30)
		here := v.r.URL.Query().Get("evidence")
		for _, rec := range c.file.Records {
			if rec.Kind == "evidence" {
				body.Evidence = append(body.Evidence, optionView{rec.ID, c.Thing(rec), rec.ID == here})
			}
		}
	}
	return s.show(v, "files", c.file.Row.Number+" · "+v.T("file.title"), body)
}

func (c *caseReader) filesBody() filesBody {
	return filesBody{Number: c.file.Row.Number, Back: casePath(c.file.Row), FactsOnly: c.file.Row.FactsOnly}
}

// fileRow is a file in words.
func (c *caseReader) fileRow(f registry.FileView) fileRow {
	row := fileRow{
		ID: f.ID, Href: filesPath(c.file.Row, f.ID), Name: cmp.Or(f.Name, c.T("file.unnamed", short(f.ID))), Media: c.media(f.Media), Size: c.size(f.Bytes),
		SHA256: f.SHA256, BLAKE3: f.BLAKE3, Missing: f.Missing, Entered: joined(" · ", c.moment(f.At), f.By),
	}
	row.Line = join([]string{row.Media, row.Size})
	if f.MayOpen {
		row.Original = row.Href + "/original"
	}
	if f.Web != nil {
		t := c.webVerdict(f.Web)
		row.Web = &t
	}
	if rec := c.byID[f.Evidence]; rec != nil {
		row.Evidence, row.EvidenceHref = c.Thing(rec), recordPath(c.file.Row, rec.ID)
	}
	if c.file.MayWrite {
		row.Withdraw = row.Href + "/withdraw"
	}
	return row
}

// media names what a file is by its first bytes.
func (v *voice) media(kind string) string {
	k := safecopy.Kind(kind)
	family, mark := "unknown", ""
	switch {
	case k == safecopy.PDF:
		family, mark = "document", "PDF"
	case k == safecopy.Office:
		family = "document"
	case k == safecopy.HTML, k == safecopy.Capture:
		family = "page"
	case k == safecopy.Text:
		family = "text"
	case k == safecopy.Archive:
		family = "archive"
	case strings.HasPrefix(kind, "image/"):
		family = "picture"
	case strings.HasPrefix(kind, "video/"):
		family = "film"
	case strings.HasPrefix(kind, "audio/"):
		family = "sound"
	}
	if family == "picture" {
		mark, _, _ = strings.Cut(strings.ToUpper(strings.TrimPrefix(kind, "image/")), "+")
	}
	return joined(" ", v.T("file.media."+family), mark)
}

// size is how large a file is, in a unit that suits it.
func (v *voice) size(n int64) string {
	for _, unit := range []string{"kb", "mb"} {
		if n = (n + 1023) / 1024; n < 10000 {
			return v.T("file.size."+unit, v.Number(int(n)))
		}
	}
	return v.T("file.size.gb", v.Number(int((n+1023)/1024)))
}

// filePage shows one file: what is known of it, and where it is to be had.
func (s *server) filePage(v *visit) error { return s.showFile(v, "") }

func (s *server) showFile(v *visit, problem string) error {
	c, files, err := s.openFiles(v)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.ID != v.r.PathValue("file") {
			continue
		}
		body := c.filesBody()
		row := c.fileRow(f)
		body.File, body.Page, body.Name, body.Problem = &row, filesPath(c.file.Row, ""), row.Name, problem
		if v.r.URL.Query().Get("stored") != "" {
			body.Done = v.T("file.done")
		}
		if body.Copies, err = s.copies(v, c, files, f); err != nil {
			return err
		}
		if v.r.URL.Query().Get("stamped") != "" {
			body.Done = v.T("stamp.kept")
		}
		body.Done = cmp.Or(body.Copies.Done, body.Done)
		body.Web = v.webCard(f.Web)
		if body.Stamps, err = s.fileStamps(v, c, f); err != nil {
			return err
		}
		return s.show(v, "file", c.file.Row.Number+" · "+v.T("file.one"), body)
	}
	return registry.ErrNotFound
}

// addFile takes a file in from the plain form.
func (s *server) addFile(v *visit) error {
	v.moving()
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, registry.FileLimit+postLimit)
	values, part, err := fileForm(v.r)
	if err != nil {
		return s.fileNotTaken(v, err)
	}
	if part == nil {
		return s.fileNotTaken(v, registry.ErrFileEmpty)
	}
	f, err := s.reg.AddFile(v.r.Context(), v.session, v.r.PathValue("id"), registry.NewFile{Evidence: values.Get("evidence"), Name: part.FileName(), Content: part})
	if err != nil {
		return s.fileNotTaken(v, err)
	}
	s.quickCopy(v, f)
	v.redirect(link(filesPath(registry.Row{ID: f.Case}, f.ID), "stored", "1"))
	return nil
}

// fileNotTaken says on the page of the files why one was not taken.
func (s *server) fileNotTaken(v *visit, err error) error {
	problem := v.fileProblem(err)
	if problem == "" {
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showFiles(v, problem)
}

// fileProblem is why a file was not taken, in words; empty: it is no matter of the file.
func (v *visit) fileProblem(err error) string {
	var long *http.MaxBytesError
	switch {
	case errors.Is(err, registry.ErrFileSize), errors.As(err, &long):
		return v.T("file.problem.size", registry.FileLimit>>30)
	case errors.Is(err, registry.ErrFileEmpty):
		return v.T("file.problem.empty")
	case errors.Is(err, registry.ErrDiskFull):
		return v.T("file.problem.full")
	case errors.Is(err, registry.ErrFileBroken):
		return v.T("file.problem.broken")
	}
	return ""
}

// originalFile hands a file out as it came: to be kept, of no kind that a
// browser would show or run, whatever is in it and whatever it is called. A
// part of it can be asked for, so that a download goes on after a cut line.
func (s *server) originalFile(v *visit) error {
	content, f, err := s.reg.OpenFile(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file"))
	if err != nil {
		return s.fileNotOpened(err)
	}
	defer func() { _ = content.Close() }() // nothing was written
	v.attached(cmp.Or(f.Name, "file-"+short(f.ID)))
	if f.SHA256 != "" {
		v.w.Header().Set("ETag", `"`+f.ID+`"`)
	}
	s.sendFile(v, content)
	return nil
}

// fileNotOpened says that a file is damaged; any other reason stays what it is.
func (s *server) fileNotOpened(err error) error {
	if errors.Is(err, registry.ErrFileDamaged) {
		s.log.Error("a file is missing or was altered: 'kua verify --deep' says which")
		return oops{http.StatusInternalServerError, "file"}
	}
	return err
}

// attached says of what is sent that it is to be kept under this name, of no
// kind that a browser would show or run.
func (v *visit) attached(name string) {
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headers[0][0], filePolicy)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// sendFile sends what was asked for of a file, or of a copy. Where it turns out
// to be altered on the way, the browser sees that it is not whole.
func (s *server) sendFile(v *visit, content io.ReadSeeker) {
	watched := &watchedFile{ReadSeeker: content}
	http.ServeContent(v.moving(), v.r, "", time.Time{}, watched)
	if watched.err != nil {
		s.log.Error("a file did not go out whole: 'kua verify --deep' says more", slog.String("type", types(watched.err)))
		panic(http.ErrAbortHandler)
	}
}

func (s *server) withdrawFile(v *visit) error {
	err := s.reg.WithdrawFile(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file"), v.r.PostFormValue("reason"))
	if errors.Is(err, registry.ErrReason) {
		v.status = http.StatusUnprocessableEntity
		return s.showFile(v, v.T("file.problem.reason"))
	}
	if err != nil {
		return err
	}
	v.redirect(filesPath(registry.Row{ID: v.r.PathValue("id")}, ""))
	return nil
}
