// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/url"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

// clock is the two moments as the address of a page has them.
type clock struct {
	registry.Clock
	asOf, knownBy string // as given; empty: today, all entries
}

// The ways in which a moment may be written; without an offset it is UTC.
var momentLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04"}

// clock reads both moments. Without them a page shows today and all that is known.
func (v *visit) clock() (clock, error) { return v.clockOf(v.r.URL.Query()) }

func (v *visit) clockOf(q url.Values) (clock, error) {
	c := clock{Clock: registry.Clock{AsOf: v.reg.Today()}}
	if text := strings.TrimSpace(q.Get("as_of")); text != "" {
		day, err := edtf.ParseDay(text)
		if err != nil {
			return c, oops{400, "clock"}
		}
		c.AsOf, c.asOf = day, day.String()
	}
	text := strings.TrimSpace(q.Get("known_by"))
	if text == "" {
		return c, nil
	}
	if day, err := edtf.ParseDay(text); err == nil { // all of that day
		c.KnownBy, c.knownBy = day.Add(1).Time().Add(-time.Nanosecond), text
		return c, nil
	}
	for _, layout := range momentLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			c.KnownBy, c.knownBy = at.UTC(), text
			return c, nil
		}
	}
	return c, oops{400, "clock"}
}

// link makes an address that keeps the clock.
func (c clock) link(path string, pairs ...string) string {
	return link(path, append(pairs, "as_of", c.asOf, "known_by", c.knownBy)...)
}

// clockForm is the small form for both clocks.
type clockForm struct {
	Action, Words, AsOf, KnownBy, Reset string
	Set                                 bool // not today, or not all entries
	Hidden                              []pair
	Selects                             []selectField
}

type pair struct{ Name, Value string }

type selectField struct {
	Name, Label string
	Options     []option
}

type option struct {
	Value, Text string
	Selected    bool
}

func (v *visit) clockForm(c clock, keep ...string) clockForm {
	form := clockForm{
		Action: v.r.URL.EscapedPath(), Words: v.clockWords(c), AsOf: c.AsOf.String(),
		Set: c.asOf != "" || c.knownBy != "",
	}
	if !c.KnownBy.IsZero() {
		form.KnownBy = c.KnownBy.Format("2006-01-02T15:04:05.999")
	}
	rest := url.Values{}
	for _, name := range keep {
		if value := v.r.URL.Query().Get(name); value != "" {
			rest.Set(name, value)
			form.Hidden = append(form.Hidden, pair{name, value})
		}
	}
	form.Reset = address(form.Action, rest)
	return form
}

func (v *visit) clockWords(c clock) string {
	if c.KnownBy.IsZero() {
		return v.T("clock.words", c.AsOf)
	}
	return v.T("clock.words.known", c.AsOf, v.moment(c.KnownBy))
}
