// SPDX-License-Identifier: AGPL-3.0-or-later

package globaleaks

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/jsondoc"
	"github.com/kua-registry/kua/internal/intake"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "globaleaks",
		About: "reports exported from GlobaLeaks: ZIP, report.txt or JSON",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
	}
}

const (
	maxFiles = 10_000
	maxText  = 4 << 20
)

type reader struct {
	file                     string
	reports, comments, files *foreign.Sheet
	findings                 []intake.Finding
	attached                 []foreign.Attached
	seen                     map[string]bool
}

func (r *reader) fault(sev intake.Severity, line int, value, what, want string) {
	if len(r.findings) < intake.MaxFindings {
		r.findings = append(r.findings, intake.Finding{File: r.file, Sheet: "reports", Row: line, Value: value, What: what, Want: want, Severity: sev})
	}
}

// Read reads a report, or several in JSON; what it is, the content says.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	r := &reader{file: name, seen: map[string]bool{},
		reports:  foreign.NewSheet("reports", "id", "number", "date", "received", "label", "status", "context", "tor", "expiration_date", "last_access", "update_date", "score", "answers"),
		comments: foreign.NewSheet("comments", "report", "id", "date", "author", "text"),
		files:    foreign.NewSheet("files", "report", "id", "name", "from", "size", "type"),
	}
	start := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\ufeff")))
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		err = r.zip(data, opts.Limits.OrDefault())
	case len(start) > 0 && (start[0] == '{' || start[0] == '['):
		err = r.json(data)
	default:
		_, err = r.text(data)
	}
	if err != nil {
		return nil, err
	}
	f := &foreign.File{Findings: r.findings, Attached: r.attached}
	if f.Table, err = foreign.Table(name, "globaleaks", opts.Limits, r.reports, r.comments, r.files); err != nil {
		return nil, err
	}
	return f, nil
}

// zip reads an exported report and the files that came with it.
func (r *reader) zip(data []byte, limits intake.Limits) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return &foreign.PlaceError{What: "is no whole ZIP: " + err.Error()}
	}
	if len(z.File) > maxFiles {
		return &foreign.PlaceError{What: fmt.Sprintf("holds more than %d files", maxFiles)}
	}
	id := ""
	for _, f := range z.File {
		if f.Name != "report.txt" {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return &foreign.PlaceError{File: f.Name, What: err.Error()}
		}
		text, err := io.ReadAll(io.LimitReader(in, maxText+1))
		_ = in.Close() // read-only
		if err != nil || len(text) > maxText {
			return &foreign.PlaceError{File: f.Name, What: fmt.Sprintf("can't be read, or is larger than %d MB", maxText>>20)}
		}
		if id, err = r.text(text); err != nil {
			return err
		}
		break
	}
	if id == "" {
		return fmt.Errorf("holds no report.txt: %w", foreign.ErrNotThis)
	}
	var total uint64
	for _, f := range z.File {
		if f.Name == "report.txt" || f.FileInfo().IsDir() {
			continue
		}
		from := "whistleblower"
		if strings.HasPrefix(f.Name, "files_attached_from_recipients/") {
			from = "recipient"
		}
		row := r.files.Row(0)
		row.Set("report", id)
		row.Set("id", f.Name)
		row.Set("name", path.Base(f.Name))
		row.Set("from", from)
		row.Set("size", fmt.Sprint(f.UncompressedSize64))
		total += f.UncompressedSize64
		switch {
		case f.UncompressedSize64 > uint64(limits.Unpacked) || total > uint64(limits.Unpacked):
			r.fault(intake.Error, 0, f.Name, fmt.Sprintf("the files are larger than %d MB, unpacked", limits.Unpacked>>20), "take the ZIP apart and add the large ones by hand")
			return nil
		case strings.HasSuffix(f.Name, ".pgp"):
			r.fault(intake.Warning, 0, f.Name, "is still encrypted to the recipient", "it comes in as it is; open it with the recipient's key")
		}
		r.attached = append(r.attached, foreign.Attached{Key: id, ID: f.Name, Name: path.Base(f.Name), Open: f.Open})
	}
	return nil
}

var (
	headLine = regexp.MustCompile(`^([A-Z][A-Za-z ]{0,30}): ?(.*)$`)
	months   = regexp.MustCompile(`(\d{1,2}) (January|February|March|April|May|June|July|August|September|October|November|December) (\d{4})`)
	isoDay   = regexp.MustCompile(`\d{4}-\d\d-\d\d`)
	rule     = regexp.MustCompile(`^\s*-{20,}\s*$`)
)

// dayOf finds the day in a moment as it is written for people.
func dayOf(s string) string {
	if m := months.FindString(s); m != "" {
		if t, err := time.Parse("2 January 2006", m); err == nil {
			return t.Format("2006-01-02")
		}
	}
	return isoDay.FindString(s)
}

// text reads report.txt: some lines of what it is, then the answers by indent,
// then the comments.
func (r *reader) text(data []byte) (string, error) {
	if !utf8.Valid(data) {
		return "", &foreign.PlaceError{What: "report.txt is not written in UTF-8"}
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimPrefix(string(data), "\ufeff"), "\r\n", "\n"), "\n")
	head := map[string]string{}
	var order []string
	i := 0
	for ; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
		if m := headLine.FindStringSubmatch(lines[i]); m != nil {
			key := strings.ToLower(m[1])
			if _, twice := head[key]; !twice {
				order = append(order, key)
			}
			head[key] = strings.TrimSpace(m[2])
		}
	}
	id := head["id"]
	if id == "" {
		return "", fmt.Errorf("does not begin with the report's ID: %w", foreign.ErrNotThis)
	}
	row := r.reports.Row(1)
	row.Set("id", id)
	for _, k := range order {
		if k != "id" && k != "received" && k != "answers" {
			row.Set(k, head[k])
		}
	}
	row.SetDate("received", dayOf(head["date"]))
	rest := lines[i:]
	end := len(rest)
	for j, line := range rest {
		if t := strings.TrimSpace(line); t == "Comments" || t == "Comments:" {
			end = j
			break
		}
	}
	row.Set("answers", strings.TrimSpace(strings.Join(rest[:end], "\n")))
	for _, a := range answers(rest[:end]) {
		row.Set(a[0], a[1])
	}
	n := 0
	var comment []string
	put := func() {
		if text := strings.TrimSpace(strings.Join(comment, "\n")); text != "" {
			n++
			c := r.comments.Row(i + end + 1)
			c.Set("report", id)
			c.Set("id", fmt.Sprint(n))
			c.Set("date", dayOf(text))
			c.Set("text", text)
		}
		comment = nil
	}
	for _, line := range rest[min(end+1, len(rest)):] {
		if rule.MatchString(line) {
			put()
			continue
		}
		comment = append(comment, strings.TrimSpace(line))
	}
	put()
	return id, nil
}

// answers reads questions and answers by their indents: a line with deeper ones
// below it is a question, or a part of the form.
func answers(lines []string) (out [][2]string) {
	indent := func(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }
	question, at := "", -1
	var answer []string
	flush := func() {
		if question != "" && len(answer) > 0 {
			out = append(out, [2]string{question, strings.Join(answer, "\n")})
		}
		answer = nil
	}
	for i, line := range lines {
		text := strings.TrimSpace(line)
		if text == "" {
			continue
		}
		next := -1
		for _, l := range lines[i+1:] {
			if strings.TrimSpace(l) != "" {
				next = indent(l)
				break
			}
		}
		switch in := indent(line); {
		case next > in && (question == "" || len(answer) > 0 || in > at) && !strings.HasPrefix(text, "#"):
			flush()
			question, at = text, in
		case in > at && question != "" && !strings.HasPrefix(text, "#"):
			answer = append(answer, text)
		}
	}
	flush()
	return out
}

// json reads reports as the recipient's browser has them.
func (r *reader) json(data []byte) error {
	docs, err := jsondoc.Parse("", data)
	if err != nil {
		return err
	}
	n := 0
	for _, d := range docs {
		items := d.Items
		if d.Kind == jsondoc.Object {
			items = []*jsondoc.Value{d}
		}
		for _, v := range items {
			if tip := v.Get("tip"); tip.Kind == jsondoc.Object {
				v = tip
			}
			n++
			id := v.Get("internaltip_id").Text
			if id == "" {
				id = v.Get("id").Text
			}
			switch {
			case id == "":
				r.fault(intake.Error, v.Line, "", fmt.Sprintf("report %d has no id", n), "its id, by which it is found again")
			case r.seen[id]:
				r.fault(intake.Error, v.Line, id, "the report stands in the file already", "each report once")
			default:
				r.seen[id] = true
				r.report(id, v)
			}
		}
	}
	if n == 0 {
		return fmt.Errorf("holds no report: %w", foreign.ErrNotThis)
	}
	return nil
}

func (r *reader) report(id string, v *jsondoc.Value) {
	row := r.reports.Row(v.Line)
	row.Set("id", id)
	row.Set("number", v.Get("progressive").Text)
	row.Set("date", v.Get("creation_date").Text)
	row.SetDate("received", dayOf(v.Get("creation_date").Text))
	var all strings.Builder
	for _, m := range v.Members {
		switch m.Key {
		case "id", "internaltip_id", "progressive", "creation_date":
		case "questionnaires":
			for _, q := range m.Value.Items {
				given := q.Get("answers")
				for _, step := range q.Get("steps").Items {
					r.fields(row, &all, step.Get("children"), given)
				}
			}
		case "comments", "messages":
			for i, c := range m.Value.Items {
				out := r.comments.Row(c.Line)
				out.Set("report", id)
				own := c.Get("id").Text
				if own == "" {
					own = fmt.Sprintf("%s %d", m.Key, i+1)
				}
				out.Set("id", own)
				out.Set("date", dayOf(c.Get("creation_date").Text))
				out.Set("author", first(c.Get("author").Text, c.Get("author_id").Text, c.Get("type").Text))
				out.Set("text", c.Get("content").Text)
			}
		case "wbfiles", "rfiles", "ifiles":
			for i, f := range m.Value.Items {
				out := r.files.Row(f.Line)
				out.Set("report", id)
				out.Set("id", first(f.Get("id").Text, fmt.Sprintf("%s %d", m.Key, i+1)))
				out.Set("name", f.Get("name").Text)
				out.Set("from", m.Key)
				out.Set("size", f.Get("size").Text)
				out.Set("type", first(f.Get("type").Text, f.Get("content_type").Text))
			}
		default:
			for _, l := range m.Value.Leaves("/") {
				row.Set(strings.TrimSuffix(m.Key+"/"+l.Path, "/"), l.Text)
			}
		}
	}
	row.Set("answers", strings.TrimSpace(all.String()))
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// fields puts the answers to questions into the row, under their labels.
func (r *reader) fields(row foreign.Row, all *strings.Builder, fields, given *jsondoc.Value) {
	for _, f := range fields.Items {
		label := first(f.Get("label").Text, f.Get("id").Text)
		for _, entry := range given.Get(f.Get("id").Text).Items {
			if children := f.Get("children"); len(children.Items) > 0 {
				r.fields(row, all, children, entry)
				continue
			}
			var texts []string
			if text := entry.Get("value").Text; text != "" {
				texts = []string{text}
			}
			for _, o := range f.Get("options").Items { // a box that is ticked has its own key; one that is chosen is the value
				oid, name := o.Get("id").Text, o.Get("label").Text
				switch {
				case oid != "" && entry.Get("value").Text == oid:
					texts = []string{name}
				case oid != "" && strings.EqualFold(entry.Get(oid).Text, "true"):
					texts = append(texts, name)
				}
			}
			if len(texts) > 0 {
				row.Set(label, texts...)
				fmt.Fprintf(all, "%s\n  %s\n", label, strings.Join(texts, "; "))
			}
		}
	}
}
