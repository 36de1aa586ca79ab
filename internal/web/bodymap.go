// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/bodymap"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/istanbul"
)

// mapView is one view of the body, as it is drawn.
type mapView struct {
	ID, Title, Box  string
	Width, Height   int
	Layers          []mapLayer
	Marks           []mapMark
	OnLeft, OnRight string // R and L of the person
	Tabs            []mapTabs
	Add             string // the form of a finding: regions lead to it; empty: the reader writes nothing
	Hidden          []pair
	Regions         []optionGroup
	Sides           []option
	Exact           exactPlace
	Others          []mapView // other views on which something is marked, small
	Href            string
}

type mapLayer struct {
	ID, Outline, Lines string
	Regions            []mapRegion
}

type mapRegion struct {
	Path, Label, Href string
	Has               bool
}

type mapMark struct {
	N, X, Y, R, Size, Down int // R: its radius; Size and Down: of its number, and where that stands
	Href, Label            string
}

type mapTabs struct {
	Name string
	Tabs []mapTab
}

type mapTab struct {
	Href, Text, Label, Count string
	Here                     bool
}

// exactPlace is the picture whose click says where.
type exactPlace struct {
	Action, File  string
	Width, Height int
}

// The width in which a picture to be clicked is shown: the browser says where
// the click was in these units, so they must be those of the page.
const exactWidth = 260

// picture is the name of the file that shows a view.
func picture(view string) string { return "body-" + view + ".svg" }

// bodyMap draws a view with what is marked on it; without a choice the first
// view on which something is.
func (e *examReader) bodyMap(views []bodymap.View, exam *casefile.Record, findings []*casefile.Record, chosen string) mapView {
	marks := map[string][]mapMark{}
	has := map[string]map[[2]string]bool{}
	for i, f := range findings {
		for _, at := range istanbul.Places(views, f) {
			m := mapMark{N: i + 1, X: at.X, Y: at.Y, Href: "#" + anchor(f.ID), Label: strconv.Itoa(i+1) + ": " + e.findingTitle(f)}
			m.settle(marks[at.View.ID])
			marks[at.View.ID] = append(marks[at.View.ID], m)
			if has[at.View.ID] == nil {
				has[at.View.ID] = map[[2]string]bool{}
			}
			for _, region := range f.Fields["body_region"] {
				for _, side := range istanbul.Sides(f) {
					has[at.View.ID][[2]string{region, side}] = true
				}
			}
		}
	}
	here, ok := bodymap.Find(views, chosen)
	if !ok {
		here = views[0]
		for _, v := range views {
			if len(marks[v.ID]) > 0 {
				here = v
				break
			}
		}
	}
	path := e.examPath(exam.ID)
	view := e.drawn(here, marks[here.ID], 70)
	if e.file.MayWrite {
		view.Add = e.base + "/add/finding"
		view.Hidden = []pair{{"f.examination", exam.ID}, {"f.date", exam.Get("held")}}
		view.Regions, view.Sides = e.regionChoice(here), e.sideChoice()
		view.Exact = exactPlace{path, picture(here.ID), exactWidth, exactHeight(here)}
	}
	for li, l := range here.Layers {
		for _, r := range l.Regions {
			label := e.label("body_region", r.Code)
			if r.Side != "middle" {
				label += " (" + strings.ToLower(e.label("side", r.Side)) + ")"
			}
			region := mapRegion{Path: r.Path, Label: label, Has: has[here.ID][[2]string{r.Code, r.Side}] || has[here.ID][[2]string{r.Code, ""}]}
			if view.Add != "" {
				region.Href = link(view.Add, "f.examination", exam.ID, "f.date", exam.Get("held"), "f.view", here.ID, "f.body_region", r.Code, "f.side", r.Side)
			}
			view.Layers[li].Regions = append(view.Layers[li].Regions, region)
		}
	}
	for _, v := range views {
		if len(view.Tabs) == 0 || view.Tabs[len(view.Tabs)-1].Name != e.T("exam.views."+v.Group) {
			view.Tabs = append(view.Tabs, mapTabs{Name: e.T("exam.views." + v.Group)})
		}
		group := &view.Tabs[len(view.Tabs)-1]
		group.Tabs = append(group.Tabs, mapTab{link(path, "view", v.ID) + "#map", e.T("exam.view." + viewName(v.ID)), e.label("body_view", v.ID), count(len(marks[v.ID])), v.ID == here.ID})
		if v.ID != here.ID && len(marks[v.ID]) > 0 {
			other := e.drawn(v, marks[v.ID], 18)
			other.Href = link(path, "view", v.ID) + "#map"
			view.Others = append(view.Others, other)
		}
	}
	return view
}

// viewName is what tells a view from the others of its group.
func viewName(id string) string { return strings.TrimPrefix(id, "head_") }

// drawn is a view with its marks and no regions. A mark is one part of so many
// of the view's height: the smaller the picture, the larger.
func (e *examReader) drawn(v bodymap.View, marks []mapMark, part int) mapView {
	view := mapView{
		ID: v.ID, Title: e.label("body_view", v.ID), Width: v.Width, Height: v.Height,
		Box: "0 0 " + strconv.Itoa(v.Width) + " " + strconv.Itoa(v.Height),
	}
	if v.OnLeft != "" {
		view.OnLeft, view.OnRight = e.T("exam.letter."+v.OnLeft), e.T("exam.letter."+v.OnRight)
	}
	for i, l := range v.Layers {
		view.Layers = append(view.Layers, mapLayer{ID: v.ID + "-" + strconv.Itoa(i), Outline: l.Outline, Lines: l.Lines})
	}
	for _, m := range marks {
		m.X, m.Y = m.X*v.Width/bodymap.Permille, m.Y*v.Height/bodymap.Permille
		m.R = v.Height / part
		m.Size = m.R * 5 / 4
		m.Down = m.Y + m.Size*2/5
		view.Marks = append(view.Marks, m)
	}
	return view
}

// settle moves a mark off those that are there already.
func (m *mapMark) settle(others []mapMark) {
	const near = 45 // permille of a view: about a mark
	for slices.ContainsFunc(others, func(o mapMark) bool {
		return math.Hypot(float64(o.X-m.X), float64(o.Y-m.Y)/2) < near && o.N != m.N
	}) && m.X < bodymap.Permille-near {
		m.X += near
	}
}

// regionChoice are all parts of the body, those the view shows first.
func (e *examReader) regionChoice(v bodymap.View) []optionGroup {
	list, ok := e.book.List("body_region")
	if !ok {
		return nil
	}
	shown := optionGroup{Name: e.label("body_view", v.ID)}
	rest := optionGroup{Name: e.T("exam.list.rest")}
	for _, c := range list.Codes {
		if codebook.Missing(c.Code) {
			continue
		}
		o := option{c.Code, e.in(c.Label), false}
		if v.Shows(c.Code) {
			shown.Options = append(shown.Options, o)
		} else {
			rest.Options = append(rest.Options, o)
		}
	}
	return []optionGroup{shown, rest}
}

func (e *examReader) sideChoice() []option {
	out := []option{{"", e.T("exam.list.side.none"), false}}
	for _, side := range []string{"left", "right", "both", "middle"} {
		out = append(out, option{side, e.label("side", side), false})
	}
	return out
}

func exactHeight(v bodymap.View) int { return exactWidth * v.Height / v.Width }

// markPlace takes a click on the picture of a view and leads to the form of a
// finding at that place. A button that is pressed by keyboard sends no place:
// then the list is the way.
func (s *server) markPlace(e *examReader, exam *casefile.Record) error {
	q := e.r.URL.Query()
	view, ok := bodymap.Find(s.views, q.Get("view"))
	x, errX := strconv.Atoi(q.Get("p.x"))
	y, errY := strconv.Atoi(q.Get("p.y"))
	if !ok || errX != nil || errY != nil {
		return errBadRequest
	}
	x, y = permille(x, exactWidth), permille(y, exactHeight(view))
	region, ok := view.At(x, y)
	if !ok {
		e.redirect(link(e.examPath(exam.ID), "view", view.ID, "missed", "1") + "#map")
		return nil
	}
	e.redirect(link(e.base+"/add/finding", "f.examination", exam.ID, "f.date", exam.Get("held"), "f.view", view.ID,
		"f.x", strconv.Itoa(x), "f.y", strconv.Itoa(y), "f.body_region", region.Code, "f.side", region.Side))
	return nil
}

// permille is the middle of a pixel as a part of the whole.
func permille(at, whole int) int {
	return min(max((2*at+1)*bodymap.Permille/(2*whole), 0), bodymap.Permille)
}
