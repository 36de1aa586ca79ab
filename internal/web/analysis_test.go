// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"encoding/csv"
	"image/png"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/kua-registry/kua/internal/chart"
	"github.com/kua-registry/kua/internal/registry"
)

// analysisParts are the parts of the invented analysis.
var analysisParts = []string{"way", "flow", "time", "wait-registration", "wait-examination", "wait-decision", "by-region", "by-body", "by-place_type", "by-article", "by-method", "by-sex", "by-child", "by-age_band", "by-stage"}

// TestAnalysisLeaves takes every part out in every format, in every language:
// each is what it says, is written down, and leads nowhere.
func TestAnalysisLeaves(t *testing.T) {
	for _, lang := range languages {
		f := newFake(t)
		b := signedIn(t, f, lang)
		for _, part := range analysisParts {
			for _, format := range []string{"csv", "xlsx", "svg", "png"} {
				if format == "png" && lang != "kk" {
					continue // of the same drawing, and slow to make
				}
				f.did = nil
				w := b.get("/analysis/" + part + "." + format + "?as_of=2022-05-17")
				if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="kua-`+part+`-2022-05-17.`+format+`"` {
					t.Fatalf("%s.%s: %d, %s", part, format, w.Code, w.Header().Get("Content-Disposition"))
				}
				if len(f.did) != 1 || !strings.HasPrefix(f.did[0], "took out figures: ") {
					t.Errorf("%s.%s: written down is %q", part, format, f.did)
				}
				data := w.Body.Bytes()
				switch format {
				case "csv":
					rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff")))).ReadAll()
					if err != nil || len(rows) < 2 || !slices.Contains(rows[0], "known_by") {
						t.Fatalf("%s: %v, %q", part, err, rows)
					}
					for _, cell := range slices.Concat(rows...) {
						if strings.HasPrefix(cell, "=") {
							t.Errorf("%s: a cell is %q", part, cell)
						}
					}
				case "xlsx":
					book, err := excelize.OpenReader(bytes.NewReader(data))
					if err != nil || len(book.GetSheetList()) != 2 {
						t.Fatalf("%s: %v", part, err)
					}
				case "svg":
					picture, err := chart.Read(string(data))
					if err != nil {
						t.Fatalf("%s: %v", part, err)
					}
					for _, s := range picture.Shapes {
						if s.Href != "" {
							t.Errorf("%s: the picture leads to %s", part, s.Href)
						}
					}
					if !strings.Contains(string(data), "5a1c0f") {
						t.Errorf("%s: the picture doesn't say what it was counted from", part)
					}
				case "png":
					if _, err := png.DecodeConfig(bytes.NewReader(data)); err != nil {
						t.Errorf("%s: %v", part, err)
					}
				}
			}
		}
		f.did = nil
		book, err := excelize.OpenReader(b.get("/analysis/all.xlsx").Body)
		if err != nil || len(book.GetSheetList()) != len(analysisParts)+1 || len(f.did) != 1 {
			t.Errorf("all tables: %v, %q, %q", err, book.GetSheetList(), f.did)
		}
	}
}

// TestAnalysisNumbers holds a table that leaves against what was counted.
func TestAnalysisNumbers(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	want := "\ufeffCode,Place,Number,Share,as_of,known_by,scope,cases,figure,entries,root\n" +
		"police_station,Police station,67,41%,2022-05-17,2022-06-01T23:59:59.999999999Z,Northern Sample Centre,verified,reports,2381,5a1c0f5a1c0f5a1c0f5a1c0f5a1c0f5a1c0f5a1c0f5a1c0f5a1c0f5a1c0f77ee\n"
	got := b.get("/analysis/by-place_type.csv?as_of=2022-05-17&known_by=2022-06-01&verified=1&scope=" + orgNorth).Body.String()
	if !strings.HasPrefix(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// TestAnalysisRefuses: what is not there does not leave, and nothing is said to have.
func TestAnalysisRefuses(t *testing.T) {
	f := newFake(t)
	b := signedIn(t, f, "ru")
	for _, path := range []string{
		"/analysis/nothing.csv", "/analysis/way", "/analysis/way.pdf", "/analysis/all.csv", "/analysis/.csv", "/analysis/way.csv?figure=nothing", "/analysis?figure=nothing",
		"/analysis?scope=" + caseOne, "/analysis/way.png?scope=" + caseOne, "/analysis/" + url.PathEscape("../way.csv"),
	} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if len(f.did) > 0 {
		t.Errorf("written down is %q", f.did)
	}
	if w := b.get("/analysis?as_of=tomorrow"); w.Code != http.StatusBadRequest {
		t.Errorf("a day that is none: %d", w.Code)
	}
	f.fails = errInside
	if w := b.get("/analysis/way.csv"); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "2381") {
		t.Errorf("what can't be written down leaves: %d", w.Code)
	}
}

// TestAnalysisLeadsToCases: the list is filtered by whatever a figure is broken down by.
func TestAnalysisLeadsToCases(t *testing.T) {
	f := newFake(t)
	a, err := f.Analysis(t.Context(), f.sessions.Begin(f.member("Sample Member"), nil), registry.AnalysisQuery{Scope: coalition, Figure: firstFigure})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range a.Breakdowns {
		if !slices.Contains(facetNames, b.Facet) {
			t.Errorf("the list is not filtered by %s", b.Facet)
		}
	}
	page := signedIn(t, f, "en").get("/analysis?as_of=2022-05-17").Body.String()
	for _, link := range []string{
		"/cases?as_of=2022-05-17&amp;figure=reports&amp;place_type=police_station&amp;scope=coalition",
		"/cases?as_of=2022-05-17&amp;figure=registered_146_exam_ordered&amp;scope=coalition",
		"/cases?as_of=2022-03-31&amp;figure=reports&amp;known_by=2022-03-31&amp;scope=coalition",
	} {
		if !strings.Contains(page, `href="`+link+`"`) {
			t.Errorf("nothing leads to %s", link)
		}
	}
}

// TestAnalysisPageIsLight: a page for slow lines.
func TestAnalysisPageIsLight(t *testing.T) {
	b := signedIn(t, newFake(t), "kk")
	r, err := http.NewRequest(http.MethodGet, "/analysis", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip")
	const most = 100_000
	if w := b.ask(r); w.Code != http.StatusOK || w.Body.Len() > most {
		t.Errorf("%d, %d bytes, at most %d", w.Code, w.Body.Len(), most)
	} else {
		t.Logf("%d bytes compressed", w.Body.Len())
	}
}

// estimatedCell is a row of a table with an estimated number and what stands after it.
var estimatedCell = regexp.MustCompile(`<td class="n" data-label="Estimate">([^<]*)</td><td data-label="95 % interval">([^<]*)</td>`)

// TestEstimatedNumbersHaveTheirInterval: on the page no estimated number stands
// without its interval, none among what was counted, and what it was made from is said.
func TestEstimatedNumbersHaveTheirInterval(t *testing.T) {
	b := signedIn(t, newFake(t), "en")
	for _, path := range []string{"/estimate", "/estimate?by=region", "/estimate?by=month", "/estimate?verified=1&as_of=2022-05-17"} {
		page := b.get(path).Body.String()
		cells := estimatedCell.FindAllStringSubmatch(page, -1)
		if len(cells) < 4 || strings.Count(page, `class="n" data-label="Estimate"`) != len(cells) {
			t.Errorf("%s: %d estimated numbers stand beside their interval, of %d", path, len(cells), strings.Count(page, `class="n" data-label="Estimate"`))
		}
		for _, c := range cells {
			if c[1] == "" || !strings.Contains(c[2], " to ") {
				t.Errorf("%s: %q has the interval %q", path, c[1], c[2])
			}
		}
		for _, picture := range strings.Split(page, "<svg ")[1:] {
			picture, _, _ = strings.Cut(picture, "</svg>")
			if !strings.Contains(picture, "chart-ranges") {
				continue
			}
			// What was counted is a bar; each other number has its ends below it.
			numbers, counted, ends := strings.Count(picture, "chart-number"), strings.Count(picture, "chart-rest"), strings.Count(picture, "95 % interval: ")
			if numbers == 0 || counted > 1 || ends != numbers-counted {
				t.Errorf("%s: a picture of %d numbers, %d counted, has %d intervals", path, numbers, counted, ends)
			}
		}
		for _, said := range []string{"An estimate is never added to what was reported", "5a1c0f", "2,381", "Method", "Facts up to"} {
			if !strings.Contains(page, said) {
				t.Errorf("%s does not say %q", path, said)
			}
		}
	}
	// Where what was reported stands, nothing is estimated.
	for _, path := range []string{"/", "/figures", "/analysis", "/outside", "/statements"} {
		page := b.get(path).Body.String()
		for _, never := range []string{"95 % interval", "LCMCR", "Decomposable graphs", "Log-linear", "chart-densities"} {
			if strings.Contains(page, never) {
				t.Errorf("%s says %q among what was reported", path, never)
			}
		}
	}
}

// TestEstimateOfTooManyIsToldRegression: more organisations than can be estimated from are
// told so on the page, which once failed.
func TestEstimateOfTooManyIsToldRegression(t *testing.T) {
	f := newFake(t)
	f.many = true
	for lang, want := range map[string]string{"en": "14 lists are too many", "ru": "списков слишком много: 14", "kk": "тізім тым көп: 14"} {
		w := signedIn(t, f, lang).get("/estimate")
		if page := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(page, want) || strings.Contains(page, `id="lists"`) {
			t.Errorf("%s: %d", lang, w.Code)
		}
	}
}
