// SPDX-License-Identifier: AGPL-3.0-or-later

package vcard

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/contentline"
	"github.com/kua-registry/kua/internal/intake"
)

const (
	ofCase = "X-KUA-CASE"
	died   = "DEATHDATE" // RFC 6474
)

var headings = []string{"case", "id", "role", "full name", "family", "given", "additional", "nickname", "gender", "born", "died", "title", "telephone", "e-mail", "address",
	"organisation", "note", "category"}

// plainly says under which heading a property stands that is one text.
var plainly = map[string]string{
	"FN": "full name", "TITLE": "title", "TEL": "telephone", "EMAIL": "e-mail", "NOTE": "note",
}

// left out: they say nothing of the person.
var technical = []string{"VERSION", "PRODID", "UID", ofCase, "REV", "X-ABUID"}

// Read reads cards.
func Read(folder fs.FS, name string, opts foreign.Reading) (*foreign.File, error) {
	data, err := foreign.ReadFile(folder, name, opts.Limits)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !bytes.HasPrefix(bytes.ToUpper(bytes.TrimSpace(data[:min(len(data), 100)])), []byte("BEGIN:VCARD")) {
		return nil, fmt.Errorf("does not begin with BEGIN:VCARD: %w", foreign.ErrNotThis)
	}
	f := &foreign.File{}
	fault := func(sev intake.Severity, n int, value, what, want string) {
		if len(f.Findings) < intake.MaxFindings {
			f.Findings = append(f.Findings, intake.Finding{File: name, Sheet: "people", Row: n, Value: value, What: what, Want: want, Severity: sev})
		}
	}
	rows, people := foreign.NewSheet("cases", "id"), foreign.NewSheet("people", headings...)
	known := map[string]bool{}
	seen := map[string]int{}
	all, err := cards(data)
	if err != nil {
		return nil, err
	}
	for i, c := range all {
		n := i + 1
		id := strings.TrimPrefix(strings.TrimPrefix(c.get("UID"), "urn:uuid:"), "urn:")
		if id == "" {
			id = digest(c)
		}
		key := c.get(ofCase)
		if key == "" {
			key = id
		}
		if first := seen[key+"\n"+id]; first > 0 {
			fault(intake.Error, n, id, fmt.Sprintf("card %d is the same", first), "each person once")
			continue
		}
		seen[key+"\n"+id] = n
		if !known[key] {
			known[key] = true
			rows.Row(n).Set("id", key)
		}
		row := people.Row(n)
		row.Set("case", key)
		row.Set("id", id)
		f.Attached = append(f.Attached, person(row, c, key, id, func(value, what, want string) { fault(intake.Warning, n, value, what, want) })...)
	}
	if len(seen) == 0 {
		return nil, fmt.Errorf("holds no card: %w", foreign.ErrNotThis)
	}
	if f.Table, err = foreign.Table(name, "vcard", opts.Limits, rows, people); err != nil {
		return nil, err
	}
	return f, nil
}

// card is the lines of a card.
type card []contentline.Line

func (c card) get(name string) string {
	for _, l := range c {
		if l.Name == name {
			return strings.TrimSpace(contentline.Text(l.Value))
		}
	}
	return ""
}

// cards takes a file apart. A card in a card (AGENT of version 2.1) is refused.
func cards(data []byte) ([]card, error) {
	lines, err := contentline.Parse(data)
	if err != nil {
		return nil, err
	}
	var out []card
	var open card
	inside := false
	for _, l := range lines {
		is := strings.EqualFold(strings.TrimSpace(l.Value), "VCARD")
		switch {
		case l.Name == "BEGIN" && is && !inside:
			open, inside = card{l}, true
		case l.Name == "END" && is && inside:
			out, inside = append(out, open), false
		case l.Name == "BEGIN" || l.Name == "END" || !inside:
			return nil, &foreign.PlaceError{Line: l.No, What: "stands outside a card, or begins one within another: expected are cards one after another, each from BEGIN:VCARD to END:VCARD"}
		default:
			open = append(open, l)
		}
	}
	if inside {
		return nil, &foreign.PlaceError{Line: open[0].No, What: "the card has no END:VCARD"}
	}
	return out, nil
}

func digest(c card) string {
	h := sha256.New()
	for _, l := range c {
		if !slices.Contains(technical, l.Name) && l.Name != "BEGIN" {
			fmt.Fprintf(h, "%d:%s%d:%s", len(l.Name), l.Name, len(l.Value), l.Value)
		}
	}
	return "digest-" + hex.EncodeToString(h.Sum(nil)[:12])
}

// parts takes a value apart, without the space around each.
func parts(value string, sign byte) []string {
	out := contentline.Split(value, sign)
	for i := range out {
		out[i] = strings.TrimSpace(out[i])
	}
	return out
}

// date reads a day as the versions write it.
func date(s string) string {
	s, _, _ = strings.Cut(s, "T")
	if len(s) == 8 && strings.Trim(s, "0123456789") == "" {
		s = s[:4] + "-" + s[4:6] + "-" + s[6:]
	}
	if d, err := edtf.Parse(s); err == nil {
		return d.String()
	}
	return ""
}

func person(row foreign.Row, c card, key, id string, warn func(value, what, want string)) (files []foreign.Attached) {
	count := map[string]int{}
	for _, f := range c {
		k, i := f.Name, count[f.Name]
		count[f.Name]++
		value := strings.TrimSpace(f.Value)
		switch {
		case value == "" || k == "BEGIN" || slices.Contains(technical, k):
		case k == "N":
			for j, text := range parts(f.Value, ';') {
				if j < 5 {
					row.Set([]string{"family", "given", "additional", "prefix", "suffix"}[j], text)
				}
			}
		case k == "NICKNAME":
			row.Set("nickname", parts(f.Value, ',')...)
		case k == "CATEGORIES":
			all := parts(f.Value, ',')
			row.Set("category", all...)
			if i == 0 {
				row.Set("role", all[0])
			}
		case k == "ORG":
			row.Set("organisation", strings.Trim(strings.Join(parts(f.Value, ';'), ", "), ", "))
		case k == "ADR":
			var filled []string
			for _, p := range parts(f.Value, ';') {
				if p != "" {
					filled = append(filled, p)
				}
			}
			row.Set("address", strings.Join(filled, ", "))
		case k == "GENDER":
			row.Set("gender", parts(f.Value, ';')[0])
		case k == "BDAY" || k == died:
			heading := map[string]string{"BDAY": "born", died: "died"}[k]
			if d := date(value); d != "" {
				row.SetDate(heading, d)
			} else {
				row.Set(heading, value)
			}
		case k == "TEL":
			row.Set("telephone", strings.TrimPrefix(strings.TrimSpace(contentline.Text(f.Value)), "tel:"))
		case k == "PHOTO" || k == "LOGO" || k == "SOUND" || k == "KEY":
			data, media, ok := binary(f)
			if !ok {
				warn(short(value), k+" is no picture that lies in the card", "it is left out")
				continue
			}
			own := fmt.Sprintf("%s/%s/%d", id, strings.ToLower(k), i+1)
			files = append(files, foreign.Attached{Key: key, ID: own, Name: strings.ToLower(k) + ending[media],
				Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }})
		default:
			heading := plainly[k]
			if heading == "" {
				heading = k
			}
			row.Set(heading, strings.TrimSpace(contentline.Text(f.Value)))
		}
	}
	return files
}

var ending = map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif"}

// binary is what a property holds in base64.
func binary(f contentline.Line) (data []byte, media string, ok bool) {
	text := f.Value
	media = "image/" + strings.ToLower(f.Param("TYPE"))
	if rest, is := strings.CutPrefix(text, "data:"); is {
		media, text, is = strings.Cut(rest, ";base64,")
		if !is {
			return nil, "", false
		}
	} else if e := strings.ToLower(f.Param("ENCODING")); e != "b" && e != "base64" {
		return nil, "", false
	}
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	return data, media, err == nil && len(data) > 0
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
