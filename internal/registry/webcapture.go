// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/webarchive"
)

// The verdicts on web captures, codes of list capture_verdict.
const (
	CaptureSame      = "same"
	CaptureAltered   = "altered"
	CaptureMissing   = "missing"
	CaptureDamaged   = "damaged"
	CaptureUnchecked = "unchecked"
	CaptureNone      = "none"
	CaptureUnread    = "unread"
)

// lookLimit is how long a file is looked at before its record is written:
// whoever has put it in waits for that.
const lookLimit = 90 * time.Second

// listLimit is how many bytes the list of what is in a capture may have.
const listLimit = 32 << 10

// WebCapture is what a file says of itself as a web capture, and whether it is
// so. All but form, verdict and day is empty for those who read facts alone.
type WebCapture struct {
	Form    string // code of list capture_form
	Verdict string // code of list capture_verdict
	Day     edtf.Date
	Address string
	Found   webarchive.Capture // as it was listed; no more of it than fits
}

// VerdictOf is what is to be said of a capture as a whole: a code of list
// capture_verdict.
func VerdictOf(c webarchive.Capture) string {
	switch {
	case c.Verdict == webarchive.Wrong:
		return CaptureAltered
	case c.Damaged != "":
		return CaptureDamaged
	case c.Verdict == webarchive.Missing:
		return CaptureMissing
	case c.Verdict == webarchive.Right:
		return CaptureSame
	case c.Verdict == webarchive.Unknown:
		return CaptureUnchecked
	}
	return CaptureNone
}

// lookInto looks whether a file that was sealed is a web capture, and writes into
// the fields of its record what is to be said of it. What it can't read to its
// end it says so of; only what is in the way of the register itself is an error.
func (r *Registry) lookInto(ctx context.Context, file evidence.ID, sealed evidence.Sealed, fields casefile.Fields) error {
	if first(fields["of"]) != "" {
		return nil
	}
	content, err := r.files.Open(ctx, file, sealed)
	if err != nil {
		return err
	}
	defer content.Close()
	within, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	found, err := webarchive.Read(within, &atOffset{r: content}, sealed.Size, webarchive.DefaultLimits())
	switch {
	case errors.Is(err, webarchive.ErrNoCapture):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded):
		if found.Form != "" {
			fields["capture"], fields["capture_verdict"] = []string{string(found.Form)}, []string{CaptureUnread}
		}
		return nil
	case err != nil:
		return err
	}
	fields["capture"], fields["capture_verdict"] = []string{string(found.Form)}, []string{VerdictOf(found)}
	if !found.Taken.IsZero() {
		fields["capture_taken"] = []string{edtf.DayOf(found.Taken).String()}
	}
	if found.Address != "" {
		fields["capture_address"] = []string{found.Address}
	}
	list, err := listOf(found)
	if err == nil {
		fields["capture_list"] = []string{list}
	}
	return err
}

// listOf is a capture in JSON, with as much of its lists as fits.
func listOf(c webarchive.Capture) (string, error) {
	for {
		text, err := json.Marshal(c)
		if err != nil || len(text) <= listLimit || len(c.Pages)+len(c.Files) == 0 {
			return string(text), err
		}
		c.Pages, c.Files = c.Pages[:len(c.Pages)/2], c.Files[:len(c.Files)/2]
	}
}

// webCapture is what the record of a file says of it as a web capture; nil: it is none.
func webCapture(rec *casefile.Record, whole bool) *WebCapture {
	if rec.Get("capture") == "" {
		return nil
	}
	out := &WebCapture{Form: rec.Get("capture"), Verdict: rec.Get("capture_verdict")}
	if d, err := edtf.Parse(rec.Get("capture_taken")); err == nil {
		out.Day = d
	}
	if !whole {
		return out
	}
	out.Address = rec.Get("capture_address")
	if json.Unmarshal([]byte(rec.Get("capture_list")), &out.Found) != nil {
		out.Found = webarchive.Capture{} // what was erased
	}
	return out
}

// atOffset reads a stream that can be wound at any place of it, by one reader at
// a time. It winds no more than it must: that opens a piece anew.
type atOffset struct {
	r  io.ReadSeeker
	at int64
}

func (a *atOffset) ReadAt(p []byte, off int64) (int, error) {
	if off != a.at {
		if _, err := a.r.Seek(off, io.SeekStart); err != nil {
			return 0, err
		}
		a.at = off
	}
	n, err := io.ReadFull(a.r, p)
	a.at += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}
