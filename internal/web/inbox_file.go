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

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/submission"
)

// reportFilePath is the address of a file of a report.
func reportFilePath(id, upload string) string { return inboxPath(id) + "/files/" + upload }

// fileCalled is the name of a file of a report; one that has none goes by its upload.
func fileCalled(f submission.File) string { return cmp.Or(f.Name, "file-"+short(f.Upload)) }

type submissionFileBody struct {
	ID, Short, Name string // of the report, and of the file
	Problem, Done   string
	Doubtful        bool
	Day, Size, Type string
	SHA256          string
	Original        string // where it is had as it is; empty: it did not arrive whole
	Copies          *copiesCard
}

// submissionFile shows a file of a report: as a copy that is safe to look at,
// which is made now where nobody has to wait for it long.
func (s *server) submissionFile(v *visit) error {
	ctx, cancel := v.waits()
	defer cancel()
	return s.showSubmissionFile(ctx, v, true)
}

// copySubmissionFile makes the copy that somebody asks for, and waits.
func (s *server) copySubmissionFile(v *visit) error {
	ctx, cancel := v.waits()
	defer cancel()
	return s.showSubmissionFile(ctx, v, false)
}

func (s *server) showSubmissionFile(ctx context.Context, v *visit, quick bool) error {
	f, err := s.reg.SubmissionCopy(ctx, v.session, v.r.PathValue("id"), v.r.PathValue("upload"), quick)
	here := reportFilePath(f.Report, f.Upload)
	card := &copiesCard{RefusedLead: v.T("inbox.file.refused.lead"), TextLead: v.T("inbox.file.text.lead")}
	body := submissionFileBody{
		ID: f.Report, Short: shortReport(f.Report), Name: fileCalled(f.File), Doubtful: f.Doubtful, Day: v.dayText(f.Day), Size: v.size(f.Bytes), Type: f.Type, SHA256: f.SHA256,
		Original: here + "/original", Copies: card,
	}
	switch {
	case withoutKey(err):
		v.redirect("/inbox")
		return nil
	case err == nil && !quick: // so that the page can be shown once more
		v.redirect(link(here, "made", "copy") + "#copy")
		return nil
	case errors.Is(err, registry.ErrNotQuick):
		card.Make = here + "/copy"
	case errors.Is(err, registry.ErrNoOpener):
		body.Problem = v.T("copies.problem.opener")
	case errors.Is(err, registry.ErrSubmissionFile):
		body.Problem, body.Original = v.T("inbox.file.broken"), ""
	case err != nil:
		return err
	}
	if body.Problem != "" && !quick {
		v.status = http.StatusUnprocessableEntity
	}
	if x := f.Copy; x != nil {
		card.opened(v, *x)
		if x.File != "" {
			card.show(v, *x, here+"/shown", here)
		}
		if card.Again != "" {
			card.Again = here + "/copy"
		}
		card.Text = x.Text
		if x.Refused == "" && v.r.URL.Query().Get("made") != "" {
			body.Done = v.T("copies.done")
		}
	}
	return s.show(v, "submission-file", v.T("inbox.one", body.Short)+" · "+v.T("file.one"), body)
}

// shownSubmissionFile hands out the copy of a file of a report.
func (s *server) shownSubmissionFile(v *visit) error {
	content, c, err := s.reg.OpenSubmissionCopy(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("upload"))
	if withoutKey(err) {
		v.redirect("/inbox")
		return nil
	}
	if err != nil {
		return err
	}
	return s.sendCopy(v, content, c.File, safecopy.Kind(c.Media))
}

// originalSubmissionFile hands a file of a report out as its sender's machine
// had it, to who asks for that and was warned: to be kept, of no kind that a
// browser would show or run.
func (s *server) originalSubmissionFile(v *visit) error {
	content, f, err := s.reg.SubmissionFile(v.r.Context(), v.session, v.r.PathValue("id"), v.r.PathValue("upload"))
	if withoutKey(err) {
		v.redirect("/inbox")
		return nil
	}
	if err != nil {
		return err
	}
	v.attached(fileCalled(f))
	v.w.Header().Set("Content-Length", strconv.FormatInt(f.Bytes, 10))
	if _, err := io.Copy(v.moving(), content); err != nil {
		s.log.Error("a file of a report did not go out whole", slog.String("type", types(err)))
		panic(http.ErrAbortHandler) // so that the browser sees that it is not whole
	}
	return nil
}
