// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
)

// prefix keeps the types of records apart from the variables that hold them.
const prefix = "kua."

// kind is a kind of record as expressions see it.
type kind struct {
	def    *codebook.Kind
	typ    *cel.Type
	fields []*field // those that some rule reads, by slot
	dates  []int    // slots of the fields that give the effective date
	at     int      // place among kinds
}

// field is a field of a kind that some rule reads.
type field struct {
	def     *codebook.Field
	slot    int
	list    *codebook.List
	stands  map[string]bool // codes of the list that say "not known" rather than something
	typ     *types.FieldType
	missing *types.Unknown // says which field was missing
}

// world is what expressions can name: kinds, their facts and the codebook's properties. Fields get their slot when
// an expression first names them, so that a case file is read only for what the rules ask.
type world struct {
	*types.Registry
	book  *codebook.Book
	kinds []*kind
	kind  map[string]*kind
}

func newWorld(book *codebook.Book) (*world, error) {
	reg, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	w := &world{Registry: reg, book: book, kind: map[string]*kind{}}
	for _, def := range book.Kinds() {
		if def.Scope != codebook.InCase {
			continue
		}
		k := &kind{def: def, typ: cel.ObjectType(prefix + def.ID), at: len(w.kinds)}
		w.kinds = append(w.kinds, k)
		w.kind[prefix+def.ID] = k
		for _, id := range def.DateFields() {
			if f := w.fieldOf(k, id); f != nil {
				k.dates = append(k.dates, f.slot)
			}
		}
	}
	return w, nil
}

// FindStructType tells CEL's checker the type of a kind's records.
func (w *world) FindStructType(name string) (*types.Type, bool) {
	if k, ok := w.kind[name]; ok {
		return types.NewTypeTypeWithParam(k.typ), true
	}
	return w.Registry.FindStructType(name)
}

// FindStructFieldType tells CEL's checker the type of a field, and how to read it. Only facts can be read.
func (w *world) FindStructFieldType(name, id string) (*types.FieldType, bool) {
	k, ok := w.kind[name]
	if !ok {
		return w.Registry.FindStructFieldType(name, id)
	}
	switch id {
	case "id":
		return &types.FieldType{
			Type:    types.StringType,
			IsSet:   func(any) bool { return true },
			GetFrom: func(r any) (any, error) { return types.String(r.(*record).r.ID), nil },
		}, true
	case "when":
		missing := types.NewUnknown(1, types.NewAttributeTrail(k.def.ID+"."+k.def.Date))
		return &types.FieldType{
			Type:  dateType,
			IsSet: func(r any) bool { return r.(*record).when() != nil },
			GetFrom: func(r any) (any, error) {
				if v := r.(*record).when(); v != nil {
					return v, nil
				}
				return missing, nil
			},
		}, true
	}
	f := w.fieldOf(k, id)
	if f == nil {
		return nil, false
	}
	return f.typ, true
}

func (w *world) fieldOf(k *kind, id string) *field {
	for _, f := range k.fields {
		if f.def.ID == id {
			return f
		}
	}
	def, ok := k.def.Field(id)
	if !ok || def.Class != codebook.Fact {
		return nil
	}
	f := &field{def: def, slot: len(k.fields), missing: types.NewUnknown(1, types.NewAttributeTrail(k.def.ID+"."+id))}
	var t *cel.Type
	switch def.Type {
	case codebook.Date:
		t = dateType
	case codebook.Number:
		t = cel.IntType
	case codebook.Share:
		t = cel.DoubleType
	default:
		t = cel.StringType
	}
	if def.Many {
		t = cel.ListType(t)
	}
	if def.Type == codebook.Code {
		f.list, _ = w.book.List(def.List)
		f.stands = w.standing(f.list)
	}
	slot, missing := f.slot, f.missing
	f.typ = &types.FieldType{
		Type:  t,
		IsSet: func(r any) bool { return r.(*record).get(slot) != nil },
		GetFrom: func(r any) (any, error) {
			if v := r.(*record).get(slot); v != nil {
				return v, nil
			}
			return missing, nil
		},
	}
	k.fields = append(k.fields, f)
	return f
}

// standing returns the codes of a list that say that a thing is not known. A list may define one of these words as
// a code of its own: acceptance refused is not an answer refused.
func (w *world) standing(l *codebook.List) map[string]bool {
	standard, ok := w.book.List("standard")
	if !ok || l == nil {
		return nil
	}
	out := map[string]bool{}
	for _, s := range standard.Codes {
		if c, ok := l.Code(s.Code); ok && codebook.Missing(s.Code) && c.Label == s.Label {
			out[s.Code] = true
		}
	}
	return out
}

// read turns the texts of a field into a value; nil where nothing is known.
func (f *field) read(texts []string) ref.Val {
	if f.def.Many {
		var vs []ref.Val
		for _, t := range texts {
			if v := f.readOne(t); v != nil {
				vs = append(vs, v)
			}
		}
		if vs == nil {
			return nil
		}
		return types.NewRefValList(types.DefaultTypeAdapter, vs)
	}
	if len(texts) == 0 {
		return nil
	}
	return f.readOne(texts[0])
}

func (f *field) readOne(t string) ref.Val {
	switch {
	case t == "":
		return nil
	case f.def.Type == codebook.Code:
		if f.stands[t] {
			return nil
		}
		return types.String(t)
	case codebook.Missing(t):
		return nil
	}
	switch f.def.Type {
	case codebook.Date:
		if d, err := edtf.Parse(t); err == nil && !d.IsZero() {
			return date{d.Earliest(), d.Latest()}
		}
		return nil
	case codebook.Number:
		if n, err := strconv.ParseInt(t, 10, 64); err == nil {
			return types.Int(n)
		}
		return nil
	case codebook.Share:
		if x, err := strconv.ParseFloat(t, 64); err == nil {
			return types.Double(x)
		}
		return nil
	}
	return types.String(t)
}

// newEnv makes the language of the rules: CEL's operators, the macros has, all, exists, exists_one, filter and map,
// a few functions on dates and codes, a list of records for each kind, and today.
func newEnv(w *world) (*cel.Env, error) {
	opts := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(&env.LibrarySubset{IncludeFunctions: []*env.Function{
			env.NewFunction("_?_:_"), env.NewFunction("_&&_"), env.NewFunction("_||_"), env.NewFunction("!_"),
			env.NewFunction("_==_"), env.NewFunction("_!=_"), env.NewFunction("_<_"), env.NewFunction("_<=_"),
			env.NewFunction("_>_"), env.NewFunction("_>=_"), env.NewFunction("_+_"), env.NewFunction("_-_"),
			env.NewFunction("@in"), env.NewFunction("@not_strictly_false"), env.NewFunction("size"), env.NewFunction("_[_]"),
			env.NewFunction("contains"), env.NewFunction("startsWith"),
		}})),
		cel.CustomTypeProvider(w),
		cel.CustomTypeAdapter(w),
		// A rule costs at most its size times the square of the records it reads.
		cel.ParserExpressionSizeLimit(4000),
		cel.ExpressionNodeLimit(600),
		cel.ParserRecursionLimit(60),
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(2)),
		cel.Variable("today", dateType),
		cel.Function("date", cel.Overload("date_text", []*cel.Type{cel.StringType}, dateType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				d, err := edtf.Parse(string(v.(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return date{d.Earliest(), d.Latest()}
			}))),
		cel.Function("after",
			cel.Overload("after_date", []*cel.Type{dateType, dateType}, cel.BoolType,
				cel.BinaryBinding(func(a, b ref.Val) ref.Val { return a.(date).later(b.(date), 0) })),
			cel.Overload("after_date_days", []*cel.Type{dateType, dateType, cel.IntType}, cel.BoolType,
				cel.FunctionBinding(func(v ...ref.Val) ref.Val { return v[0].(date).later(v[1].(date), int(v[2].(types.Int))) }))),
		cel.Function("days", cel.Overload("days_between", []*cel.Type{dateType, dateType}, spanType,
			cel.BinaryBinding(func(a, b ref.Val) ref.Val {
				x, y := a.(date), b.(date)
				return span{y.lo.Sub(x.hi), y.hi.Sub(x.lo)}
			}))),
		cel.Function("is", cel.Overload("code_is", []*cel.Type{cel.StringType, cel.StringType, cel.StringType}, cel.BoolType,
			cel.FunctionBinding(func(v ...ref.Val) ref.Val {
				return types.Bool(w.book.Is(string(v[0].(types.String)), string(v[1].(types.String)), string(v[2].(types.String))))
			}))),
		cel.Function("family", cel.Overload("code_family", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(list, code ref.Val) ref.Val {
				return types.String(w.book.Family(string(list.(types.String)), string(code.(types.String))))
			}))),
		cel.Function("first", cel.Overload("first_date", []*cel.Type{cel.ListType(cel.TypeParamType("R"))}, dateType,
			cel.UnaryBinding(first))),
	}
	for _, k := range w.kinds {
		opts = append(opts, cel.Variable(k.def.ID, cel.ListType(k.typ)))
	}
	return cel.NewCustomEnv(opts...)
}

// first returns the earliest effective date of a list of records; records without one are passed over.
func first(v ref.Val) ref.Val {
	list, ok := v.(traits.Lister)
	if !ok {
		return types.MaybeNoSuchOverloadErr(v)
	}
	var out *date
	for it := list.Iterator(); it.HasNext() == types.True; {
		r, ok := it.Next().(*record)
		if !ok {
			return types.NewErr("first takes a list of records")
		}
		d, ok := r.when().(date)
		if !ok {
			continue
		}
		if out == nil {
			out = &d
			continue
		}
		out.lo, out.hi = min(out.lo, d.lo), min(out.hi, d.hi)
	}
	if out == nil {
		return vague()
	}
	return *out
}
