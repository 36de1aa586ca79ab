// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"strings"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/registry"
)

// calendarFile writes what is due as an iCalendar object (RFC 5545): events of
// a whole day with a label of the codebook, and nothing that names a case.
func (v *voice) calendarFile(c registry.FeedContent) []byte {
	var b strings.Builder
	line := func(text string) { foldLine(&b, text) }
	line("BEGIN:VCALENDAR")
	line("VERSION:2.0")
	line("PRODID:-//Terms//Terms 1//EN") // says no more than that it is a list of terms
	line("CALSCALE:GREGORIAN")
	line("METHOD:PUBLISH")
	line("X-WR-CALNAME:" + escaped(v.T("feed.name")))
	line("NAME:" + escaped(v.T("feed.name"))) // RFC 7986
	line("REFRESH-INTERVAL;VALUE=DURATION:PT6H")
	line("X-PUBLISHED-TTL:PT6H")
	stamp := c.Now.UTC().Format("20060102T150405Z")
	for _, e := range c.Events {
		line("BEGIN:VEVENT")
		line("UID:" + e.UID)
		line("DTSTAMP:" + stamp)
		line("DTSTART;VALUE=DATE:" + e.Day.Time().Format("20060102"))
		line("DTEND;VALUE=DATE:" + e.Day.Add(1).Time().Format("20060102"))
		line("SUMMARY:" + escaped(v.feedSummary(e)))
		line("CLASS:PRIVATE")
		line("TRANSP:TRANSPARENT")
		line("END:VEVENT")
	}
	line("END:VCALENDAR")
	return []byte(b.String())
}

// feedSummary says what is due, in words that could be of any case.
func (v *voice) feedSummary(e registry.FeedEvent) string {
	text := ""
	switch e.What {
	case registry.DueOurs, registry.DueTheirs:
		if def, ok := v.reg.Rules().Rule(e.Rule); ok {
			text = v.T("feed."+e.What, v.in(def.Label))
		}
	case registry.DueTask:
		text = v.T("feed.task", cmp.Or(v.label("task_kind", e.Code), v.kind("task")))
	case registry.DueHearing:
		text = v.T("feed.hearing", cmp.Or(v.label("hearing_kind", e.Code), v.kind("hearing")))
	case registry.DueReport, registry.DueContact, registry.DueEvidence:
		text = v.T("feed." + e.What)
	}
	if e.N > 1 {
		text = v.T("feed.several", text, e.N)
	}
	return text
}

// escaped writes a text as a value (RFC 5545, 3.3.11).
func escaped(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == '\r' || r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(text)
}

// foldLine writes a content line in pieces of at most 75 bytes (RFC 5545, 3.1),
// none of which ends within a letter.
func foldLine(b *strings.Builder, text string) {
	const most = 75
	room := most
	for text != "" {
		n := min(room, len(text))
		for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		b.WriteString(text[:n])
		if text = text[n:]; text != "" {
			b.WriteString("\r\n ")
			room = most - 1
		}
	}
	b.WriteString("\r\n")
}
