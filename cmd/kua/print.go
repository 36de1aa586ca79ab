// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/statement"
)

// printJSON writes v as indented JSON, with nothing escaped that needs no escaping.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// said writes an answer, as JSON or by print. finding: there is something to be
// done about what it says, which is exit code 3.
func (p *program) said(answer any, finding bool, print func()) error {
	if !p.json {
		print()
	} else if err := printJSON(p.out, answer); err != nil {
		return err
	}
	if finding {
		return errFindings
	}
	return nil
}

// table writes rows of cells in aligned columns.
func table(w io.Writer, rows [][]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, cell)
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

// clockFlags are the two clocks as they are given on the command line.
type clockFlags struct {
	asOf, knownBy string
}

// clock reads the two clocks; empty ones are today and all that is known.
func (p *program) clock(f clockFlags) (registry.Clock, error) {
	clock := registry.Clock{AsOf: edtf.DayOf(p.now())}
	if f.asOf != "" {
		day, err := edtf.ParseDay(f.asOf)
		if err != nil {
			return clock, usage("--as-of: %v", err)
		}
		clock.AsOf = day
	}
	if f.knownBy != "" {
		t, err := statement.ParseMoment(f.knownBy)
		if err != nil {
			return clock, usage("--known-by: %q is neither a day (2022-05-17: until its end, UTC) nor a moment (2022-05-17T18:00:00Z)", f.knownBy)
		}
		clock.KnownBy = t
	}
	return clock, nil
}
