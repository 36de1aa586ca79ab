// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/kua-registry/kua/internal/registry"
)

// mostSealed is how many sealed files are taken in at once, and how many bytes
// they may have: what a report with all its files may.
const (
	mostSealed      = 50
	mostSealedBytes = 100 << 30
)

// takenIn is what became of a sealed file that somebody put into the form.
type takenIn struct {
	Name      string
	Taken     bool // it is in the inbox
	Elsewhere bool // and does not open with the member's keys
	Text      string
	Href      string // of the report

	id string
}

// addSealed takes in sealed files of where there was no line: each as it comes,
// none of them put on the disk by the form. What became of each is said on the
// page of the list; sent once more, they are the same reports.
func (s *server) addSealed(v *visit) error {
	v.moving()
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, mostSealedBytes)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return errBadRequest
	}
	var body inboxBody
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			body.Problem = v.T("inbox.add.broken")
			break
		}
		if part.FormName() != "file" || part.FileName() == "" {
			continue
		}
		if len(body.Files) == mostSealed {
			body.Problem = v.T("inbox.add.many", mostSealed)
			break
		}
		one, err := s.takeIn(v, part)
		if err != nil {
			return err
		}
		body.Files = append(body.Files, one)
	}
	taken := 0
	for _, f := range body.Files {
		if f.Taken {
			taken++
		}
	}
	switch {
	case body.Problem != "":
	case len(body.Files) == 0:
		body.Problem = v.T("inbox.add.none")
	case taken < len(body.Files):
		body.Problem = v.T("inbox.add.some", v.Number(taken), v.Number(len(body.Files)))
	default:
		body.Added = v.N("inbox.add.done", taken)
	}
	if body.Problem != "" {
		v.status = http.StatusUnprocessableEntity
	}
	return s.showInbox(v, body)
}

// takeIn takes one file in, and says what became of it; an error is no matter
// of the file.
func (s *server) takeIn(v *visit, part *multipart.Part) (takenIn, error) {
	one := takenIn{Name: part.FileName()}
	id, fresh, err := s.reg.AddSealed(v.r.Context(), v.session, part)
	var long *http.MaxBytesError
	switch {
	case err == nil && fresh:
		one.Taken, one.Text = true, v.T("inbox.add.fresh")
	case err == nil:
		one.Taken, one.Text = true, v.T("inbox.add.same")
	case registry.NotSealed(err):
		one.Text = v.T("inbox.add.wrong")
	case errors.Is(err, registry.ErrSubmissionGone):
		one.Text = v.T("inbox.add.gone")
	case errors.Is(err, registry.ErrInboxFull), errors.As(err, &long), errors.Is(err, registry.ErrDiskFull):
		one.Text = v.T("inbox.add.full")
	default:
		return one, err
	}
	if one.Taken {
		one.id, one.Href = id, inboxPath(id)
	}
	return one, nil
}
