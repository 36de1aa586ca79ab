// SPDX-License-Identifier: AGPL-3.0-or-later

package statement

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kua-registry/kua/internal/edtf"
)

// Source is a text as a file: a heading between two lines of three dashes, then
// Markdown.
//
//	---
//	lang: ru
//	title: Совместное заявление
//	as_of: 2022-05-17
//	---
type Source struct {
	Lang     string `yaml:"lang"`
	Title    string `yaml:"title"`
	AsOf     string `yaml:"as_of,omitempty"`    // a day; empty: today
	KnownBy  string `yaml:"known_by,omitempty"` // a day or a moment; empty: all that is known
	K        int    `yaml:"k,omitempty"`        // 0: DefaultK
	Corrects string `yaml:"corrects,omitempty"` // the id of the statement that this one corrects
	Body     string `yaml:"-"`
	Line     int    `yaml:"-"` // of the file, from 0, on which the body begins
}

// ReadSource reads a file. name is for the error alone.
func ReadSource(name, text string) (Source, error) {
	var s Source
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	head, body, ok := strings.Cut(strings.TrimPrefix(text, "---\n"), "\n---\n")
	if !strings.HasPrefix(text, "---\n") || !ok {
		return s, fmt.Errorf("%s: it begins with three dashes, then lang: ru, title: …, as_of: 2022-05-17, then three dashes again", name)
	}
	dec := yaml.NewDecoder(strings.NewReader(head))
	dec.KnownFields(true)
	if err := dec.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return s, fmt.Errorf("%s: its heading can't be read: %w", name, err)
	}
	if !slices.Contains(Languages(), s.Lang) {
		return s, fmt.Errorf("%s: lang: %q; the languages are %s", name, clip(s.Lang), strings.Join(Languages(), ", "))
	}
	if s.AsOf != "" {
		if _, err := edtf.ParseDay(s.AsOf); err != nil {
			return s, fmt.Errorf("%s: as_of: %w", name, err)
		}
	}
	if s.KnownBy != "" {
		if _, err := ParseMoment(s.KnownBy); err != nil {
			return s, fmt.Errorf("%s: known_by: %w", name, err)
		}
	}
	s.Body, s.Line = body, strings.Count(head, "\n")+3
	return s, nil
}

// File is the inverse of ReadSource.
func (s Source) File() (string, error) {
	var b bytes.Buffer
	b.WriteString("---\n")
	head := yaml.NewEncoder(&b)
	if err := head.Encode(s); err != nil {
		return "", err
	}
	b.WriteString("---\n" + s.Body)
	return b.String(), nil
}
