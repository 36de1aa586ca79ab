// SPDX-License-Identifier: AGPL-3.0-or-later

package huridocs

import (
	"bufio"
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/foreign"
)

//go:embed map.yaml
var readyMap []byte

// Format is the format.
func Format() foreign.Format {
	return foreign.Format{
		Name:  "huridocs",
		About: "Events Standard Formats of HURIDOCS, as OpenEvSys writes them in XML",
		Read:  Read,
		Map:   func(*foreign.File, *codebook.Book) []byte { return readyMap },
		Write: Write,
	}
}

// out writes XML; the first error stays.
type out struct {
	w      *bufio.Writer
	depth  int
	book   *codebook.Book
	report *foreign.Report
}

func (o *out) open(name string) {
	fmt.Fprintf(o.w, "%s<%s>\n", strings.Repeat("  ", o.depth), name)
	o.depth++
}

func (o *out) close(name string) {
	o.depth--
	fmt.Fprintf(o.w, "%s</%s>\n", strings.Repeat("  ", o.depth), name)
}

// put writes a field; where there is nothing, the comment that OpenEvSys leaves.
func (o *out) put(name string, values ...string) {
	indent := strings.Repeat("  ", o.depth)
	written := false
	for _, v := range values {
		if v == "" {
			continue
		}
		written = true
		fmt.Fprintf(o.w, "%s<%s>", indent, name)
		_ = xml.EscapeText(o.w, []byte(v)) // the error is the writer's, and comes with Flush
		fmt.Fprintf(o.w, "</%s>\n", name)
	}
	if !written {
		fmt.Fprintf(o.w, "%s<!-- %s : element not found -->\n", indent, name)
	}
}

// days says which first and last day a date is written as, and whether they say
// the same.
func days(text string) (from, to string, same bool) {
	d, err := edtf.Parse(text)
	if err != nil {
		return "", "", false
	}
	if e := d.Earliest(); !e.Bound() {
		from = e.String()
	}
	if l := d.Latest(); !l.Bound() {
		to = l.String()
	}
	return from, to, day(from, to) == text
}

// span writes a date as a first and a last day.
func (o *out) span(r *casefile.Record, field string) {
	from, to, same := days(r.Get(field))
	o.put("initial_date", from)
	o.put("final_date", to)
	if r.Get(field) != "" {
		o.report.Told(r.Kind, field, same)
	}
}

// one writes a date for which the format has one day.
func (o *out) one(name string, r *casefile.Record, field string) {
	from, to, _ := days(r.Get(field))
	o.put(name, from)
	if r.Get(field) != "" {
		o.report.Told(r.Kind, field, from == to && from == r.Get(field))
	}
}

// text writes a text as it is.
func (o *out) text(name string, r *casefile.Record, field string) {
	v := r.Get(field)
	o.put(name, v)
	if v != "" {
		o.report.Told(r.Kind, field, foreign.ComesBack(o.book, r.Kind, field, v))
	}
}

// name writes a person's name in one piece. Family name, given name and the rest
// are read out of it again where that can be done without a doubt.
func (o *out) name(r *casefile.Record) {
	full := r.Get("full_name")
	var parts []string
	for _, field := range []string{"family", "given", "patronymic"} {
		if v := r.Get(field); v != "" {
			parts = append(parts, v)
		}
	}
	joined := strings.Join(parts, " ")
	if full != "" {
		o.put("person_name", full)
		o.report.Told(r.Kind, "full_name", foreign.ComesBack(o.book, r.Kind, "full_name", full))
	} else {
		o.put("person_name", joined)
	}
	if full != "" && full != joined {
		return
	}
	single := func(s string) bool {
		return s != "" && !strings.ContainsAny(s, ", ") && foreign.ComesBack(o.book, r.Kind, "family", s)
	}
	family, given, rest := r.Get("family"), r.Get("given"), r.Get("patronymic")
	exact := single(family) && (single(given) && foreign.ComesBack(o.book, r.Kind, "patronymic", rest) && !strings.Contains(rest, ",") || given == "" && rest == "")
	for _, field := range []string{"family", "given", "patronymic"} {
		if r.Get(field) != "" {
			o.report.Told(r.Kind, field, exact)
		}
	}
}

// Write writes each case as an event with the acts against its victims.
func Write(w io.Writer, book *codebook.Book, cases iter.Seq2[*casefile.Case, error], opts foreign.Writing) (*foreign.Report, error) {
	o := &out{w: bufio.NewWriter(w), book: book, report: foreign.NewReport("huridocs")}
	fmt.Fprint(o.w, xml.Header, "<events xmlns=\"http://www.huridocs.org/\">\n")
	o.depth = 1
	o.open("meta_data")
	o.put("instance", "Kua")
	o.put("date", opts.Today.String())
	o.put("time")
	o.close("meta_data")
	for c, err := range cases {
		if err != nil {
			return nil, err
		}
		o.report.Case(c)
		o.oneCase(c)
	}
	fmt.Fprint(o.w, "</events>\n")
	if err := o.w.Flush(); err != nil {
		return nil, err
	}
	return o.report, o.report.Done()
}

func (o *out) oneCase(c *casefile.Case) {
	var victims, sources []*casefile.Record
	for _, p := range c.Of("person") {
		switch p.Get("role") {
		case "victim":
			victims = append(victims, p)
		case "reporter":
			sources = append(sources, p)
		}
	}
	o.open("event")
	o.put("event_record_number", c.ID)
	title := ""
	for _, r := range c.Of("case") {
		title = r.Get("number")
	}
	o.put("event_title", title)
	if reports := c.Of("report"); len(reports) > 0 {
		o.text("event_description", reports[0], "summary")
		o.open("management_data")
		o.one("date_received", reports[0], "received")
		o.close("management_data")
	}
	if notes := c.Of("note"); len(notes) > 0 {
		o.text("remarks", notes[0], "text")
	}
	// Which of several victims an act was against is not written down here: it
	// stands under the first.
	victim := ""
	if len(victims) > 0 {
		victim = victims[0].ID
		o.report.Told("person", "role", true)
	}
	used := map[string]bool{}
	for i, a := range c.Of("act") {
		o.open("act")
		o.put("act_record_number", a.ID)
		o.put("victim", victim)
		o.put("event", c.ID)
		o.span(a, "date")
		o.text("exact_location", a, "place")
		if i == 0 && victim != "" {
			o.text("age_at_time_of_victimisation", victims[0], "age")
		}
		o.text("remarks", a, "account")
		carried := 0
		for n, id := range a.Fields["suspects"] {
			if s, ok := c.Record(id); !ok || s.Kind != "suspect" {
				continue
			}
			carried++
			used[id] = true
			o.open("involvement")
			o.put("involvement_record_number", fmt.Sprintf("%s-%d", a.ID, n+1))
			o.put("perpetrator", id)
			o.put("event", c.ID)
			o.put("act", a.ID)
			o.close("involvement")
		}
		o.report.Carried("act", "suspects", carried)
		o.close("act")
	}
	for _, d := range c.Of("detention") {
		o.open("act")
		o.put("act_record_number", d.ID)
		o.put("victim", victim)
		o.put("event", c.ID)
		o.one("initial_date", d, "from")
		o.one("final_date", d, "to")
		o.text("exact_location", d, "place")
		o.open("arrest")
		o.put("arrest_record_number", d.ID)
		o.close("arrest")
		o.close("act")
	}
	if victim != "" && len(c.Of("act")) == 0 && len(c.Of("detention")) == 0 {
		o.open("act") // an act without any detail says only whose event it is
		o.put("act_record_number", c.ID)
		o.put("victim", victim)
		o.put("event", c.ID)
		o.text("age_at_time_of_victimisation", victims[0], "age")
		o.close("act")
	}
	o.close("event")

	if victim != "" {
		o.person(victims[0])
	}
	for _, s := range c.Of("suspect") {
		if !used[s.ID] {
			continue
		}
		o.open("person")
		o.put("person_record_number", s.ID)
		o.text("person_name", s, "name")
		o.text("remarks", s, "description")
		o.open("biographic_details")
		o.put("biographic_details_record_number", s.ID)
		o.put("person", s.ID)
		o.text("affiliation", s, "unit")
		o.text("rank", s, "rank")
		o.close("biographic_details")
		o.close("person")
	}
	for _, p := range sources {
		o.open("person")
		o.put("person_record_number", p.ID)
		o.report.Carried("person", "role", 1)
		o.name(p)
		o.one("date_of_birth", p, "birth")
		o.close("person")
		o.open("information")
		o.put("information_record_number", p.ID)
		o.put("source", p.ID)
		o.put("event", c.ID)
		o.close("information")
	}
}

// person writes a victim.
func (o *out) person(p *casefile.Record) {
	o.open("person")
	o.put("person_record_number", p.ID)
	o.name(p)
	o.list("other_names", p, "other_names")
	o.one("date_of_birth", p, "birth")
	o.text("identification_documents", p, "identity_document")
	o.one("date_deceased", p, "died")
	if p.Get("address") != "" || len(p.Fields["phones"]) > 0 || len(p.Fields["emails"]) > 0 {
		// One address for each telephone and mailbox, the place with the first.
		for i := range max(1, len(p.Fields["phones"]), len(p.Fields["emails"])) {
			o.open("address")
			o.put("address_record_number", fmt.Sprintf("%s-%d", p.ID, i+1))
			if i == 0 {
				o.text("address", p, "address")
			}
			for _, f := range [][2]string{{"phone", "phones"}, {"email", "emails"}} {
				if v := p.Fields[f[1]]; i < len(v) {
					o.put(f[0], v[i])
					o.report.Told("person", f[1], !strings.Contains(v[i], ";") && foreign.ComesBack(o.book, "person", f[1], v[i]) && !slices.Contains(v[:i], v[i]))
				}
			}
			o.close("address")
		}
	}
	o.close("person")
}

// list writes several texts in one field.
func (o *out) list(name string, r *casefile.Record, field string) {
	values := r.Fields[field]
	o.put(name, strings.Join(values, "; "))
	for _, v := range values {
		o.report.Told(r.Kind, field, !strings.Contains(v, ";") && foreign.ComesBack(o.book, r.Kind, field, v))
	}
}
