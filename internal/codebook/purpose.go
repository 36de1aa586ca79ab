// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"errors"
	"fmt"
	"slices"
)

// Purpose says what may leave in an export for one purpose: what is named and
// nothing else.
type Purpose struct {
	ID      string              `yaml:"id"`      // code of list export_purpose
	Consent string              `yaml:"consent"` // code of list consent_purpose: the consent that it stands under
	Whole   bool                `yaml:"whole"`   // all of one's own, as it is; no consent is asked
	Extend  bool                `yaml:"extend"`  // in an extension: add fields to a purpose that exists
	Fields  map[string][]string `yaml:"fields"`  // kind → fields
}

// Takes tells whether a field of a kind may leave. Words behind the code "other"
// go with the code.
func (p *Purpose) Takes(k *Kind, field string) bool {
	if p.Whole {
		return true
	}
	f, ok := k.Field(field)
	if !ok {
		return false
	}
	if f.OtherOf != "" {
		field = f.OtherOf
	}
	return slices.Contains(p.Fields[k.ID], field)
}

// Purposes returns the purposes of exports, in the order of the data.
func (b *Book) Purposes() []*Purpose { return b.purposes }

// Purpose returns the purpose id.
func (b *Book) Purpose(id string) (*Purpose, bool) {
	i := slices.IndexFunc(b.purposes, func(p *Purpose) bool { return p.ID == id })
	if i < 0 {
		return nil, false
	}
	return b.purposes[i], true
}

func parsePurposes(file string, data []byte) ([]*Purpose, error) {
	var f struct {
		Purposes []*Purpose `yaml:"purposes"`
	}
	err := decode(file, data, &f)
	return f.Purposes, err
}

func (l *loader) addPurpose(file string, p *Purpose) error {
	if p == nil {
		return fmt.Errorf("%s: a purpose is empty", file)
	}
	if !p.Extend {
		if err := l.define("purpose "+p.ID, p.ID, file); err != nil {
			return err
		}
		l.book.purposes = append(l.book.purposes, p)
		return nil
	}
	old, ok := l.book.Purpose(p.ID)
	if !ok || old.Whole || p.Whole || p.Consent != "" {
		return fmt.Errorf("%s: purpose %s can't be extended: it must be there, and fields alone can be added", file, p.ID)
	}
	for kind, fields := range p.Fields {
		old.Fields[kind] = append(old.Fields[kind], fields...)
	}
	return nil
}

func (l *loader) finishPurpose(p *Purpose) error {
	switch _, isCode := l.book.list["export_purpose"].code(p.ID); {
	case !isCode:
		return errors.New("it is no code of list export_purpose")
	case p.Whole && (p.Consent != "" || len(p.Fields) > 0):
		return errors.New("what takes all has no list of fields and no consent")
	case p.Whole:
		return nil
	}
	if _, ok := l.book.list["consent_purpose"].code(p.Consent); !ok {
		return errors.New("it names no consent (list consent_purpose)")
	}
	for kind, fields := range p.Fields {
		k, ok := l.book.kind[kind]
		if !ok {
			return fmt.Errorf("there is no kind %s", kind)
		}
		for i, field := range fields {
			if _, ok := k.index[field]; !ok {
				return fmt.Errorf("kind %s has no field %s", kind, field)
			}
			if slices.Contains(fields[:i], field) {
				return fmt.Errorf("kind %s: field %s stands twice", kind, field)
			}
		}
	}
	return nil
}

// code is Code of a list that may not be there.
func (l *List) code(id string) (ListCode, bool) {
	if l == nil {
		return ListCode{}, false
	}
	c, ok := l.Code(id)
	if !ok {
		return ListCode{}, false
	}
	return *c, true
}
