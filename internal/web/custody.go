// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"rsc.io/qr"

	"github.com/kua-registry/kua/internal/custody"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/wording"
)

func (s *server) custodyRoutes() []route {
	return []route{
		{"GET /cases/{id}/custody", s.signed(s.custodyPage)},
		{"POST /cases/{id}/custody/{record}/form", s.signed(s.custodyForm)},
	}
}

// The empty lines of a form: of a blank one, and beneath what is recorded.
const (
	blankLines = 8
	moreLines  = 3
)

type custodyBody struct {
	Number, Back, New string
	FactsOnly         bool
	Things            []thingView
	Langs             []string
	In                string
}

type thingView struct {
	ID, Name, Href, Add, Form string
	Holder, Place, Seal       string
	Ended                     bool
	Gaps                      int
	Lines                     []stepView
}

type stepView struct {
	wording.Step
	Href string
}

// openCustody reads the case of the address and the things in it.
func (s *server) openCustody(v *visit) (*caseReader, []custody.Thing, error) {
	file, err := s.reg.Case(v.r.Context(), v.session, v.r.PathValue("id"), registry.Clock{})
	if err != nil {
		return nil, nil, err
	}
	return newCaseReader(v, file), custody.Things(file.Records), nil
}

// custodyPage is who held each thing of a case, and where the chain has a gap.
func (s *server) custodyPage(v *visit) error {
	c, things, err := s.openCustody(v)
	if err != nil {
		return err
	}
	base := casePath(c.file.Row)
	body := custodyBody{Number: c.file.Row.Number, Back: base, FactsOnly: c.file.Row.FactsOnly, Langs: custodyLangs, In: v.Code()}
	if c.file.MayWrite {
		body.New = base + "/add/evidence"
	}
	for _, t := range things {
		view := thingView{ID: t.Evidence.ID, Name: c.Thing(t.Evidence), Href: recordPath(c.file.Row, t.Evidence.ID), Form: base + "/custody/" + url.PathEscape(t.Evidence.ID) + "/form",
			Holder: v.Party(t.Chain.Holder), Place: t.Chain.Place, Seal: t.Chain.Seal, Ended: t.Chain.Ended}
		if c.file.MayWrite {
			q := url.Values{"f.evidence": {t.Evidence.ID}}
			if len(t.Chain.Links) > 0 {
				q.Set("f.event", "transferred")
				for field, value := range map[string]string{"f.from": t.Chain.Holder.Name, "f.from_role": t.Chain.Holder.Role, "f.seal": t.Chain.Seal} {
					if value != "" {
						q.Set(field, value)
					}
				}
			} else {
				q.Set("f.event", "received")
			}
			view.Add = base + "/add/" + custody.Kind + "?" + q.Encode()
		}
		for _, l := range t.Chain.Links {
			if body.FactsOnly { // a name may be there that is not shown
				l.Gaps = slices.DeleteFunc(slices.Clone(l.Gaps), custody.Gap.OfNames)
			}
			line := stepView{v.Step(l), recordPath(c.file.Row, l.Record)}
			view.Gaps += len(line.Gaps)
			view.Lines = append(view.Lines, line)
		}
		body.Things = append(body.Things, view)
	}
	return s.show(v, "custody", c.file.Row.Number+" · "+v.T("custody.title"), body)
}

// joined joins what is not empty.
func joined(by string, texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(t string) bool { return t == "" }), by)
}

// custodyForm is the printed form of a thing: what is recorded, with empty lines
// to be signed, or a blank one. That it leaves the register is written down.
func (s *server) custodyForm(v *visit) error {
	c, things, err := s.openCustody(v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(things, func(t custody.Thing) bool { return t.Evidence.ID == v.r.PathValue("record") })
	if i < 0 {
		return registry.ErrNotFound
	}
	in := v.r.PostFormValue("in")
	if !slices.Contains(custodyLangs, in) {
		in = v.Code()
	}
	info, err := s.reg.Info(v.r.Context(), v.session)
	if err != nil {
		return err
	}
	words := s.voice(s.words.Lang(in))
	name := words.label("evidence_kind", things[i].Evidence.Get("kind"))
	doc, err := words.custodyPaper(info.Ledger, things[i], name, v.r.PostFormValue("blank") != "")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := paper.PDF(&out, doc); err != nil {
		return err
	}
	if err := s.reg.TakesLetter(v.r.Context(), v.session, c.file.Row.ID); err != nil {
		return err
	}
	v.file("custody.pdf", "application/pdf", out.Bytes())
	return nil
}

// custodyLangs are the languages of the printed form, that of the authorities first.
var custodyLangs = []string{"ru", "kk", "en"}

// custodyPaper is the form of a thing. Neither the number of its case nor who is
// in it stands there: the form goes with the thing through many hands.
func (v *voice) custodyPaper(register string, t custody.Thing, name string, blank bool) (paper.Document, error) {
	chain := t.Chain
	if blank {
		chain = custody.Chain{}
	}
	digest := chain.Digest(t.Evidence.ID)
	code, err := qrDrawing("kua:custody:1:" + register + ":" + t.Evidence.ID + ":" + digest)
	if err != nil {
		return paper.Document{}, err
	}
	d := paper.Document{Lang: v.Code(), Title: v.T("custody.form.title"), Subtitle: name, Foot: v.T("custody.form.reference", t.Evidence.ID)}
	d.Blocks = append(d.Blocks, paper.Paragraph{Text: paper.Words(v.T("custody.form.lead"))})
	table := paper.Table{Caption: paper.Words(v.T("custody.title")), Head: [][]paper.Cell{paper.Row(v.T("custody.when"), v.T("custody.event"), v.T("custody.from"), v.T("custody.to"), v.T("custody.state"), v.T("custody.seal"), v.T("custody.form.signatures"))}}
	for _, weight := range []float64{1.5, 1.6, 1.6, 1.6, 1.5, 1, 1.2} {
		table.Columns = append(table.Columns, paper.Column{Weight: weight})
	}
	for _, l := range chain.Links {
		s := v.Step(l)
		table.Rows = append(table.Rows, paper.Row(s.Date, joined(", ", s.Event, s.How), s.From, joined(", ", s.To, s.Place), s.State, s.Seal, ""))
	}
	empty := moreLines
	if blank {
		empty = blankLines
	}
	for range empty {
		table.Rows = append(table.Rows, paper.Row("________", "________", "____________", "____________", "____________", "________", "____________"))
	}
	d.Blocks = append(d.Blocks, table, paper.Picture{SVG: code, Alt: v.T("custody.form.code"), Caption: paper.Words(v.T("custody.form.code"))},
		paper.Paragraph{Place: paper.Small, Text: paper.Words(v.T("custody.form.digest", register, digest))})
	return d, nil
}

// qrDrawing is a text as a QR code that a document takes as a drawing.
func qrDrawing(text string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("no QR code: %w", err)
	}
	const module = 3 // of the drawing's points
	size := (code.Size + 2*qrQuiet) * module
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d"><rect x="0" y="0" width="%d" height="%d" fill="#ffffff"/>`, size, size, size, size, size, size)
	qrRuns(code, func(x, y, n int) {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%d" height="%d" fill="#000000"/>`, x*module, y*module, n*module, module)
	})
	b.WriteString("</svg>")
	return b.String(), nil
}
