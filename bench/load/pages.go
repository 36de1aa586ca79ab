// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/invented"
)

// page is something a worker does: one request or, of what is written, those
// that belong to it. Weights are how often, beside one another.
type page struct {
	name   string
	weight float64
	ask    func(*worker, context.Context) error
}

// reads are what case workers read, about as often as they do.
var reads = []page{
	{"a case", 30, (*worker).readCase},
	{"a case, a figure's or a search's", 6, (*worker).readAny},
	{"search, misspelt, another script", 16, (*worker).search},
	{"list of cases", 10, at("/cases")},
	{"list, filtered", 8, (*worker).filtered},
	{"overview", 8, at("/")},
	{"calendar", 6, at("/calendar")},
	{"tasks", 4, at("/tasks")},
	{"figures", 4, at("/figures")},
	{"figures, another day", 2, (*worker).figuresAsOf},
	{"form of a record", 4, (*worker).form},
	{"the State's bodies and places", 1, at("/state")},
	{"what recurs", 1, at("/patterns")},
}

// writing begins the name of what writes.
const writing = "write: "

// writes are what they write: after each they read the case, and what they
// wrote must be there.
var writes = []page{
	{writing + "a note", 3, (*worker).writeNote},
	{writing + "a record", 1, (*worker).writeContact},
	{writing + "a correction", 1, (*worker).correct},
}

func at(path string) func(*worker, context.Context) error {
	return func(w *worker, ctx context.Context) error {
		_, err := w.get(ctx, path)
		return err
	}
}

// own is a case of the worker's organisation that is open to all of it: mostly
// one of the few that they work on.
func (w *worker) own() invented.Case {
	const desk = 40
	for {
		n := w.chance.IntN(w.d.of.Cases)
		if w.chance.IntN(100) < 80 {
			n = (w.no*7919 + w.chance.IntN(desk)*104_729) % w.d.of.Cases
		}
		n = n/w.d.of.Orgs*w.d.of.Orgs + w.org
		if n >= w.d.of.Cases {
			continue
		}
		if c := w.d.world.Case(n); !c.Restricted {
			return c
		}
	}
}

// any is a case of the worker's organisation, whichever.
func (w *worker) any() invented.Case {
	for {
		n := w.chance.IntN(w.d.of.Cases)/w.d.of.Orgs*w.d.of.Orgs + w.org
		if n >= w.d.of.Cases {
			continue
		}
		if c := w.d.world.Case(n); !c.Restricted {
			return c
		}
	}
}

func (w *worker) readCase(ctx context.Context) error { return w.read(ctx, w.own()) }
func (w *worker) readAny(ctx context.Context) error  { return w.read(ctx, w.any()) }

func (w *worker) read(ctx context.Context, c invented.Case) error {
	text, err := w.get(ctx, "/cases/"+c.ID)
	if err == nil && !strings.Contains(text, c.Number) {
		err = fmt.Errorf("the page of a case does not have its number")
	}
	return err
}

// search looks for somebody by their name as it might have been heard: spelt
// in another script than the list has it, with a slip.
func (w *worker) search(ctx context.Context) error {
	_, err := w.get(ctx, "/cases?q="+url.QueryEscape(w.heard()))
	return err
}

// heard is the name of somebody as it might have been heard.
func (w *worker) heard() string {
	c := w.any()
	name := c.Person.Misspelt(w.chance, (c.Script+1+invented.Script(w.chance.IntN(2)))%3)
	words := name.Family
	if w.chance.IntN(3) > 0 {
		words += " " + name.Given
	}
	return words
}

func (w *worker) filtered(ctx context.Context) error {
	filters := []string{"region=KZ-75", "region=KZ-31&sex=m", "method=beat", "sex=f", "region=KZ-19&method=electric", "sort=incident", "figure=registered_146"}
	_, err := w.get(ctx, "/cases?"+filters[w.chance.IntN(len(filters))])
	return err
}

func (w *worker) figuresAsOf(ctx context.Context) error {
	day := w.d.of.Until.Add(-w.chance.IntN(2000))
	_, err := w.get(ctx, "/figures?as_of="+day.String())
	return err
}

func (w *worker) form(ctx context.Context) error {
	kinds := []string{"note", "complaint", "registration", "contact", "examination"}
	text, err := w.get(ctx, "/cases/"+w.own().ID+"/add/"+kinds[w.chance.IntN(len(kinds))])
	if err == nil && !strings.Contains(text, "record-form") {
		err = fmt.Errorf("the page has no form")
	}
	return err
}

// word is one that stands nowhere else.
func (w *worker) word() string {
	w.wrote++
	return fmt.Sprintf("made-up-%d-%d-%d", w.no, w.wrote, time.Now().UnixNano()%1_000_000)
}

func (w *worker) writeNote(ctx context.Context) error {
	c, word := w.own(), w.word()
	return w.write(ctx, c, "/cases/"+c.ID+"/add/note", word, map[string]string{"f.text": "Позвонили ещё раз, договорились о встрече. " + word})
}

func (w *worker) writeContact(ctx context.Context) error {
	c, word := w.own(), w.word()
	return w.write(ctx, c, "/cases/"+c.ID+"/add/contact", word, map[string]string{"f.date": w.d.of.Until.String(), "f.summary": "Разговор по телефону. " + word})
}

// correct puts right what a report says.
func (w *worker) correct(ctx context.Context) error {
	c, word := w.own(), w.word()
	for _, e := range c.Records() {
		if e.Kind == "report" {
			return w.write(ctx, c, "/cases/"+c.ID+"/records/"+e.Record+"/edit", word, map[string]string{"f.summary": e.Fields["summary"][0] + " Уточнено: " + word, "reason": "исправлена ошибка при вводе"})
		}
	}
	return fmt.Errorf("a case has no report")
}

// write opens a form, fills fields in, saves it, and reads the case.
func (w *worker) write(ctx context.Context, c invented.Case, path, word string, fields map[string]string) error {
	text, err := w.get(ctx, path)
	if err != nil {
		return err
	}
	form, err := readForm(text)
	if err != nil {
		return err
	}
	for name, value := range fields {
		if _, ok := form.values[name]; !ok {
			return fmt.Errorf("the form has no field %q", name)
		}
		form.values.Set(name, value)
	}
	saved, err := w.post(ctx, form.action, form.values)
	if err != nil {
		return err
	}
	if !strings.Contains(saved, word) {
		return fmt.Errorf("what was written is not on the page of its record")
	}
	seen, err := w.get(ctx, "/cases/"+c.ID+"?open=all")
	if err == nil && !strings.Contains(seen, word) {
		err = fmt.Errorf("what was written is not on the page of the case")
	}
	return err
}
