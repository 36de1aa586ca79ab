// SPDX-License-Identifier: AGPL-3.0-or-later

package rules

import (
	"fmt"
	"reflect"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/edtf"
)

// What expressions see beside CEL's own values: a date that may be uncertain, the days between two of them, and a
// record. A comparison that holds for every day a date may stand for is true, one that holds for none is false, and
// anything between is not known: CEL's own three-valued logic carries it on.

var (
	dateType = cel.OpaqueType("date")
	spanType = cel.OpaqueType("days")
)

// date is an uncertain day: some day from lo to hi.
type date struct{ lo, hi edtf.Day }

// span is an uncertain number of days.
type span struct{ lo, hi int }

func (s span) String() string {
	if s.lo == s.hi {
		return fmt.Sprint(s.lo)
	}
	return fmt.Sprintf("%d–%d", s.lo, s.hi)
}

// vague is an answer that needs a closer date.
func vague() *types.Unknown { return types.NewUnknown(1, types.NewAttributeTrail("")) }

func (d date) later(than date, n int) ref.Val {
	switch {
	case d.lo.Sub(than.hi) > n:
		return types.True
	case d.hi.Sub(than.lo) <= n:
		return types.False
	}
	return vague()
}

func same(a, b ref.Val) ref.Val { return types.Bool(a == b) }

func noConversion(v any, t any) error { return fmt.Errorf("a %T cannot be made a %v", v, t) }

// The methods that CEL asks of a value.

func (d date) ConvertToNative(t reflect.Type) (any, error) { return nil, noConversion(d, t) }
func (d date) ConvertToType(t ref.Type) ref.Val            { return types.WrapErr(noConversion(d, t)) }
func (d date) Equal(o ref.Val) ref.Val {
	e, ok := o.(date)
	switch {
	case !ok || d.hi < e.lo || e.hi < d.lo:
		return types.False
	case d.lo == d.hi && d == e:
		return types.True
	}
	return vague()
}
func (d date) Type() ref.Type { return dateType }
func (d date) Value() any     { return d }

func (s span) ConvertToNative(t reflect.Type) (any, error) { return nil, noConversion(s, t) }
func (s span) ConvertToType(t ref.Type) ref.Val            { return types.WrapErr(noConversion(s, t)) }
func (s span) Equal(o ref.Val) ref.Val                     { return same(s, o) }
func (s span) Type() ref.Type                              { return spanType }
func (s span) Value() any                                  { return s }

// record is a record of a case as expressions see it: the facts that some rule reads, each in its slot.
type record struct {
	r     *casefile.Record
	kind  *kind
	day   *edtf.Day // as of which it is read
	slots []ref.Val // nil: missing
}

func (r *record) ConvertToNative(t reflect.Type) (any, error) { return nil, noConversion(r, t) }
func (r *record) ConvertToType(t ref.Type) ref.Val            { return types.WrapErr(noConversion(r, t)) }
func (r *record) Equal(o ref.Val) ref.Val                     { return same(r, o) }
func (r *record) Type() ref.Type                              { return r.kind.typ }
func (r *record) Value() any                                  { return r }

// get returns a slot's value as of the file's day, nil where it is missing. A day that has not come yet by then is
// missing: the examination had been ordered and not been held.
func (r *record) get(slot int) ref.Val {
	v := r.slots[slot]
	if d, ok := v.(date); ok && d.since() > *r.day {
		return nil
	}
	return v
}

// since is the day from which a date has come. One that is open at its end has come when it may have begun.
func (d date) since() edtf.Day {
	if d.hi == edtf.MaxDay {
		return d.lo
	}
	return d.hi
}

// when returns the effective date as of the file's day.
func (r *record) when() ref.Val {
	for _, slot := range r.kind.dates {
		if v := r.get(slot); v != nil {
			return v
		}
	}
	return nil
}
