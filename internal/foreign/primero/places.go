// SPDX-License-Identifier: AGPL-3.0-or-later

package primero

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/kua-registry/kua/internal/intake"
)

// Place is a place of a list with HXL tags.
type Place struct {
	Code  string
	Level string            // country, adm1 … adm5
	Names map[string]string // by language; "" is the list's own
	In    string            // the code of the place it lies in; empty: none
}

var levels = []string{"country", "adm1", "adm2", "adm3", "adm4", "adm5"}

var placeTag = regexp.MustCompile(`^#(country|adm[1-5])\+(code|name)(?:\+([A-Za-z-]+))?$`)

// hxl is what a column means.
type hxl struct{ level, what, lang string }

// ReadPlaces reads a list of places. The findings name each row and column that
// does not fit: a language there is not, a place with a name and no code.
func ReadPlaces(file string, data []byte, limits intake.Limits) ([]Place, []intake.Finding, error) {
	t, err := intake.ReadTable(data, intake.ReadOptions{Name: file, Limits: limits})
	if err != nil {
		return nil, nil, err
	}
	var findings []intake.Finding
	fault := func(row, col int, value, what, want string) {
		if len(findings) < intake.MaxFindings {
			findings = append(findings, intake.Finding{File: file, Row: row, Column: intake.ColumnLetter(col), Value: value, What: what, Want: want, Severity: intake.Error})
		}
	}
	rows := t.Sheets[0].Rows
	tagRow := slices.IndexFunc(rows[:min(25, len(rows))], func(r intake.SourceRow) bool {
		return slices.ContainsFunc(r.Cells, func(c intake.Cell) bool { return strings.HasPrefix(c.Text, "#") })
	})
	if tagRow < 0 {
		return nil, nil, fmt.Errorf("%s: no row of HXL tags (#adm1+code, #adm1+name …) among the first 25", file)
	}
	columns := map[int]hxl{}
	codes := map[string]int{}
	for col, c := range rows[tagRow].Cells {
		if !strings.HasPrefix(c.Text, "#") {
			continue
		}
		m := placeTag.FindStringSubmatch(c.Text)
		if m == nil {
			fault(rows[tagRow].No, col, c.Text, "is no tag of a place", "#adm1+code, #adm1+name or #adm1+name+LANGUAGE")
			continue
		}
		lang := m[3]
		if lang != "" && !known(lang) {
			fault(rows[tagRow].No, col, c.Text, "names a language that there is not", "a language such as ar or ar-LB")
			continue
		}
		columns[col] = hxl{m[1], m[2], lang}
		if m[2] == "code" {
			codes[m[1]] = col
		}
	}
	for level := range levelsIn(columns) {
		if _, ok := codes[level]; !ok {
			fault(rows[tagRow].No, 0, "", "has names of "+level+" and no column of its codes", "#"+level+"+code")
		}
	}
	at := map[string]int{}
	var places []Place
	for _, r := range rows[tagRow+1:] {
		in := ""
		for _, level := range levels {
			code, ok := codes[level]
			if !ok {
				continue
			}
			p := Place{Code: r.Text(code), Level: level, Names: map[string]string{}, In: in}
			for col, c := range columns {
				if name := r.Text(col); c.level == level && c.what == "name" && name != "" && name != "<Null>" {
					p.Names[c.lang] = name
				}
			}
			if p.Code == "" {
				if len(p.Names) > 0 {
					fault(r.No, code, p.Names[""], "the place has no code", "its code: places are tied by it alone")
				}
				continue
			}
			in = p.Code
			if i, ok := at[p.Code]; ok {
				if places[i].Names[""] != p.Names[""] || places[i].In != p.In {
					fault(r.No, code, p.Code, fmt.Sprintf("stands for %s here and for %s above", p.Names[""], places[i].Names[""]), "one place for a code")
				}
				continue
			}
			at[p.Code] = len(places)
			places = append(places, p)
		}
	}
	return places, findings, nil
}

func levelsIn(columns map[int]hxl) map[string]bool {
	out := map[string]bool{}
	for _, c := range columns {
		out[c.level] = true
	}
	return out
}

// known says whether a language, and its country where one is named, is one.
func known(tag string) bool {
	t, err := language.Parse(tag)
	if err != nil {
		return false
	}
	region, confidence := t.Region()
	return confidence != language.Exact || region.IsCountry()
}

// full is a place's own name and those it lies in, smallest first.
func full(places map[string]Place, code string) string {
	var names []string
	for p, ok := places[code]; ok && len(names) < len(levels); p, ok = places[p.In] {
		names = append(names, p.Names[""])
	}
	return strings.Join(names, ", ")
}
