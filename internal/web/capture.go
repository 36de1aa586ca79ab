// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// captureRegister is what the pages of stored copies ask of the registry.
type captureRegister interface {
	AddCapture(ctx context.Context, s *access.Session, n registry.NewCapture) (registry.CaptureView, error)
	OpenCapture(ctx context.Context, s *access.Session, id string) (registry.CaptureView, io.ReadCloser, error)
	WithdrawCapture(ctx context.Context, s *access.Session, id, reason string) (registry.CaptureView, error)
}

func (s *server) captureRoutes() []route {
	return []route{
		{"POST /state/publication/{record}/captures", s.signed(s.addCapture)},
		{"POST /state/publication/{record}/captures/text", s.signed(s.addCaptureText)},
		{"GET /captures/{record}", s.signed(s.openCapture)},
		{"POST /captures/{record}/withdraw", s.signed(s.withdrawCapture)},
	}
}

// fileTimeout is how long a file may take to come in or to go out: 50 MB on a
// line of 256 kbit/s take 26 minutes.
const fileTimeout = 40 * time.Minute

// filePolicy is the policy of a file that is handed out: should a browser show
// it all the same, it does nothing there.
const filePolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

// capturesCard are the stored copies on the page of a publication.
type capturesCard struct {
	Rows             []captureRow
	Add, Today, Help string // empty Add: they may store none
	Problem, Done    string
}

type captureRow struct{ ID, Href, Name, Line, SHA256, Entered, Withdraw string }

func (v *visit) capturesCard(view registry.StateView, problem string) *capturesCard {
	card := &capturesCard{Problem: problem}
	if view.May && !view.Record.Withdrawn {
		card.Add = outsidePath(view.Record.Kind, view.Record.ID) + "/captures"
		card.Today, card.Help = v.reg.Today().String(), v.T("capture.help", registry.CaptureLimit>>20)
	}
	if v.r.URL.Query().Get("stored") != "" {
		card.Done = v.T("capture.done")
	}
	for _, c := range view.Captures {
		row := captureRow{
			ID: c.ID, Name: cmp.Or(c.Name, v.T("capture.name")), SHA256: c.SHA256, Entered: v.T("record.entered", v.moment(c.At)),
			Line: join([]string{v.label("media", c.Media), v.T("capture.size", v.Number(int((c.Bytes+1023)/1024)))}),
		}
		if !c.Taken.IsZero() {
			row.Line = join([]string{row.Line, v.T("capture.saved", c.Taken)})
		}
		if c.MayOpen {
			row.Href = "/captures/" + c.ID
		}
		if card.Add != "" {
			row.Withdraw = row.Href + "/withdraw"
		}
		card.Rows = append(card.Rows, row)
	}
	return card
}

// patient gives a request the time that a file takes.
func (v *visit) patient() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(v.r.Context(), fileTimeout)
	if deadline, ok := ctx.Deadline(); ok {
		control := http.NewResponseController(v.w)
		_ = control.SetReadDeadline(deadline) // where it can't be set the usual one holds
		_ = control.SetWriteDeadline(deadline)
	}
	return ctx, cancel
}

// addCapture takes a file in.
func (s *server) addCapture(v *visit) error {
	ctx, cancel := v.patient()
	defer cancel()
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, registry.CaptureLimit+postLimit)
	values, part, err := fileForm(v.r)
	switch {
	case err != nil:
		return s.captureDone(v, err)
	case part == nil:
		return s.captureDone(v, registry.ErrCaptureEmpty)
	}
	return s.storeCapture(ctx, v, values.Get("taken"), part.FileName(), part)
}

// addCaptureText stores text that was pasted.
func (s *server) addCaptureText(v *visit) error {
	text := strings.ReplaceAll(v.r.PostFormValue("text"), "\r\n", "\n")
	name := ""
	if strings.TrimSpace(text) == "" {
		text = ""
	} else {
		name = v.T("capture.name.text") + ".txt"
	}
	return s.storeCapture(v.r.Context(), v, v.r.PostFormValue("taken"), name, strings.NewReader(text))
}

func (s *server) storeCapture(ctx context.Context, v *visit, taken, name string, content io.Reader) error {
	n := registry.NewCapture{Publication: v.r.PathValue("record"), Name: name, Content: content}
	if taken = strings.TrimSpace(taken); taken != "" {
		day, err := locale.ReadDate(taken)
		if err != nil {
			v.status = http.StatusUnprocessableEntity
			return s.showStateRecord(v, "publication", v.T("capture.problem.date", taken))
		}
		n.Taken = day
	}
	_, err := s.reg.AddCapture(ctx, v.session, n)
	return s.captureDone(v, err)
}

// captureDone goes back to the publication, or says there why nothing was stored.
func (s *server) captureDone(v *visit, err error) error {
	var long *http.MaxBytesError
	problem := ""
	switch {
	case err == nil:
		v.redirect(link(outsidePath("publication", v.r.PathValue("record")), "stored", "1") + "#captures")
		return nil
	case errors.Is(err, registry.ErrCaptureSize), errors.As(err, &long):
		problem = v.T("capture.problem.size", registry.CaptureLimit>>20)
	case errors.Is(err, registry.ErrCaptureEmpty):
		problem = v.T("capture.problem.empty")
	case errors.Is(err, registry.ErrFileBroken):
		problem = v.T("capture.problem.broken")
	case errors.Is(err, registry.ErrDiskFull):
		problem = v.T("capture.problem.full")
	default:
		return err
	}
	v.status = http.StatusUnprocessableEntity
	return s.showStateRecord(v, "publication", problem)
}

// openCapture hands a stored copy out: as a file to keep, of no kind that a
// browser would show or run, whatever is in it and whatever it is called.
func (s *server) openCapture(v *visit) error {
	ctx, cancel := v.patient()
	defer cancel()
	view, content, err := s.reg.OpenCapture(ctx, v.session, v.r.PathValue("record"))
	if errors.Is(err, registry.ErrCaptureDamaged) {
		s.log.Error("a stored copy is missing or was altered: 'kua verify --deep' says which")
		return oops{http.StatusInternalServerError, "capture"}
	}
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // nothing was written
	v.attached(cmp.Or(view.Name, "copy-"+short(view.ID)))
	v.w.Header().Set("Content-Length", strconv.FormatInt(view.Bytes, 10))
	v.w.WriteHeader(http.StatusOK)
	if _, err := io.Copy(v.w, content); err != nil {
		s.log.Warn("a stored copy did not go out whole", slog.String("type", types(err)))
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
	return nil
}

func (s *server) withdrawCapture(v *visit) error {
	view, err := s.reg.WithdrawCapture(v.r.Context(), v.session, v.r.PathValue("record"), v.r.PostFormValue("reason"))
	if errors.Is(err, registry.ErrReason) {
		v.r.SetPathValue("record", view.Publication)
		v.status = http.StatusUnprocessableEntity
		return s.showStateRecord(v, "publication", v.T("capture.problem.reason"))
	}
	if err != nil {
		return err
	}
	v.redirect(outsidePath("publication", view.Publication) + "#captures")
	return nil
}
