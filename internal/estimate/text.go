// SPDX-License-Identifier: AGPL-3.0-or-later

package estimate

import (
	"math"
	"strings"

	"github.com/kua-registry/kua/internal/locale"
)

// Text says in a language what is to be known.
func (f Finding) Text(l *locale.Language) string {
	key := "estimate.finding." + string(f.Code)
	whole := func(i int) string { return l.Number(int(math.Round(f.Values[i]))) }
	text := ""
	switch f.Code {
	case PairEmpty:
		text = l.T(key, l.List(f.Lists))
	case ListInside:
		text = l.T(key, f.Lists[0], f.Lists[1])
	case PairDepends:
		text = l.T(key, l.List(f.Lists), l.Decimal(math.Floor(f.Values[0]*100)/100, 2)) // never 1
	case PoorFit:
		text = l.T(key, l.Decimal(f.Values[0], 1))
	case ListDecides:
		text = l.T(key, whole(0), whole(1), f.Lists[0])
	case NotConverged:
		text = l.T(key, l.Decimal(f.Values[0], 3), whole(1))
	case TwoModes:
		var modes []string
		for i := range f.Values {
			modes = append(modes, whole(i))
		}
		text = l.T(key, l.List(modes))
	default:
		var values []any
		for i := range f.Values {
			values = append(values, whole(i))
		}
		text = l.T(key, values...)
	}
	if f.Method != "" {
		return f.Method.Text(l) + ": " + text
	}
	return text
}

// Text is the name of a method in a language.
func (m Method) Text(l *locale.Language) string { return l.T("estimate.method." + string(m)) }

// Text says in a language why there is no estimate.
func (e *RefusedError) Text(l *locale.Language) string {
	return l.T("estimate.refuse."+string(e.Code), e.Count, strings.Join(e.Lists, ", "))
}

// Text says in a language what is assumed otherwise.
func (v Variant) Text(l *locale.Language) string {
	if v.Without != "" {
		return l.T("estimate.without", v.Without)
	}
	return l.T("estimate.prior." + v.Prior)
}
