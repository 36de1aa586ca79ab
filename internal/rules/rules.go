// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// Set is the compiled rules of a codebook. It is read-only and safe for use by many goroutines.
type Set struct {
	world     *world
	kindAt    map[string]int
	figureAt  map[string]int
	figures   []*figure
	checks    []*check
	deadlines []*deadline
	defs      map[string]codebook.RuleDef
	days      calendar

	watched   []watched // deadlines, then checks
	followed  map[*deadline]int
	watchedAt map[string]int
	reads     []uint64 // by figure: see readAll
}

// Compile compiles all rules of a codebook and its packs. What an expression names and is not there, a field, a
// code of a list, a figure, is an error that says in which rule of which file.
func Compile(book *codebook.Book) (*Set, error) {
	w, err := newWorld(book)
	if err != nil {
		return nil, err
	}
	if len(w.kinds) > 62 {
		return nil, fmt.Errorf("rules: at most 62 kinds of records in a case can be read, the codebook has %d", len(w.kinds))
	}
	base, err := newEnv(w)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	s := &Set{world: w, kindAt: map[string]int{}, figureAt: map[string]int{}, defs: map[string]codebook.RuleDef{}}
	for i, k := range w.kinds {
		s.kindAt[k.def.ID] = i
	}
	var names []cel.EnvOption
	for _, def := range book.Rules() {
		s.defs[def.ID] = def
		if def.Use != codebook.Figure {
			continue
		}
		if _, ok := s.kindAt[def.ID]; ok {
			return nil, fmt.Errorf("rules: %s: figure %s takes the name of a kind of record", def.File, def.ID)
		}
		s.figureAt[def.ID] = len(s.figureAt)
		names = append(names, cel.Variable(def.ID, cel.BoolType))
	}
	c := &compiler{set: s, base: base, each: map[[2]string]*cel.Env{}}
	if c.figures, err = base.Extend(names...); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	var failed []error
	for _, def := range book.Rules() {
		if err := c.add(def); err != nil {
			failed = append(failed, fmt.Errorf("rules: %s: rule %s: %w", def.File, def.ID, err))
		}
	}
	for _, f := range s.figures {
		for _, id := range f.def.Flow {
			if _, ok := s.figureAt[id]; !ok {
				failed = append(failed, fmt.Errorf("rules: %s: rule %s: flow: there is no figure %s", f.def.File, f.def.ID, id))
			}
		}
	}
	for _, k := range s.checks {
		for _, id := range k.def.Of {
			i := slices.IndexFunc(s.deadlines, func(d *deadline) bool { return d.def.ID == id })
			if i < 0 {
				failed = append(failed, fmt.Errorf("rules: %s: rule %s follows %s, and there is no such deadline", k.def.File, k.def.ID, id))
				continue
			}
			k.of = append(k.of, s.deadlines[i])
		}
	}
	if len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	s.watchAll()
	s.readAll()
	return s, nil
}

// Rule returns a rule as read.
func (s *Set) Rule(id string) (codebook.RuleDef, bool) {
	r, ok := s.defs[id]
	return r, ok
}

type compiler struct {
	set     *Set
	base    *cel.Env
	figures *cel.Env
	each    map[[2]string]*cel.Env
}

// env returns the environment of a rule that is asked of each record of a kind, beside the records by which it may
// be kept.
func (c *compiler) env(def codebook.RuleDef) (*cel.Env, error) {
	if def.Use == codebook.Figure {
		return c.figures, nil
	}
	key := [2]string{def.Each, def.By}
	if e, ok := c.each[key]; ok {
		return e, nil
	}
	var opts []cel.EnvOption
	for i, name := range []string{"it", "by"} {
		if key[i] == "" {
			continue
		}
		k, ok := c.set.world.kind[prefix+key[i]]
		if !ok {
			return nil, fmt.Errorf("there is no kind %q of records in a case", key[i])
		}
		opts = append(opts, cel.Variable(name, k.typ))
	}
	e, err := c.base.Extend(opts...)
	c.each[key] = e
	return e, err
}

func (c *compiler) add(def codebook.RuleDef) error {
	env, err := c.env(def)
	if err != nil {
		return err
	}
	var failed []error
	compile := func(what, text string, want *cel.Type) *expr {
		if text == "" {
			return nil
		}
		e, err := c.compile(env, text, want)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
		return e
	}
	var shown []*expr
	for _, m := range def.Shown {
		shown = append(shown, compile("shown", m.Expr, nil))
	}
	when := compile("when", def.When, cel.BoolType)
	switch def.Use {
	case codebook.Figure:
		f := &figure{def: def, base: -1, at: len(c.set.figures)}
		f.expr = compile("expr", def.Expr, cel.BoolType)
		if def.Base != "" {
			i, ok := c.set.figureAt[def.Base]
			if !ok || i >= f.at {
				failed = append(failed, fmt.Errorf("base: there is no figure %s before this one", def.Base))
			}
			f.base = i
		}
		if f.expr != nil {
			for _, i := range f.expr.names {
				if i >= f.at {
					failed = append(failed, fmt.Errorf("expr: a figure can only name those that stand before it"))
				}
			}
		}
		c.set.figures = append(c.set.figures, f)
	case codebook.Check:
		c.set.checks = append(c.set.checks, &check{def: def, when: when, shown: shown, each: c.at(def.Each),
			expr: compile("expr", def.Expr, cel.BoolType), grave: compile("grave", def.Grave, cel.BoolType),
			records: compile("records", def.Records, nil)})
	case codebook.Deadline:
		d := &deadline{def: def, when: when, each: c.at(def.Each), by: c.at(def.By),
			from: compile("from", def.From, dateType), arguable: compile("arguable", def.Arguable, dateType),
			until: compile("until", def.Until, dateType), done: compile("done", def.Done, cel.BoolType),
			on: compile("on", def.On, dateType)}
		for _, e := range []*expr{d.from, d.arguable, d.until, d.on} {
			if e != nil && e.clock {
				failed = append(failed, errors.New("a term can't be measured from today: it would never end"))
			}
		}
		c.set.deadlines = append(c.set.deadlines, d)
	case codebook.Calendar:
		if err := c.set.days.add(def); err != nil {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (c *compiler) at(kind string) int {
	if kind == "" {
		return -1
	}
	return c.set.kindAt[kind]
}

func (c *compiler) compile(env *cel.Env, text string, want *cel.Type) (*expr, error) {
	tree, issues := env.Compile(text)
	if err := issues.Err(); err != nil {
		return nil, fmt.Errorf("%s", strings.Join(strings.Fields(err.Error()), " "))
	}
	if want != nil && !tree.OutputType().IsExactType(want) {
		return nil, fmt.Errorf("%s gives %s, expected %s", text, cel.FormatCELType(tree.OutputType()), cel.FormatCELType(want))
	}
	e := &expr{}
	if err := c.look(e, tree.NativeRep()); err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	var err error
	e.list = c.listOf(tree.NativeRep())
	e.prog, err = env.Program(tree, cel.EvalOptions(cel.OptOptimize))
	return e, err
}

// look finds out what an expression reads, and whether the codes it names are there.
func (c *compiler) look(e *expr, tree *ast.AST) error {
	refs := tree.ReferenceMap()
	var wrong error
	ast.PostOrderVisit(tree.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		switch x.Kind() {
		case ast.IdentKind:
			name := x.AsIdent()
			if r, ok := refs[x.ID()]; ok && r.Name != "" {
				name = r.Name
			}
			if i, ok := c.set.kindAt[name]; ok {
				e.kinds |= 1 << i
			}
			if i, ok := c.set.figureAt[name]; ok {
				e.names = append(e.names, i)
			}
			e.clock = e.clock || name == "today"
		case ast.CallKind:
			call := x.AsCall()
			args := call.Args()
			switch call.FunctionName() {
			case "after":
				n := 0
				if len(args) == 3 {
					if args[2].Kind() != ast.LiteralKind {
						wrong = errors.New("the days of after are given as a number")
						return
					}
					v, _ := args[2].AsLiteral().(types.Int)
					n = int(v)
				}
				e.steps = append(e.steps, n)
			case "date":
				text, ok := literal(args[0])
				d, err := edtf.Parse(text)
				if !ok || err != nil {
					wrong = fmt.Errorf("date takes a date as text, such as \"2023-01-01\"")
					return
				}
				e.fixed = append(e.fixed, d.Earliest(), d.Latest())
			case "_==_", "_!=_":
				for i := range 2 {
					if code, ok := literal(args[1-i]); ok {
						wrong = errors.Join(wrong, c.codes(tree, args[i], code))
					}
				}
			case "@in":
				if code, ok := literal(args[0]); ok {
					wrong = errors.Join(wrong, c.codes(tree, args[1], code))
				}
				if args[1].Kind() == ast.ListKind {
					for _, el := range args[1].AsList().Elements() {
						if code, ok := literal(el); ok {
							wrong = errors.Join(wrong, c.codes(tree, args[0], code))
						}
					}
				}
			case "is":
				list, _ := literal(args[0])
				prop, _ := literal(args[2])
				wrong = errors.Join(wrong, c.property(list, prop))
			}
		}
	}))
	return wrong
}

// listOf returns the code list of a field that an expression merely names.
func (c *compiler) listOf(tree *ast.AST) string {
	x := tree.Expr()
	if x.Kind() != ast.SelectKind || x.AsSelect().IsTestOnly() {
		return ""
	}
	if k, ok := c.set.world.kind[tree.GetType(x.AsSelect().Operand().ID()).TypeName()]; ok {
		if f := c.set.world.fieldOf(k, x.AsSelect().FieldName()); f != nil {
			return f.def.List
		}
	}
	return ""
}

func literal(x ast.Expr) (string, bool) {
	if x.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := x.AsLiteral().(types.String)
	return string(s), ok
}

// codes says whether a field that is compared with a code can hold it.
func (c *compiler) codes(tree *ast.AST, x ast.Expr, code string) error {
	if x.Kind() != ast.SelectKind || x.AsSelect().IsTestOnly() {
		return nil
	}
	sel := x.AsSelect()
	t := tree.GetType(sel.Operand().ID())
	k, ok := c.set.world.kind[t.TypeName()]
	if !ok {
		return nil
	}
	f := c.set.world.fieldOf(k, sel.FieldName())
	if f == nil {
		return nil
	}
	if f.def.Type == codebook.YesNo {
		if code != "yes" && code != "no" {
			return fmt.Errorf("%s.%s is yes or no, never %q", k.def.ID, f.def.ID, code)
		}
		return nil
	}
	if f.list == nil {
		return nil
	}
	if _, ok := f.list.Code(code); !ok {
		return fmt.Errorf("%s.%s: list %s has no code %q", k.def.ID, f.def.ID, f.list.ID, code)
	}
	if f.stands[code] {
		return fmt.Errorf("%s.%s: %q says that it is not known; write !has(…)", k.def.ID, f.def.ID, code)
	}
	return nil
}

// property says whether any code of a list has a property: a misspelt one would be false for ever.
func (c *compiler) property(list, prop string) error {
	l, ok := c.set.world.book.List(list)
	if !ok {
		return fmt.Errorf("is: there is no list %q", list)
	}
	for _, code := range l.Codes {
		if slices.Contains(code.Is, prop) {
			return nil
		}
	}
	return fmt.Errorf("is: no code of list %s is %q", list, prop)
}
