// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// uploadRegister is what the pages ask of the registry about files that come in
// piece by piece.
type uploadRegister interface {
	BeginUpload(ctx context.Context, s *access.Session, caseID string, n registry.NewUpload) (registry.UploadView, error)
	Uploads(ctx context.Context, s *access.Session, caseID string) ([]registry.UploadView, error)
	Upload(ctx context.Context, s *access.Session, caseID, id string) (registry.UploadView, error)
	ContinueUpload(ctx context.Context, s *access.Session, caseID, id string, offset int64, content io.Reader) (registry.UploadView, error)
	FinishUpload(ctx context.Context, s *access.Session, caseID, id, sum string) (registry.FileView, error)
	DropUpload(ctx context.Context, s *access.Session, caseID, id string) error
}

// The script of the page sends a large file in parts: it begins one, asks how
// far it is, sends parts that each say at which byte they begin, and says when
// all of it is there. After a cut line, or the next day, it goes on.
func (s *server) uploadRoutes() []route {
	return []route{
		{"POST /cases/{id}/uploads", s.signed(s.beginUpload)},
		{"GET /cases/{id}/uploads/{file}", s.signed(s.uploadState)},
		{"PATCH /cases/{id}/uploads/{file}", s.signed(s.continueUpload)},
		{"POST /cases/{id}/uploads/{file}/finish", s.signed(s.finishUpload)},
		{"POST /cases/{id}/uploads/{file}/drop", s.signed(s.dropUpload)},
	}
}

// partLimit is how large a part may be, in bytes.
const partLimit = 64 << 20

// offsetHeader says at which byte of the file a part begins.
const offsetHeader = "Upload-Offset"

// uploadAnswer is what the script of the page is told.
type uploadAnswer struct {
	ID      string `json:"id,omitempty"`
	Offset  int64  `json:"offset"`
	Bytes   int64  `json:"bytes,omitempty"`
	Href    string `json:"href,omitempty"`    // of the file, once it is one
	Problem string `json:"problem,omitempty"` // why it was not taken, in words
}

func (v *visit) answerUpload(status int, out uploadAnswer) error {
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(status)
	return json.NewEncoder(v.w).Encode(out)
}

// uploadAnswered tells how far a file is, or why it is not taken.
func (s *server) uploadAnswered(v *visit, up registry.UploadView, err error) error {
	var off *registry.OffsetError
	switch {
	case err == nil:
		out := uploadAnswer{ID: up.ID, Offset: up.Offset, Bytes: up.Bytes}
		if up.Done {
			out.Href = filesPath(registry.Row{ID: up.Case}, up.ID)
		}
		return v.answerUpload(http.StatusOK, out)
	case errors.As(err, &off):
		return v.answerUpload(http.StatusConflict, uploadAnswer{Offset: off.Offset})
	case errors.Is(err, registry.ErrUploadBusy):
		return v.answerUpload(http.StatusLocked, uploadAnswer{})
	}
	problem := v.fileProblem(err)
	switch {
	case errors.Is(err, registry.ErrUploads):
		problem = v.T("upload.problem.many")
	case errors.Is(err, registry.ErrUploadSum):
		problem = v.T("upload.problem.changed")
	}
	if problem == "" {
		return err
	}
	return v.answerUpload(http.StatusUnprocessableEntity, uploadAnswer{Problem: problem})
}

func (s *server) beginUpload(v *visit) error {
	n, err := strconv.ParseInt(v.r.PostFormValue("bytes"), 10, 64)
	if err != nil {
		n = 0
	}
	up, err := s.reg.BeginUpload(v.r.Context(), v.session, v.r.PathValue("id"), registry.NewUpload{
		Evidence: v.r.PostFormValue("evidence"), Name: v.r.PostFormValue("name"), Bytes: n, Mark: v.r.PostFormValue("mark"),
	})
	return s.uploadAnswered(v, up, err)
}

func (s *server) uploadState(v *visit) error {
	ctx, cancel := v.patient() // after a restart what came is read once more
	defer cancel()
	up, err := s.reg.Upload(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("file"))
	return s.uploadAnswered(v, up, err)
}

func (s *server) continueUpload(v *visit) error {
	offset, err := strconv.ParseInt(strings.TrimSpace(v.r.Header.Get(offsetHeader)), 10, 64)
	if err != nil {
		offset = -1 // is told where to go on, if it is theirs
	}
	v.moving()
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, partLimit)
	up, err := s.reg.ContinueUpload(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file"), offset, v.r.Body)
	return s.uploadAnswered(v, up, err)
}

func (s *server) finishUpload(v *visit) error {
	ctx, cancel := v.patient() // it is read once more before its record is written
	defer cancel()
	f, err := s.reg.FinishUpload(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("file"), "")
	if err == nil {
		s.quickCopy(v, f)
	}
	return s.uploadAnswered(v, registry.UploadView{ID: f.ID, Case: f.Case, Bytes: f.Bytes, Offset: f.Bytes, Done: true}, err)
}

func (s *server) dropUpload(v *visit) error {
	if err := s.reg.DropUpload(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("file")); err != nil {
		return err
	}
	v.redirect(filesPath(registry.Row{ID: v.r.PathValue("id")}, ""))
	return nil
}

// begunRow is a file that a member has begun and that did not come in whole.
type begunRow struct {
	ID, Name, Mark, Line, Href, Drop string
	Bytes                            int64
}

// begunRows are those of the case, for the page of its files and its script.
func (s *server) begunRows(c *caseReader) ([]begunRow, error) {
	begun, err := s.reg.Uploads(c.r.Context(), c.session, c.file.Row.ID)
	if err != nil {
		return nil, err
	}
	var rows []begunRow
	for _, up := range begun {
		href := casePath(c.file.Row) + "/uploads/" + up.ID
		rows = append(rows, begunRow{
			ID: up.ID, Name: up.Name, Mark: up.Mark, Bytes: up.Bytes, Href: href, Drop: href + "/drop",
			Line: c.T("upload.line", c.size(up.Offset), c.size(up.Bytes), c.moment(up.Until)),
		})
	}
	return rows, nil
}
