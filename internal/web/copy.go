// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
)

// copyRegister is what the pages of safe copies ask of the registry.
type copyRegister interface {
	MakeCopy(ctx context.Context, s *access.Session, caseID, file string, quick bool) (registry.FileCopy, error)
	ReadText(ctx context.Context, s *access.Session, caseID, file string, quick bool) (registry.FileCopy, error)
	Redact(ctx context.Context, s *access.Session, caseID, file string, boxes []safecopy.Box, reason string) (registry.FileCopy, error)
	FileCopies(ctx context.Context, s *access.Session, caseID, file string) ([]registry.FileCopy, error)
	OpenCopy(ctx context.Context, s *access.Session, caseID, file string) (io.ReadSeekCloser, registry.FileView, error)
}

func (s *server) copyRoutes() []route {
	return []route{
		{"POST /cases/{id}/files/{file}/copy", s.signed(s.makeCopy)},
		{"POST /cases/{id}/files/{file}/text", s.signed(s.readText)},
		{"GET /cases/{id}/files/{file}/shown", s.signed(s.shownCopy)},
		{"GET /cases/{id}/files/{file}/redact", s.signed(s.redactPage)},
		{"POST /cases/{id}/files/{file}/redact", s.signed(s.redact)},
	}
}

// mediaPolicy is the policy of the pages that play sound or film.
const mediaPolicy = "media-src 'self'; "

// plays lets this page play the pages' own sound and film.
func (v *visit) plays() {
	v.w.Header().Set(headers[0][0], mediaPolicy+v.w.Header().Get(headers[0][0]))
}

// copiesCard is what was made of a file, on its page.
type copiesCard struct {
	FactsOnly           bool
	RefusedLead         string // what can be done where there is none
	TextLead            string // what is to be known of its text
	Make, Again         string // where a copy is made, where another try is
	Read, Redact        string // where the text is read, and parts are blacked out
	Show                *shownView
	Refused             string
	Limit               string
	Notes               []string
	Walls, Missing      []string
	Metadata            []metadataView
	Said, Opened        bool
	By                  string
	Text, TextBy        string
	TextNone            string
	Redacted            []redactedView
	Done, Original      string // Original: where the original of a copy is shown
	MayRedact, TextOpen bool
}

// shownView is a copy that is shown on a page.
type shownView struct {
	Kind       string // picture, pages, film, sound, text, other
	Src, Alt   string
	Save       string
	Page       string // which of how many
	Prev, Next string
	Text       string
}

type metadataView struct {
	Where string
	Facts []pair
}

type redactedView struct{ Href, Src, Alt, Line, By, Reason string }

// copies are what was made of a file, for its page.
func (s *server) copies(v *visit, c *caseReader, files []registry.FileView, f registry.FileView) (*copiesCard, error) {
	card := &copiesCard{FactsOnly: c.file.Row.FactsOnly, RefusedLead: v.T("copies.refused.lead"), TextLead: v.T("copies.text.lead")}
	here := filesPath(c.file.Row, f.ID)
	if f.OfFile != "" {
		card.Original = filesPath(c.file.Row, f.OfFile)
		copies, err := s.reg.FileCopies(v.r.Context(), v.session, c.file.Row.ID, f.OfFile)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(copies, func(x registry.FileCopy) bool { return x.File == f.ID })
		if i >= 0 && f.MayOpen {
			card.show(v, copies[i], filesPath(c.file.Row, copies[i].File)+"/shown", here)
			card.By = v.madeBy(copies[i])
		}
		return card, nil
	}
	copies, err := s.reg.FileCopies(v.r.Context(), v.session, c.file.Row.ID, f.ID)
	if err != nil {
		return nil, err
	}
	opens := func(id string) bool {
		return slices.ContainsFunc(files, func(x registry.FileView) bool { return x.ID == id && x.MayOpen })
	}
	var read *registry.FileCopy
	for i, x := range copies {
		switch x.Form {
		case registry.SafeCopy:
			card.opened(v, x)
			if x.File != "" && opens(x.File) {
				card.show(v, x, filesPath(c.file.Row, x.File)+"/shown", here)
			}
			if read == nil && x.Text != "" {
				read = &copies[i]
			}
			card.MayRedact = x.Refused == "" && redactable(x)
		case registry.TextOfFile:
			read = &copies[i]
		case registry.RedactedCopy:
			one := redactedView{Href: filesPath(c.file.Row, x.File), Alt: v.T("copies.redacted.alt"), By: v.madeBy(x), Reason: x.Reason}
			if len(x.Boxes) > 0 {
				one.Line = v.T("copies.redacted.boxes", v.Number(len(x.Boxes)))
			}
			if x.Thumbnail != "" && opens(x.Thumbnail) {
				one.Src = filesPath(c.file.Row, x.Thumbnail) + "/shown"
			}
			if x.Refused != "" {
				one.Line = v.refused(x)
			}
			card.Redacted = append(card.Redacted, one)
		}
	}
	if c.file.MayWrite && f.MayOpen {
		switch {
		case !card.Opened:
			card.Make = here + "/copy"
		case card.Again != "":
			card.Again = here + "/copy"
		}
		if card.MayRedact {
			card.Redact = here + "/redact"
		}
		if card.MayRedact && (read == nil || read.MayAgain()) {
			card.Read = here + "/text"
		}
	} else {
		card.Again = ""
	}
	if read != nil {
		card.Text, card.TextBy = read.Text, v.madeBy(*read)
		switch {
		case read.Refused != "":
			card.TextNone = v.refused(*read)
		case read.Text == "" && slices.Contains(read.Notes, "no_reader"):
			card.TextNone = v.T("copies.text.reader")
		case read.Text == "" && !card.FactsOnly:
			card.TextNone = v.T("copies.text.none")
		}
	}
	switch v.r.URL.Query().Get("made") {
	case "copy":
		if card.Refused == "" && card.Opened {
			card.Done = v.T("copies.done")
		}
	case "redacted":
		card.Done = v.T("copies.redact.done")
	}
	return card, nil
}

// opened tells how the original was opened, and what came of it.
func (card *copiesCard) opened(v *visit, x registry.FileCopy) {
	card.Opened, card.By = true, v.madeBy(x)
	if x.Refused != "" {
		card.Refused, card.Limit = v.refused(x), v.limit(x)
		if x.MayAgain() {
			card.Again = "again"
		}
	}
	for _, n := range x.Notes {
		card.Notes = append(card.Notes, v.label("copy_note", n))
	}
	for _, w := range x.Walls {
		card.Walls = append(card.Walls, v.label("copy_wall", w))
	}
	for _, w := range x.Missing {
		card.Missing = append(card.Missing, v.label("copy_wall", w))
	}
	card.Said = x.Refused == "" && !card.FactsOnly
	for _, f := range x.Metadata {
		if n := len(card.Metadata); n == 0 || card.Metadata[n-1].Where != f.Where {
			card.Metadata = append(card.Metadata, metadataView{Where: f.Where})
		}
		last := &card.Metadata[len(card.Metadata)-1]
		last.Facts = append(last.Facts, pair{v.tag(f.Name), f.Value})
	}
}

// tags are the names of metadata that have words of their own, copies.tag.<word>.
var tags = map[string]string{
	"Taken": "taken", "Changed": "changed", "Digitised": "digitised", "Camera maker": "maker", "Camera model": "model", "Camera's serial number": "serial", "Camera owner": "owner", "Lens model": "lens", "Artist": "artist", "Author": "author", "Copyright": "copyright", "Software": "software", "Description": "description", "Comment": "comment", "Position": "position", "Altitude": "altitude", "Date (UTC)": "gps_date", "Time (UTC)": "gps_time", "Direction": "direction", "Title": "title", "Subject": "subject", "Keywords": "keywords", "Keyword": "keyword", "City": "city", "Place": "place", "Region": "region", "Country": "country", "Caption": "caption", "Contact": "contact", "Source": "source", "Credit": "credit", "Creator": "creator", "Producer": "producer", "CreationDate": "created", "ModDate": "modified", "Page size": "page_size", "Seconds": "seconds", "Codec": "codec", "Orientation": "orientation", "creation_time": "creation_time", "location": "location",
}

// tag is the name of a piece of metadata in the reader's language, where there is one.
func (v *visit) tag(name string) string {
	if word, ok := tags[name]; ok {
		return v.T("copies.tag." + word)
	}
	return name
}

// show shows a copy: src is where it is had, here is the page that shows it.
func (card *copiesCard) show(v *visit, x registry.FileCopy, src, here string) {
	view := &shownView{Kind: "other", Src: src, Save: src + "?save=1", Alt: v.T("copies.picture")}
	kind := safecopy.Kind(x.Media)
	switch {
	case kind == safecopy.PDF:
		page, prev, next := v.pageOf(x.Pages, here)
		view.Kind, view.Src, view.Alt, view.Prev, view.Next = "pages", link(src, "page", strconv.Itoa(page)), v.T("copies.page.alt", page), prev, next
		view.Page = v.T("copies.page", v.Number(page), v.Number(x.Pages))
	case kind.Picture():
		view.Kind = "picture"
	case strings.HasPrefix(x.Media, "video/"):
		view.Kind = "film"
		v.plays()
	case strings.HasPrefix(x.Media, "audio/"):
		view.Kind = "sound"
		v.plays()
	case kind == safecopy.Text:
		view.Kind, view.Text = "text", x.Text
	}
	if x.Form == registry.RedactedCopy {
		view.Alt = v.T("copies.redacted.alt")
	}
	card.Show = view
}

// pageOf is the page of the address, and where the ones beside it are shown.
func (v *visit) pageOf(pages int, here string) (page int, prev, next string) {
	page, _ = strconv.Atoi(v.r.URL.Query().Get("page"))
	page = min(max(page, 1), max(pages, 1))
	if page > 1 {
		prev = link(here, "page", strconv.Itoa(page-1)) + "#copy"
	}
	if page < pages {
		next = link(here, "page", strconv.Itoa(page+1)) + "#copy"
	}
	return page, prev, next
}

// redactable tells whether boxes can be burnt into a file.
func redactable(x registry.FileCopy) bool {
	kind := safecopy.Kind(x.Media)
	return kind == safecopy.PDF || kind.Picture()
}

func (v *visit) madeBy(x registry.FileCopy) string {
	return v.T("copies.made", x.By, v.moment(x.At))
}

// refused is why there is no copy, in words.
func (v *visit) refused(x registry.FileCopy) string {
	if x.Refused == string(safecopy.NeedsProgram) {
		return v.T("copies.refused.program", x.Need)
	}
	return v.T("copies.refused." + x.Refused)
}

// limit is the limit that a file goes beyond, in words; empty: there is none, or
// it says nothing to people.
func (v *visit) limit(x registry.FileCopy) string {
	if x.Have == 0 || x.Most == 0 || x.Refused == string(safecopy.TooMuchRAM) {
		return ""
	}
	return v.T("copies.refused.most", v.Number(int(x.Have)), v.Number(int(x.Most)))
}

// copyTimeout is how long a copy may take: what Limits let it, and waiting for another.
const copyTimeout = 15 * time.Minute

// waits gives a request the time that a copy takes.
func (v *visit) waits() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(v.r.Context(), copyTimeout)
	if deadline, ok := ctx.Deadline(); ok {
		_ = http.NewResponseController(v.w).SetWriteDeadline(deadline.Add(time.Minute)) // where it can't be set the usual one holds
	}
	return ctx, cancel
}

// fileHere is the page of the file of the address.
func (v *visit) fileHere() string {
	return filesPath(registry.Row{ID: v.r.PathValue("id")}, v.r.PathValue("file"))
}

// makeCopy makes the copy of a file that is safe to look at.
func (s *server) makeCopy(v *visit) error {
	ctx, cancel := v.waits()
	defer cancel()
	_, err := s.reg.MakeCopy(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("file"), false)
	return s.copyDone(v, err, "copy")
}

// readText reads what is written in a file.
func (s *server) readText(v *visit) error {
	ctx, cancel := v.waits()
	defer cancel()
	_, err := s.reg.ReadText(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("file"), false)
	return s.copyDone(v, err, "text")
}

// copyDone goes back to the file, or says there why nothing could be tried.
func (s *server) copyDone(v *visit, err error, made string) error {
	problem := v.fileProblem(err)
	switch {
	case err == nil:
		v.redirect(link(v.fileHere(), "made", made) + "#" + made)
		return nil
	case errors.Is(err, registry.ErrFileDamaged):
		s.log.Error("a file is missing or was altered: 'kua verify --deep' says which")
		return oops{http.StatusInternalServerError, "file"}
	case errors.Is(err, registry.ErrNoOpener):
		problem = v.T("copies.problem.opener")
	}
	if problem == "" {
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showFile(v, problem)
}

// quickCopy makes the safe copy of a file that has just come in, and reads a
// short scan, where nobody has to wait for it. What comes of it stands on the
// page of the file.
func (s *server) quickCopy(v *visit, f registry.FileView) {
	if f.Bytes > quickBytes {
		return
	}
	ctx, cancel := v.waits()
	defer cancel()
	made, err := s.reg.MakeCopy(ctx, v.session, f.Case, f.ID, true)
	if err == nil && made.Media == string(safecopy.PDF) && made.Text == "" && made.Pages <= quickPages {
		_, err = s.reg.ReadText(ctx, v.session, f.Case, f.ID, true)
	}
	if err != nil && !errors.Is(err, registry.ErrNotQuick) && !errors.Is(err, registry.ErrNoOpener) && !errors.Is(err, context.Canceled) {
		s.log.Warn("no safe copy was made of a file that came in; it can be asked for on its page", slog.String("type", types(err)))
	}
}

// quickPages is up to how many pages a scan is read at once.
const quickPages = 2

// quickBytes is up to which size a file has its copy made at once.
const quickBytes = 24 << 20

// shownTypes are what a browser is given to show: only what was made here.
var shownTypes = []safecopy.Kind{safecopy.JPEG, safecopy.PNG, safecopy.MP4, safecopy.WebM, safecopy.Matroska, safecopy.MP3, safecopy.Ogg, safecopy.WAV, safecopy.FLAC, safecopy.AMR}

// shownCopy hands out a copy: a picture, a page of a document, sound and film
// from any place, to be shown on the pages; with save, all of it to be kept.
func (s *server) shownCopy(v *visit) error {
	content, f, err := s.reg.OpenCopy(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file"))
	if err != nil {
		return s.fileNotOpened(err)
	}
	return s.sendCopy(v, content, f.ID, safecopy.Kind(f.Media))
}

// sendCopy hands out a copy that has an id and is of a kind.
func (s *server) sendCopy(v *visit, content io.ReadSeekCloser, id string, kind safecopy.Kind) error {
	defer func() { _ = content.Close() }() // nothing was written
	h := v.w.Header()
	q := v.r.URL.Query()
	var out io.ReadSeeker = content
	switch {
	case q.Get("save") != "":
		v.attached("copy-" + short(id) + endings[kind])
	case kind == safecopy.PDF:
		page, err := strconv.Atoi(q.Get("page"))
		if err != nil {
			return registry.ErrNotFound
		}
		picture, err := safecopy.Page(content, page)
		switch {
		case errors.Is(err, safecopy.ErrNoPage):
			return registry.ErrNotFound
		case err != nil:
			return err
		}
		h.Set("Content-Type", string(safecopy.JPEG))
		out = bytes.NewReader(picture)
	case slices.Contains(shownTypes, kind):
		h.Set("Content-Type", string(kind))
	default:
		return registry.ErrNotFound
	}
	h.Set(headers[0][0], filePolicy)
	h.Set("ETag", `"`+id+`"`)
	s.sendFile(v, out)
	return nil
}

var endings = map[safecopy.Kind]string{
	safecopy.JPEG: ".jpg", safecopy.PNG: ".png", safecopy.PDF: ".pdf", safecopy.MP4: ".mp4", safecopy.WebM: ".webm", safecopy.Matroska: ".mkv", safecopy.MP3: ".mp3",
	safecopy.Ogg: ".ogg", safecopy.WAV: ".wav", safecopy.FLAC: ".flac", safecopy.AMR: ".amr", safecopy.Text: ".txt",
}

// redactBody is the page on which parts of a file are blacked out.
type redactBody struct {
	Number, Back, Name, Page string
	Problem                  string
	Src, Alt                 string
	At, Pages                int
	Prev, Next               int // pages; 0: none
	Many                     bool
	PageLine                 string
	Boxes                    []boxView
	Reason                   string
	None                     bool
}

type boxView struct {
	N                              int
	Page, Left, Top, Width, Height string
	Here                           bool // it is on the page that is shown, and can be drawn
	X, Y, W, H                     string
}

// moreBoxes is how many empty rows stand below the boxes there are.
const moreBoxes = 3

func (s *server) redactPage(v *visit) error {
	return s.showRedact(v, nil, v.r.URL.Query().Get("page"), "", "")
}

// showRedact shows a page of the safe copy with the boxes there are so far.
func (s *server) showRedact(v *visit, boxes []boxView, at, reason, problem string) error {
	c, files, err := s.openFiles(v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(files, func(f registry.FileView) bool { return f.ID == v.r.PathValue("file") && f.OfFile == "" })
	if i < 0 || !files[i].MayOpen {
		return registry.ErrNotFound
	}
	if !c.file.MayWrite {
		return registry.ErrNotAllowed
	}
	copies, err := s.reg.FileCopies(v.r.Context(), v.session, c.file.Row.ID, files[i].ID)
	if err != nil {
		return err
	}
	body := redactBody{Number: c.file.Row.Number, Back: casePath(c.file.Row), Name: cmp.Or(files[i].Name, v.T("file.unnamed", short(files[i].ID))), Page: filesPath(c.file.Row, files[i].ID), Problem: problem, Reason: reason, None: true}
	for _, x := range copies {
		if x.Form != registry.SafeCopy || x.File == "" || !redactable(x) {
			continue
		}
		body.None = false
		body.Pages = max(x.Pages, 1)
		body.At, _ = strconv.Atoi(at)
		body.At = min(max(body.At, 1), body.Pages)
		body.Src, body.Alt = filesPath(c.file.Row, x.File)+"/shown", v.T("copies.picture")
		if x.Media == string(safecopy.PDF) {
			body.Src, body.Alt = link(body.Src, "page", strconv.Itoa(body.At)), v.T("copies.page.alt", body.At)
		}
		body.Many, body.Prev = body.Pages > 1, body.At-1
		if body.At < body.Pages {
			body.Next = body.At + 1
		}
		body.PageLine = v.T("copies.page", v.Number(body.At), v.Number(body.Pages))
	}
	for range moreBoxes {
		boxes = append(boxes, boxView{Page: strconv.Itoa(body.At)})
	}
	for n := range boxes {
		b := &boxes[n]
		b.N = n + 1
		if box, ok := b.box(); ok && box.Page == body.At {
			b.Here = true
			b.X, b.Y, b.W, b.H = percent(box.X), percent(box.Y), percent(box.Width), percent(box.Height)
		}
	}
	body.Boxes = boxes
	v.script("redact.js")
	return s.show(v, "redact", c.file.Row.Number+" · "+v.T("copies.redact.title"), body)
}

func percent(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(x*100, 'f', 2, 64), "0"), ".")
}

// box reads what was typed; false: it is none.
func (b boxView) box() (safecopy.Box, bool) {
	page, err := strconv.Atoi(strings.TrimSpace(b.Page))
	var values [4]float64
	for i, text := range []string{b.Left, b.Top, b.Width, b.Height} {
		n, e := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSuffix(strings.TrimSpace(text), "%"), ",", "."), 64)
		if e != nil {
			err = e
		}
		values[i] = n / 100
	}
	return safecopy.Box{Page: page, X: values[0], Y: values[1], Width: values[2], Height: values[3]}, err == nil
}

// redact shows the boxes, goes to another page with them, or burns them into a copy.
func (s *server) redact(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return errBadRequest
	}
	form := v.r.PostForm
	value := func(name string, i int) string {
		if all := form[name]; i < len(all) {
			return all[i]
		}
		return ""
	}
	var rows []boxView
	var boxes []safecopy.Box
	wrong := false
	for i := range form["width"] {
		row := boxView{Page: value("page", i), Left: value("left", i), Top: value("top", i), Width: value("width", i), Height: value("height", i)}
		if strings.TrimSpace(row.Width) == "" {
			continue // taken away, or never there
		}
		rows = append(rows, row)
		box, ok := row.box()
		wrong = wrong || !ok
		boxes = append(boxes, box)
	}
	at, reason := form.Get("at"), form.Get("reason")
	if form.Get("do") != "make" {
		return s.showRedact(v, rows, cmp.Or(form.Get("go"), at), reason, "")
	}
	problem := v.T("copies.redact.problem", registry.MaxBoxes)
	if wrong {
		v.status = http.StatusUnprocessableEntity
		return s.showRedact(v, rows, at, reason, problem)
	}
	ctx, cancel := v.waits()
	defer cancel()
	_, err := s.reg.Redact(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("file"), boxes, reason)
	if errors.Is(err, registry.ErrBoxes) {
		v.status = http.StatusUnprocessableEntity
		return s.showRedact(v, rows, at, reason, problem)
	}
	return s.copyDone(v, err, "redacted")
}
