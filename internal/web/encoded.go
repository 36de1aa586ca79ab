// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/sheet"
)

// encodedRegister is what the page of encoded lists asks of the registry.
type encodedRegister interface {
	MayEncode(s *access.Session) bool
	EncodeCases(ctx context.Context, s *access.Session, key encoded.Key, schema encoded.Schema) (encoded.List, error)
}

func (s *server) encodedRoutes() []route {
	return []route{
		{"GET /encoded", s.signed(s.encodedPage)},
		{"POST /encoded", s.signed(s.encodeCases)},
		{"POST /encoded/key", s.signed(s.newEncodeKey)},
		{"POST /encoded/compare", s.signed(s.compareEncoded)},
	}
}

const (
	// encodedLimit is how many bytes of encoded files are compared here, all
	// together: some 240,000 rows.
	encodedLimit = 32 << 20
	// mostCompared is how many rows of one file are held against how many of
	// another: seconds on a small machine. Larger ones are for 'kua compare'.
	mostCompared = 400_000_000
	// usualLikeness is from which likeness on two rows are one person: what was
	// best with the schema of cases (docs/spec/encoded.md).
	usualLikeness = "0.70"
)

type encodedBody struct {
	Problem  string
	Leaks    []string
	MayMake  bool
	Round    string
	Key      string // a new one, shown once
	Likeness string
	Heads    []string // of the lists compared
	Lists    []encodedRow
	Patterns []encodedRow
	People   string
	Table    string // for kua estimate
}

type encodedRow struct {
	Name  string
	Cells []string
}

func (s *server) mayEncode(v *visit) bool {
	return s.reg.MayEncode(v.session) || s.reg.May(v.session, access.Match)
}

func (s *server) encodedPage(v *visit) error { return s.showEncoded(v, encodedBody{}) }

func (s *server) showEncoded(v *visit, body encodedBody) error {
	if !s.mayEncode(v) {
		return registry.ErrNotAllowed
	}
	body.MayMake = s.reg.MayEncode(v.session)
	body.Leaks = encoded.Leaks(v.Language)
	body.Likeness = cmp.Or(body.Likeness, usualLikeness)
	if body.Problem != "" {
		v.status = http.StatusUnprocessableEntity
	}
	return s.show(v, "encoded", v.T("encoded.title"), body)
}

// newEncodeKey makes a key for a comparison. It is shown once and kept nowhere.
func (s *server) newEncodeKey(v *visit) error {
	if !s.mayEncode(v) {
		return registry.ErrNotAllowed
	}
	key, err := encoded.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	return s.showEncoded(v, encodedBody{Key: key.Text()})
}

// encodingForm reads with what key and for which round own cases are to be encoded;
// problem is the word for what is wrong with that.
func (v *visit) encodingForm() (key encoded.Key, schema encoded.Schema, problem string, err error) {
	round := strings.TrimSpace(v.r.PostFormValue("round"))
	if key, err = encoded.ParseKey(v.r.PostFormValue("secret")); err != nil {
		return key, encoded.Schema{Round: round}, "encoded.problem.key", nil
	}
	if round == "" {
		return key, schema, "encoded.problem.round", nil
	}
	schema, err = encoded.ReadSchema(bytes.NewReader(encoded.CaseSchema()))
	schema.Round = round
	return key, schema, "", err
}

// encodeCases hands out two files in one: what goes to whoever compares, and
// what stays. Neither is ever on the disk of the register.
func (s *server) encodeCases(v *visit) error {
	if !s.reg.MayEncode(v.session) {
		return registry.ErrNotAllowed
	}
	key, schema, problem, err := v.encodingForm()
	if err != nil {
		return err
	}
	again := func(problem string) error {
		return s.showEncoded(v, encodedBody{Problem: v.T(problem), Round: schema.Round})
	}
	if problem != "" {
		return again(problem)
	}
	ctx, cancel := v.patient()
	defer cancel()
	list, err := s.reg.EncodeCases(ctx, v.session, key, schema)
	if err != nil {
		return err
	}
	if list.File.Rows == 0 {
		return again("encoded.problem.none")
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set(headers[0][0], filePolicy)
	h.Set("Content-Disposition", `attachment; filename="encoded.zip"`)
	if err := v.writeEncoded(v.moving(), list, schema); err != nil {
		s.log.Error("an encoded list did not go out whole: make it again", slog.String("type", types(err)))
		panic(http.ErrAbortHandler) // the browser sees that the file is not whole
	}
	return nil
}

func (v *visit) writeEncoded(w io.Writer, list encoded.List, schema encoded.Schema) error {
	z := zip.NewWriter(w)
	add := func(name string, write func(io.Writer) error) error {
		part, err := z.Create(name)
		if err == nil {
			err = write(part)
		}
		return err
	}
	private := sheet.Sheet{Head: []string{"row", "id"}}
	for i, number := range list.IDs {
		private.Rows = append(private.Rows, []any{i + 1, number})
	}
	return errors.Join(
		add("readme.txt", func(w io.Writer) error {
			notes := append([]string{v.T("encoded.files", "send/list.enc", "keep/list.enc.rows.csv")}, list.Counts(schema, v.Language)...)
			text := strings.Join(notes, "\n") + "\n\n" + encoded.Listed(list.Notes(v.Language)) + "\n"
			_, err := io.WriteString(w, strings.ReplaceAll(text, "\n", "\r\n"))
			return err
		}),
		add("send/list.enc", list.File.Write),
		add("keep/list.enc.rows.csv", func(w io.Writer) error { return sheet.CSV(w, private) }),
		z.Close(),
	)
}

// compareEncoded compares files that are sent here. They are read in memory and
// nothing of them is kept.
func (s *server) compareEncoded(v *visit) error {
	if !s.mayEncode(v) {
		return registry.ErrNotAllowed
	}
	files, names, likeness, err := v.encodedFiles()
	if err != nil {
		return err
	}
	body := encodedBody{Likeness: likeness}
	again := func(key string, of ...any) error {
		body.Problem = v.T(key, of...)
		return s.showEncoded(v, body)
	}
	threshold, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(cmp.Or(likeness, usualLikeness)), ",", "."), 64)
	switch {
	case err != nil || !(threshold > 0 && threshold <= 1):
		return again("encoded.problem.likeness")
	case len(files) < 2:
		return again("encoded.problem.two")
	case len(files) > encoded.MaxLists:
		return again("encoded.problem.many", v.Number(encoded.MaxLists))
	}
	for i, f := range files {
		if f == nil {
			return again("encoded.problem.file", names[i])
		}
		if encoded.Comparable(files[0], f) != nil {
			return again("encoded.problem.other", names[0], names[i])
		}
		for _, g := range files[:i] {
			if f.Rows > 0 && g.Rows > mostCompared/f.Rows {
				return again("encoded.problem.large")
			}
		}
	}
	ctx, cancel := v.patient()
	defer cancel()
	joined, err := encoded.Join(ctx, files, threshold, 1)
	if errors.Is(err, encoded.ErrTooManyPairs) {
		return again("encoded.problem.alike")
	}
	if err != nil {
		return err
	}
	v.joined(&body, names, joined)
	return s.showEncoded(v, body)
}

// encodedFiles reads what a form brings; a file that is none is nil.
func (v *visit) encodedFiles() (files []*encoded.File, names []string, likeness string, err error) {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, encodedLimit)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return nil, nil, "", errBadRequest
	}
	for {
		var part *multipart.Part
		part, err = parts.NextPart()
		if errors.Is(err, io.EOF) {
			return files, names, likeness, nil
		}
		if err != nil {
			return nil, nil, "", errBadRequest
		}
		switch part.FormName() {
		case "likeness":
			text, err := io.ReadAll(io.LimitReader(part, 20))
			if err != nil {
				return nil, nil, "", errBadRequest
			}
			likeness = string(text)
		case "list":
			if part.FileName() == "" {
				continue // none was chosen
			}
			text, err := io.ReadAll(part)
			if err != nil {
				return nil, nil, "", errBadRequest
			}
			f, err := encoded.ReadFile(bytes.NewReader(text))
			if err != nil {
				f = nil
			}
			name := encoded.ListName(part.FileName(), names)
			files, names = append(files, f), append(names, name)
		}
	}
}

// joined puts into the page whom lists have in common.
func (v *visit) joined(body *encodedBody, names []string, j encoded.Joined) {
	body.Heads = names
	for i, name := range names {
		row := encodedRow{Name: name}
		for k := range names {
			row.Cells = append(row.Cells, v.Number(j.Common[i][k]))
		}
		body.Lists = append(body.Lists, row)
	}
	for _, c := range j.Combinations(names) {
		body.Patterns = append(body.Patterns, encodedRow{strings.Join(c.Lists, " + "), []string{v.Number(c.Count)}})
	}
	body.People = v.N("encoded.persons", j.People(), body.Likeness)
	var table sheet.Sheet
	table.Head, table.Rows = j.Table(names)
	var text bytes.Buffer
	if sheet.CSV(&text, table) == nil { // into memory: it does not fail
		body.Table = text.String()
	}
}
