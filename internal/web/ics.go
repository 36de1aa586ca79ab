// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"cmp"
	"strings"

	"github.com/kua-registry/kua/internal/foreign/contentline"
	"github.com/kua-registry/kua/internal/registry"
)

// calendarFile writes what is due as an iCalendar object (RFC 5545): events of
// a whole day with a label of the codebook, and nothing that names a case.
func (v *voice) calendarFile(c registry.FeedContent) []byte {
	var b strings.Builder
	line := func(text string) { _ = contentline.Fold(&b, text) } // a strings.Builder takes everything
	line("BEGIN:VCALENDAR")
	line("VERSION:2.0")
	line("PRODID:-//Terms//Terms 1//EN") // says no more than that it is a list of terms
	line("CALSCALE:GREGORIAN")
	line("METHOD:PUBLISH")
	line("X-WR-CALNAME:" + contentline.Escape(v.T("feed.name")))
	line("NAME:" + contentline.Escape(v.T("feed.name"))) // RFC 7986
	line("REFRESH-INTERVAL;VALUE=DURATION:PT6H")
	line("X-PUBLISHED-TTL:PT6H")
	stamp := c.Now.UTC().Format("20060102T150405Z")
	for _, e := range c.Events {
		line("BEGIN:VEVENT")
		line("UID:" + e.UID)
		line("DTSTAMP:" + stamp)
		line("DTSTART;VALUE=DATE:" + e.Day.Time().Format("20060102"))
		line("DTEND;VALUE=DATE:" + e.Day.Add(1).Time().Format("20060102"))
		line("SUMMARY:" + contentline.Escape(v.feedSummary(e)))
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
	case registry.DueReport, registry.DueExport, registry.DueContact, registry.DueEvidence:
		text = v.T("feed." + e.What)
	}
	if e.N > 1 {
		text = v.T("feed.several", text, e.N)
	}
	return text
}
