// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The answers of a person about a pair, as they stand in a file.
const (
	yes    = "yes"
	no     = "no"
	unsure = "unsure"
)

// answers are the ways in which people write them.
var answers = map[string]string{
	"yes": yes, "y": yes, "1": yes, "true": yes, "same": yes, "да": yes, "иә": yes, "ия": yes, "+": yes,
	"no": no, "n": no, "0": no, "false": no, "different": no, "нет": no, "жоқ": no, "-": no, "'-": no, "'+": yes,
	"unsure": unsure, "u": unsure, "?": unsure, "не знаю": unsure, "білмеймін": unsure,
}

// ReadDecisions reads pairs that people decided: columns id_a, id_b and same,
// and list_a and list_b where an id stands in several lists. Rows without an
// answer, or with one that is not sure, decide nothing.
func ReadDecisions(name string, in io.Reader) ([]Decision, error) {
	r, err := newReader(name, in)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for _, c := range []string{"id_a", "id_b", "same"} {
		if at[c], err = r.find(c); err != nil {
			return nil, err
		}
	}
	for _, c := range []string{"list_a", "list_b"} {
		if at[c], err = r.find(c); err != nil {
			at[c] = -1
		}
	}
	var out []Decision
	for {
		row, err := r.read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		cell := func(c string) string {
			if at[c] < 0 || at[c] >= len(row) {
				return ""
			}
			return strings.Clone(unplain(strings.TrimSpace(row[at[c]])))
		}
		text := strings.ToLower(strings.TrimSpace(cell("same")))
		answer, ok := answers[text]
		if !ok && text != "" {
			return nil, fmt.Errorf("%s, line %d, column \"same\": write yes, no or unsure", r.name, r.line)
		}
		if answer == yes || answer == no {
			out = append(out, Decision{A: cell("id_a"), B: cell("id_b"), ListA: cell("list_a"), ListB: cell("list_b"), Same: answer == yes})
		}
	}
}

// unplain takes back the apostrophe that keeps a text from being a formula.
func unplain(s string) string {
	if len(s) > 1 && s[0] == '\'' && strings.ContainsAny(s[1:2], "=+-@ \t\r") {
		return s[1:]
	}
	return s
}
