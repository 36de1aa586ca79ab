// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/relay"
	"github.com/kua-registry/kua/internal/seal"
)

const passphrase = "made up for a coalition that is none"

// order is what a child is told to do, one a line.
type order struct {
	Do        string          `json:"do"`
	At        time.Time       `json:"at"` // what its clock says
	Name      string          `json:"name,omitempty"`
	File      string          `json:"file,omitempty"`
	Coalition json.RawMessage `json:"coalition,omitempty"`
	People    []invented      `json:"people,omitempty"`
	Key       string          `json:"key,omitempty"`
	Number    int             `json:"number,omitempty"`
	Patience  time.Duration   `json:"patience,omitempty"` // with the line
	Secret    string          `json:"secret,omitempty"`   // that the organisations share
}

// invented is somebody who does not exist.
type invented struct{ Family, Given, Phone, Told, Region, Day, Birth string }

// answer is what it answers.
type answer struct {
	Error     string          `json:"error,omitempty"`
	Card      json.RawMessage `json:"card,omitempty"`
	Coalition json.RawMessage `json:"coalition,omitempty"`
	Entries   uint64          `json:"entries,omitempty"`
	Root      string          `json:"root,omitempty"`
	Waiting   int             `json:"waiting,omitempty"`
	Finding   string          `json:"finding,omitempty"`
	Figures   string          `json:"figures,omitempty"`
	Reports   int             `json:"reports"`
	Done      int             `json:"done,omitempty"`
	Own       uint64          `json:"own,omitempty"` // entries of the own ledger
	Index     time.Duration   `json:"index,omitempty"`
}

// clock is the child's time: what it was told last, so that two weeks pass in
// minutes and both ends of a line agree.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.at.Load()).UTC() }

func quick() seal.Stretch { return seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

// obey reads orders and answers each.
func obey(c *clock, do func(order) (answer, error)) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o order
		if err := in.Decode(&o); err != nil {
			return nil // the play is over
		}
		if !o.At.IsZero() {
			c.at.Store(o.At.UnixMilli())
		}
		a, err := do(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
		if o.Do == "quit" {
			return nil
		}
	}
}

func beRelay(dir, listen string) error {
	ctx := context.Background()
	c := &clock{}
	o := relay.Options{Now: c.now, Stretch: quick(), Least: quick()}
	var r *relay.Relay
	return obey(c, func(what order) (a answer, err error) {
		switch what.Do {
		case "make":
			if r, err = relay.Create(ctx, dir, passphrase, "https://"+listen, false, o); err != nil {
				return a, err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return a, err
			}
			go func() { _ = r.Serve(ctx, l) }()
		case "add":
			card, err := exchange.OpenCard(what.Coalition)
			if err != nil {
				return a, err
			}
			if _, err := relay.Add(dir, passphrase, o, card); err != nil {
				return a, err
			}
		case "tick":
		case "import":
			f, err := os.Open(what.File)
			if err != nil {
				return a, err
			}
			defer f.Close()
			if err := r.ReadStick(ctx, f); err != nil {
				return a, err
			}
		case "quit":
			return a, r.Close()
		}
		if what.Do == "add" {
			known, err := relay.Known(dir, passphrase, o)
			if err != nil {
				return a, err
			}
			a.Coalition, err = known.Bytes()
			return a, err
		}
		a.Coalition, err = r.Coalition().Bytes()
		head := r.Head()
		a.Entries, a.Root = head.Size, head.Root.String()
		return a, err
	})
}

// node is a register that is told what to do.
type node struct {
	dir   string
	clock *clock
	rules func(pack string) (*registry.Rulebook, error)
	reg   *registry.Registry
	s     *access.Session
	org   string
	name  string
}

func beNode(dir string) error {
	n := &node{dir: dir, clock: &clock{}, rules: registry.Rulebooks(registry.LoadRulebook)}
	return obey(n.clock, func(o order) (answer, error) { return n.do(context.Background(), o) })
}

func (n *node) options() registry.Options {
	return registry.Options{Now: n.clock.now, Stretch: quick(), Least: quick(), Rulebook: n.rules}
}

func (n *node) do(ctx context.Context, o order) (a answer, err error) {
	switch o.Do {
	case "make":
		c, err := exchange.OpenCoalition(o.Coalition)
		if err != nil {
			return a, err
		}
		options := n.options()
		options.Coalition = &registry.JoinCoalition{Coalition: c, Name: o.Name}
		n.name = o.Name
		if n.reg, n.s, err = registry.Create(ctx, n.dir, registry.FirstMember{Name: "coordinator", Lang: "kk", Passphrase: passphrase}, options); err != nil {
			return a, err
		}
		org, err := n.reg.AddOrganisation(ctx, n.s, registry.NewOrganisation{Name: o.Name, Counts: true})
		if err != nil {
			return a, err
		}
		n.org = org.ID
		card, err := n.reg.Card(ctx, n.s)
		if err != nil {
			return a, err
		}
		a.Card, err = card.Bytes()
		return a, err
	case "open": // after it was killed
		began := time.Now()
		if n.reg, n.s, err = registry.Open(ctx, n.dir, registry.Unlock{Passphrase: passphrase}, n.options()); err != nil {
			return a, err
		}
		a.Index = time.Since(began)
		org, ok := n.reg.Organisation(ctx, o.Name)
		if !ok {
			return a, errors.New("the organisation is gone")
		}
		n.org = org.ID
		return a, nil
	case "add":
		c, err := exchange.OpenCoalition(o.Coalition)
		if err != nil {
			return a, err
		}
		if err := n.prove(ctx); err != nil {
			return a, err
		}
		return a, n.reg.AddNodes(ctx, n.s, c.Nodes...)
	case "cases":
		return a, n.take(ctx, o)
	case "erase":
		return n.erase(ctx, o)
	case "hand":
		row, err := n.find(ctx, o.Key)
		if err != nil {
			return a, err
		}
		if _, err := n.reg.AddFile(ctx, n.s, row.ID, registry.NewFile{Name: "statement", Content: strings.NewReader(strings.Repeat(row.ID, 10_000))}); err != nil {
			return a, err
		}
		return a, n.reg.HandCase(ctx, n.s, row.ID, o.Name, "moved there")
	case "take":
		return n.takeHanded(ctx)
	case "offer", "propose", "answer", "withdraw":
		return n.common(ctx, o)
	case "sync":
		line, stop := context.WithTimeout(ctx, o.Patience)
		defer stop()
		v, err := n.reg.Sync(line, n.s)
		return status(v), err
	case "status":
		v, err := n.reg.Exchange(ctx, n.s)
		if err != nil {
			return a, err
		}
		a = status(v)
		info, err := n.reg.Info(ctx, n.s)
		a.Own = info.Entries
		return a, err
	case "export":
		f, err := os.Create(o.File)
		if err != nil {
			return a, err
		}
		defer f.Close()
		v, err := n.reg.WriteStick(ctx, n.s, f, 0)
		return status(v), err
	case "import":
		f, err := os.Open(o.File)
		if err != nil {
			return a, err
		}
		defer f.Close()
		v, err := n.reg.ReadStick(ctx, n.s, f)
		return status(v), err
	case "figures":
		return n.figures(ctx)
	case "verify":
		v, err := n.reg.Verify(ctx, n.s, true)
		if err == nil && len(v.Problems) > 0 {
			err = errors.New(v.Problem)
		}
		return a, err
	case "names": // read what there is to be read, so that memory holds it
		if err := n.prove(ctx); err != nil {
			return a, err
		}
		page, err := n.reg.Cases(ctx, n.s, registry.Query{Sort: "number", Limit: 100})
		if err != nil {
			return a, err
		}
		for _, row := range page.Rows {
			if _, err := n.reg.Case(ctx, n.s, row.ID, registry.Clock{}); err != nil {
				return a, err
			}
		}
		return a, nil
	case "quit":
		return a, n.reg.Close()
	}
	return a, fmt.Errorf("there is no order %q", o.Do)
}

func (n *node) prove(ctx context.Context) (err error) {
	n.s, err = n.reg.SignIn(ctx, registry.SignIn{Name: "coordinator", Passphrase: passphrase})
	return err
}

// take takes cases in by a list; one that is there already is changed.
func (n *node) take(ctx context.Context, o order) error {
	var cases []registry.CaseImport
	for i, who := range o.People {
		key := fmt.Sprintf("%s-%d", o.Key, o.Number+i)
		cases = append(cases, registry.CaseImport{Key: key, Records: func(id string) []registry.Put {
			// The same list again names the same records.
			record := func(kind string) string {
				sum := sha256.Sum256([]byte(id + kind))
				return ledger.ID(sum[:16]).String()
			}
			return []registry.Put{
				{Record: id, Kind: "case", Fields: casefile.Fields{}},
				{Record: record("report"), Kind: "report", Fields: casefile.Fields{"received": {who.Day}, "region": {who.Region}, "summary": {who.Told}}},
				{Record: record("person"), Kind: "person", Fields: casefile.Fields{"role": {"victim"}, "family": {who.Family}, "given": {who.Given}, "phones": {who.Phone}, "sex": {"m"}, "birth": {who.Birth}, "child": {"no"}}},
			}
		}})
	}
	_, err := n.reg.Import(ctx, n.s, n.org, "list", cases, nil)
	return err
}

// find signs in anew and finds the case with an external number.
func (n *node) find(ctx context.Context, key string) (registry.Row, error) {
	if err := n.prove(ctx); err != nil {
		return registry.Row{}, err
	}
	for after := ""; ; {
		page, err := n.reg.Cases(ctx, n.s, registry.Query{Sort: "number", Limit: 200, After: after})
		if err != nil {
			return registry.Row{}, err
		}
		for _, row := range page.Rows {
			if row.ExternalID == key && row.Org == n.org {
				return row, nil
			}
		}
		if after = page.Next; after == "" {
			return registry.Row{}, errors.New("there is no such case")
		}
	}
}

// erase erases the case with an external number.
func (n *node) erase(ctx context.Context, o order) (a answer, err error) {
	row, err := n.find(ctx, o.Key)
	if err != nil {
		return a, err
	}
	return a, n.reg.Erase(ctx, n.s, row.ID, registry.Erasure{Whole: true, Why: "wish", Reason: "asked for"})
}

// takeHanded takes all cases that were handed over to the organisation.
func (n *node) takeHanded(ctx context.Context) (a answer, err error) {
	if err := n.prove(ctx); err != nil {
		return a, err
	}
	rows, err := n.reg.HandedCases(ctx, n.s)
	if err != nil {
		return a, err
	}
	for _, row := range rows {
		if err := n.reg.TakeCase(ctx, n.s, row.ID); errors.Is(err, registry.ErrHandFiles) {
			continue // they come with another exchange
		} else if err != nil {
			return a, err
		}
		if err := n.readFile(ctx, row.ID); err != nil {
			return a, fmt.Errorf("the file of a case that was taken: %w", err)
		}
		a.Done++
	}
	return a, nil
}

// readFile reads the file that a case was handed over with, and fails where it is not as it was.
func (n *node) readFile(ctx context.Context, id string) error {
	files, err := n.reg.Files(ctx, n.s, id)
	if err != nil || len(files) == 0 {
		return err
	}
	f, _, err := n.reg.OpenFile(ctx, n.s, id, files[0].ID)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err == nil && string(b) != strings.Repeat(id, 10_000) {
		err = errors.New("it is another one")
	}
	return err
}

// common does what two organisations do to find whom they have in common.
func (n *node) common(ctx context.Context, o order) (a answer, err error) {
	if err := n.prove(ctx); err != nil {
		return a, err
	}
	switch o.Do {
	case "offer":
		key, err := encoded.ParseKey(o.Secret)
		if err != nil {
			return a, err
		}
		schema, err := encoded.ReadSchema(bytes.NewReader(encoded.CaseSchema()))
		if err != nil {
			return a, err
		}
		schema.Round = "the play"
		offered, err := n.reg.OfferEncoding(ctx, n.s, key, schema)
		if err == nil {
			a.Done = offered.List.File.Rows
		}
		return a, err
	case "withdraw":
		a.Done, err = n.reg.WithdrawEncodings(ctx, n.s, "it is over")
		return a, err
	}
	found, err := n.reg.CommonCases(ctx, n.s, 0.8)
	if err != nil {
		return a, err
	}
	if o.Do == "propose" {
		for _, p := range found.Found {
			if _, err := n.reg.ProposeCommon(ctx, n.s, p.Case.ID, p.Encoding, p.Row, "alike"); err != nil {
				return a, err
			}
			a.Done++
		}
		return a, nil
	}
	for _, p := range found.Asked {
		if p.Stale || p.Decision != nil {
			continue
		}
		if _, err := n.reg.AnswerCommon(ctx, n.s, p.ID, registry.Same, "they say so"); err != nil {
			return a, err
		}
		a.Done++
	}
	return a, nil
}

func status(v registry.ExchangeView) answer {
	a := answer{Entries: v.Entries, Root: v.Root, Waiting: v.Waiting}
	if v.Finding() {
		a.Finding = fmt.Sprintf("missing %d, refused %d, held %v, forks %d", v.Missing, len(v.Refused), v.Held, len(v.Forks))
	}
	return a
}

// figures are all figures of the coalition as of a fixed day, one a line.
func (n *node) figures(ctx context.Context) (a answer, err error) {
	day, err := edtf.ParseDay("2023-01-01")
	if err != nil {
		return a, err
	}
	table, err := n.reg.Figures(ctx, n.s, registry.FigureQuery{Clock: registry.Clock{AsOf: day}})
	for _, v := range table.Values {
		a.Figures += fmt.Sprintf("%s=%d of %d\n", v.ID, v.Value, v.Base)
		if v.ID == "reports" {
			a.Reports = v.Value
		}
	}
	return a, err
}
