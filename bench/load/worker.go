// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// worker is a case worker at a browser: one connection that is kept, one session.
type worker struct {
	d       *driver
	no, org int
	address string
	client  *http.Client
	chance  *rand.Rand
	think   time.Duration
	wrote   int

	// Of a program: its keys, and what it has read last.
	keys                          []string
	turn                          int // which key it comes with: one as long as it does one thing
	last, lastTag, next50, cursor string

	page   string // what is being asked for, for its times
	from   time.Time
	result *result
}

func (d *driver) worker(no, org int, address string) (*worker, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &worker{
		d: d, no: no, org: org, address: address,
		chance: rand.New(rand.NewPCG(d.seed, uint64(no))), //nolint:gosec // what a worker does next, no secret
		client: &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: 1}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// signIn waits for a turn as a browser does that is told when to come back.
func (w *worker) signIn(ctx context.Context, name, passphrase string) error {
	place := ""
	for {
		answer, err := w.client.PostForm(w.address+"/sign-in", url.Values{"name": {name}, "passphrase": {passphrase}, "place": {place}})
		if err != nil {
			return err
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		switch {
		case err != nil:
			return err
		case answer.StatusCode == http.StatusSeeOther:
			return nil
		case answer.StatusCode != http.StatusTooManyRequests:
			return fmt.Errorf("it was answered with %d", answer.StatusCode)
		}
		if form, err := readForm(string(text)); err == nil {
			place = form.values.Get("place")
		}
		wait, err := strconv.Atoi(answer.Header.Get("Retry-After"))
		if err != nil {
			return err
		}
		select {
		case <-time.After(time.Duration(wait) * time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// work asks and writes until the context ends. What is answered from a moment on is measured.
func (w *worker) work(ctx context.Context, from time.Time, result *result) {
	w.from, w.result = from, result
	wait := func(longest time.Duration) bool {
		select {
		case <-time.After(longest):
			return true
		case <-ctx.Done():
			return false
		}
	}
	if w.think > 0 && !wait(time.Duration(w.chance.Float64()*float64(w.think))) { // not all at once
		return
	}
	for ctx.Err() == nil {
		p := w.next()
		w.page = p.name
		w.turn++
		if err := p.ask(w, ctx); err != nil && ctx.Err() == nil {
			result.wrong(p.name, err)
		}
		if w.think > 0 && !wait(time.Duration(w.chance.ExpFloat64()*float64(w.think))) {
			return
		}
	}
}

// next is what the worker does next. A write is one request that writes beside
// two or three that read.
func (w *worker) next() page {
	if w.chance.Float64()*100 < w.d.writes/(1-2*w.d.writes/100) {
		return choose(w.chance, w.d.writing)
	}
	return choose(w.chance, w.d.reading)
}

func choose(r *rand.Rand, of []page) page {
	sum := 0.0
	for _, p := range of {
		sum += p.weight
	}
	at := r.Float64() * sum
	for _, p := range of {
		if at -= p.weight; at < 0 {
			return p
		}
	}
	return of[len(of)-1]
}

func (w *worker) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.address+path, nil)
	if err != nil {
		return "", err
	}
	name := w.page
	if strings.HasPrefix(name, writing) { // the form before it and the case after it are reads
		name = "around a write: the form, the case"
	}
	status, _, text, err := w.do(req, name)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("it was answered with %d", status)
	}
	return text, err
}

// post sends a form, and answers the page that it leads to.
func (w *worker) post(ctx context.Context, path string, values url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address+path, strings.NewReader(values.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, head, _, err := w.do(req, w.page)
	if err != nil {
		return "", err
	}
	if status != http.StatusSeeOther {
		return "", fmt.Errorf("a form was answered with %d", status)
	}
	to, err := url.Parse(head.Get("Location"))
	if err != nil {
		return "", err
	}
	return w.get(ctx, to.RequestURI())
}

// do asks, reads the answer to its last byte, and notes how long it took.
func (w *worker) do(req *http.Request, name string) (status int, head http.Header, text string, err error) {
	start := time.Now()
	answer, err := w.client.Do(req)
	if err != nil {
		return 0, nil, "", err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if start.After(w.from) && err == nil {
		w.result.answered(name, time.Since(start))
	}
	return answer.StatusCode, answer.Header, string(body), err
}

// form is the form of a page, filled in as a browser would send it.
type form struct {
	action string
	values url.Values
}

// readForm reads the form of a page in which the most can be typed.
func readForm(text string) (form, error) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return form{}, err
	}
	var best form
	var find func(*html.Node)
	find = func(n *html.Node) {
		if n.Type == html.ElementNode && n.Data == "form" && attr(n, "method") == "post" {
			f := form{attr(n, "action"), url.Values{}}
			f.read(n)
			if len(f.values) > len(best.values) {
				best = f
			}
		}
		for c := range n.ChildNodes() {
			find(c)
		}
	}
	find(root)
	if best.values == nil {
		return best, errors.New("the page has no form")
	}
	return best, nil
}

func (f *form) read(n *html.Node) {
	name := attr(n, "name")
	switch {
	case n.Type != html.ElementNode:
	case n.Data == "input" && name != "":
		ticked := attr(n, "type") == "checkbox" || attr(n, "type") == "radio"
		if _, checked := lookup(n, "checked"); !ticked || checked {
			f.values.Add(name, attr(n, "value"))
		}
	case n.Data == "textarea" && name != "":
		value := ""
		if n.FirstChild != nil {
			value = n.FirstChild.Data
		}
		f.values.Add(name, value)
	case n.Data == "select" && name != "":
		for option := range n.Descendants() {
			if _, selected := lookup(option, "selected"); selected {
				f.values.Add(name, attr(option, "value"))
			}
		}
	}
	for c := range n.ChildNodes() {
		f.read(c)
	}
}

func attr(n *html.Node, name string) string {
	value, _ := lookup(n, name)
	return value
}

func lookup(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}
