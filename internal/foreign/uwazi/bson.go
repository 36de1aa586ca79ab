// SPDX-License-Identifier: AGPL-3.0-or-later

package uwazi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/intake"
)

// deepest is how deep documents may lie in each other. Uwazi's are four deep.
const deepest = 16

// document is a document of a collection: texts, numbers (int64, float64), bools,
// lists ([]any) and documents. An ObjectId is a text of 24 hex digits.
type document map[string]any

// collection calls f for each document of a collection of a dump. That of a
// collection that the dump does not have is none.
func collection(folder fs.FS, name string, limits intake.Limits, f func(no int, d document) error) error {
	file := name + ".bson"
	data, err := foreign.ReadFile(folder, file, limits)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for no := 1; len(data) > 0; no++ {
		fail := func(what string) error {
			return &foreign.PlaceError{File: file, Where: "document " + strconv.Itoa(no), What: what}
		}
		if len(data) < 5 {
			return fail("the file ends within it")
		}
		n := binary.LittleEndian.Uint32(data)
		if n < 5 || uint64(n) > uint64(len(data)) {
			return fail(fmt.Sprintf("it says that it has %d bytes, and there are %d: the file is cut off, or is no dump", n, len(data)))
		}
		d, err := decode(bson.Raw(data[:n]), 0)
		if err != nil {
			return fail(err.Error())
		}
		if err := f(no, d); err != nil {
			return fail(err.Error())
		}
		data = data[n:]
	}
	return nil
}

// decode reads a document. It goes no deeper than deepest, whatever it is given.
func decode(raw bson.Raw, depth int) (document, error) {
	if depth > deepest {
		return nil, fmt.Errorf("documents lie more than %d deep in each other", deepest)
	}
	elements, err := raw.Elements()
	if err != nil {
		return nil, fmt.Errorf("is no BSON: %w", err)
	}
	d := make(document, len(elements))
	for _, e := range elements {
		key, err := e.KeyErr()
		if err != nil {
			return nil, fmt.Errorf("is no BSON: %w", err)
		}
		v, err := value(e.Value(), depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		d[key] = v
	}
	return d, nil
}

func value(v bson.RawValue, depth int) (any, error) {
	switch v.Type {
	case bson.TypeString:
		if s, ok := v.StringValueOK(); ok {
			return s, nil
		}
	case bson.TypeObjectID:
		if id, ok := v.ObjectIDOK(); ok {
			return id.Hex(), nil
		}
	case bson.TypeBoolean:
		if b, ok := v.BooleanOK(); ok {
			return b, nil
		}
	case bson.TypeInt32:
		if n, ok := v.Int32OK(); ok {
			return int64(n), nil
		}
	case bson.TypeInt64:
		if n, ok := v.Int64OK(); ok {
			return n, nil
		}
	case bson.TypeDateTime:
		if n, ok := v.DateTimeOK(); ok {
			return n, nil
		}
	case bson.TypeDouble:
		if x, ok := v.DoubleOK(); ok {
			return x, nil
		}
	case bson.TypeEmbeddedDocument:
		if d, ok := v.DocumentOK(); ok {
			return decode(d, depth+1)
		}
	case bson.TypeArray:
		a, ok := v.ArrayOK()
		if !ok {
			break
		}
		if depth >= deepest {
			return nil, fmt.Errorf("lists lie more than %d deep in each other", deepest)
		}
		items, err := a.Values()
		if err != nil {
			return nil, fmt.Errorf("is no BSON: %w", err)
		}
		list := make([]any, 0, len(items))
		for _, item := range items {
			v, err := value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	default: // null, and what no document of Uwazi has
		return nil, nil
	}
	return nil, errors.New("is no BSON: a value is cut off")
}

// text is a field as text, empty where it is none.
func (d document) text(key string) string { return text(d[key]) }

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// number is a field as a whole number.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		if v == float64(int64(v)) {
			return int64(v), true
		}
	}
	return 0, false
}

// list is a field as a list of documents.
func (d document) list(key string) (out []document) {
	items, _ := d[key].([]any)
	for _, item := range items {
		if doc, ok := item.(document); ok {
			out = append(out, doc)
		}
	}
	return out
}
