// SPDX-License-Identifier: AGPL-3.0-or-later

package kobo

import (
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/jsondoc"
	"github.com/kua-registry/kua/internal/intake"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "kobo",
		About: "submissions of KoboToolbox and ODK as JSON, with their repeats",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
	}
}

var mainHeadings = []string{"id", "received", "_id", "_uuid", "meta/instanceID", "meta/instanceName", "meta/rootUuid", "meta/deprecatedID", "formhub/uuid",
	"__version__", "_xform_id_string", "_submission_time", "_status", "_submitted_by", "start", "end", "_geolocation"}

type reader struct {
	file                  string
	folder                fs.FS
	main, repeats, att    *foreign.Sheet
	findings              []intake.Finding
	attached              []foreign.Attached
	submissions, children int
}

func (r *reader) fault(sev intake.Severity, line int, value, what, want string) {
	if len(r.findings) < intake.MaxFindings {
		r.findings = append(r.findings, intake.Finding{File: r.file, Sheet: "submissions", Row: line, Value: value, What: what, Want: want, Severity: sev})
	}
}

// Read reads submissions.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	docs, err := jsondoc.Parse("", data)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name, folder: folder,
		main:    foreign.NewSheet("submissions", mainHeadings...),
		repeats: foreign.NewSheet("repeats", "submission", "id", "repeat", "number", "within"),
		att:     foreign.NewSheet("attachments", "submission", "id", "filename", "mimetype", "question"),
	}
	seen := map[string]int{}
	for _, d := range docs {
		for _, key := range []string{"results", "submissions", "data", "value"} {
			if list := d.Get(key); list.Kind == jsondoc.List {
				d = list
				break
			}
		}
		items := d.Items
		if d.Kind == jsondoc.Object {
			items = []*jsondoc.Value{d}
		}
		for _, s := range items {
			if s.Kind != jsondoc.Object {
				r.fault(intake.Error, s.Line, s.Text, "stands where a submission is expected", "an object")
				continue
			}
			r.submissions++
			id := idOf(s)
			if id == "" {
				r.fault(intake.Error, s.Line, "", fmt.Sprintf("submission %d has no id", r.submissions), "meta/instanceID, _uuid or _id")
				continue
			}
			if seen[id] > 0 {
				r.fault(intake.Error, s.Line, id, fmt.Sprintf("the submission in line %d has the same id", seen[id]), "the last version of each submission alone")
				continue
			}
			seen[id] = s.Line
			r.submission(id, s)
		}
	}
	if r.submissions == 0 && len(r.findings) == 0 {
		return nil, fmt.Errorf("holds no submission: %w", foreign.ErrNotThis)
	}
	f := &foreign.File{Findings: r.findings, Attached: r.attached}
	if f.Table, err = foreign.Table(name, "kobo", opts.Limits, r.main, r.repeats, r.att); err != nil {
		return nil, err
	}
	return f, nil
}

// idOf is what stays the same when a submission is edited: the id of its first
// version. One that was never edited has it under meta/instanceID.
func idOf(s *jsondoc.Value) string {
	for _, key := range []string{"meta/rootUuid", "meta/instanceID", "_uuid", "_id"} {
		if id := strings.TrimPrefix(s.Get(key).Text, "uuid:"); id != "" {
			return id
		}
	}
	return strings.TrimPrefix(s.Get("meta").Get("instanceID").Text, "uuid:")
}

func (r *reader) submission(id string, s *jsondoc.Value) {
	row := r.main.Row(s.Line)
	row.Set("id", id)
	if d, err := edtf.Parse(cut(s.Get("_submission_time").Text)); err == nil {
		row.SetDate("received", d.String())
	} else if d, err := edtf.Parse(cut(s.Get("end").Text)); err == nil {
		row.SetDate("received", d.String())
	}
	r.answers(row, id, "", s)
}

// answers puts plain answers into the row, and each repeat into rows of its own.
func (r *reader) answers(row foreign.Row, id, within string, s *jsondoc.Value) {
	plain, tables := s.Split("/")
	for _, l := range plain {
		row.Set(l.Path, l.Text)
	}
	for _, t := range tables {
		for i, item := range t.Items {
			switch t.Path {
			case "_attachments":
				r.attachment(id, i, item)
				continue
			case "_notes", "_tags":
				for _, l := range item.Leaves("/") {
					row.Set(t.Path+"/"+l.Path, l.Text)
				}
				continue
			}
			r.children++
			own := fmt.Sprintf("%s/%d", t.Path, i+1)
			if within != "" {
				own = within + " " + own
			}
			child := r.repeats.Row(item.Line)
			child.Set("submission", id)
			child.Set("id", own)
			child.Set("repeat", t.Path)
			child.Set("number", fmt.Sprint(i+1))
			child.Set("within", within)
			r.answers(child, id, own, item)
		}
	}
}

// attachment keeps what is said of a file, and the file where it lies beside
// the submissions or in a folder attachments there.
func (r *reader) attachment(id string, n int, a *jsondoc.Value) {
	row := r.att.Row(a.Line)
	own := a.Get("uid").Text
	if own == "" {
		own = a.Get("id").Text
	}
	if own == "" {
		own = fmt.Sprint(n + 1)
	}
	name := path.Base(a.Get("filename").Text)
	row.Set("submission", id)
	row.Set("id", own)
	for _, m := range a.Members {
		switch {
		case m.Key == "question_xpath":
			row.Set("question", m.Value.Text)
		case m.Key == "id" || strings.HasPrefix(m.Key, "download_"): // an address of the server, and no part of the answer
		default:
			row.Set(m.Key, m.Value.Text)
		}
	}
	for _, at := range []string{name, "attachments/" + name} {
		if info, err := fs.Stat(r.folder, at); fs.ValidPath(at) && name != "." && err == nil && info.Mode().IsRegular() {
			r.attached = append(r.attached, foreign.Attached{Key: id, ID: own, Name: name,
				Open: func() (io.ReadCloser, error) { return r.folder.Open(at) }})
			return
		}
	}
	r.fault(intake.Warning, a.Line, name, "the file is not beside the submissions", "put it there, or in a folder attachments; only its name is kept")
}

func cut(moment string) string {
	if len(moment) > 10 {
		moment = moment[:10]
	}
	return moment
}
