// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/kua-registry/kua/internal/bodymap"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/istanbul"
	"github.com/kua-registry/kua/internal/locale"
)

// the pages of examinations, by the names of their golden files
var examPages = []struct{ name, path string }{
	{"examinations", examsPath},
	{"examinations-none", "/cases/" + caseNoExam + "/examinations"},
	{"examination", examsPath + "/" + examOwn},
	{"examination-back", examsPath + "/" + examBody + "?view=back&missed=1"},
	{"examination-mind", examsPath + "/" + examMind},
	{"examination-card", examsPath + "/" + examCard},
	{"examination-new", examsPath + "/new"},
	{"examination-saved", "/cases/" + caseExams + "/records/f4?saved=1"},
}

func TestGoldenExaminations(t *testing.T) {
	for _, lang := range languages {
		b := signedIn(t, newExaminationFake(t), lang)
		for _, p := range examPages {
			golden(t, lang+"-"+p.name, b.get(p.path).Body.Bytes())
		}
		f := newExaminationFake(t)
		f.access = "reads"
		golden(t, lang+"-examination-read", signedIn(t, f, lang).get(examsPath+"/"+examOwn+"?view=perineum").Body.Bytes())
	}
}

// TestExaminationsSideBySide holds the page to the third story: where and how
// long the official psychological examination was, the ribs that both saw, the
// PTSD that one alone saw.
func TestExaminationsSideBySide(t *testing.T) {
	page := words(t, signedIn(t, newExaminationFake(t), "en"), examsPath)
	for _, want := range []string{
		"Anti-Corruption Service premises Examined on the premises of a law-enforcement body",
		"15–20 minutes Psychological examination too short",
		"Seen by one side only 3",
		"PTSD what was found is not recorded seen",
		"Fracture · Ribs (right) seen Forensic medical examination",
		"Causal link with the torture: official – not stated; independent – yes",
		"Confirmed by imaging: official – MRI; independent – not stated",
		"Nothing to compare with 1",
		"Bruise, haematoma · Upper back (left) Also in:",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, "none was held") {
		t.Error("the page says that there is no examination of one side")
	}
}

// words are the texts of a page in the order in which they are read.
func words(t *testing.T, b *browser, path string) string {
	t.Helper()
	w := b.get(path)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d", path, w.Code)
	}
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	each(doc, func(n *html.Node) {
		if n.Type == html.TextNode {
			out = append(out, strings.Fields(n.Data)...)
		}
	})
	return strings.Join(out, " ")
}

// TestMarkPlace: a click on the picture leads to the form of a finding at that
// place; where there is nothing, back to the map; nonsense is refused.
func TestMarkPlace(t *testing.T) {
	b := signedIn(t, newExaminationFake(t), "en")
	mark := examsPath + "/" + examOwn
	to := func(query string) *url.URL {
		t.Helper()
		w := b.get(mark + "?" + query)
		if w.Code != http.StatusSeeOther {
			t.Fatalf("%s: %d", query, w.Code)
		}
		u, err := url.Parse(w.Header().Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	at := to("view=front&p.x=114&p.y=175")
	q := at.Query()
	if at.Path != "/cases/"+caseExams+"/add/finding" || q.Get("f.body_region") != "ribs" || q.Get("f.side") != "right" || q.Get("f.view") != "front" ||
		q.Get("f.x") != "440" || q.Get("f.y") != "300" || q.Get("f.examination") != examOwn || q.Get("f.date") != "2022-06-01/2022-06-10" {
		t.Errorf("a click on the ribs leads to %s", at)
	}
	for _, outside := range []string{"p.x=0&p.y=0", "p.x=-5&p.y=99999", "p.x=259&p.y=584"} {
		if at := to("view=front&" + outside); at.Path != examsPath+"/"+examOwn || at.Query().Get("missed") != "1" || at.Fragment != "map" {
			t.Errorf("a click beside the body (%s) leads to %s", outside, at)
		}
	}
	for _, query := range []string{"p.y=1", "view=inside&p.x=1&p.y=1", "view=front&p.x=1", "view=front&p.x=a&p.y=b", "view=front&p.x=99999999999999999999&p.y=1"} {
		if w := b.get(mark + "?" + query); w.Code != http.StatusBadRequest {
			t.Errorf("%q: %d", query, w.Code)
		}
	}
	for _, path := range []string{examsPath + "/x2", examsPath + "/none", examsPath + "/none?view=front&p.x=1&p.y=1", "/cases/none/examinations", "/cases/none/examinations/new", "/cases/" + caseTwo + "/examinations/" + examOwn} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestWhoOnlyReadsMarksNothing: no form, no link to one, and the map is a drawing.
func TestWhoOnlyReadsMarksNothing(t *testing.T) {
	f := newExaminationFake(t)
	f.access = "reads"
	b := signedIn(t, f, "en")
	for _, path := range []string{examsPath, examsPath + "/" + examOwn} {
		raw := b.get(path).Body.String()
		for _, no := range []string{"/add/", "/edit", "type=\"image\"", "examinations/new", "<form method=\"get\""} {
			if strings.Contains(raw, no) {
				t.Errorf("%s holds %s", path, no)
			}
		}
	}
	if w := b.get(examsPath + "/new"); w.Code != http.StatusForbidden {
		t.Errorf("a new examination: %d", w.Code)
	}
}

// TestPlacesOf: a finding is drawn at its place, else in its regions, and on one view only.
func TestPlacesOf(t *testing.T) {
	views := bodymap.Views()
	for _, tt := range []struct {
		name   string
		fields casefile.Fields
		want   string
	}{
		{"its place", casefile.Fields{"view": {"head_left"}, "x": {"10"}, "y": {"900"}, "body_region": {"knee"}}, "head_left 10 900"},
		{"a place that is none", casefile.Fields{"view": {"front"}, "x": {"1001"}, "y": {"3"}, "body_region": {"genitals"}, "side": {"middle"}}, "front"},
		{"a place that is no number", casefile.Fields{"view": {"front"}, "x": {"unknown"}, "y": {"3"}, "body_region": {"genitals"}}, "front"},
		{"both sides", casefile.Fields{"body_region": {"knee"}, "side": {"both"}}, "front front"},
		{"two regions", casefile.Fields{"body_region": {"spine", "nose"}}, "back head_front"},
		{"a view that does not show it", casefile.Fields{"view": {"front"}, "body_region": {"sole"}}, ""},
		{"a side it does not have", casefile.Fields{"body_region": {"nose"}, "side": {"left"}}, "head_front"},
		{"nowhere", casefile.Fields{"body_region": {"body", "unknown"}}, ""},
		{"of the mind", casefile.Fields{"diagnosis": {"ptsd"}}, ""},
		{"an unknown view", casefile.Fields{"view": {"unknown"}, "body_region": {"sole"}, "side": {"left"}}, "back"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range istanbul.Places(views, &casefile.Record{Fields: tt.fields}) {
				got = append(got, p.View.ID)
				if strings.Contains(tt.want, "10 900") && (p.X != 10 || p.Y != 900) {
					t.Errorf("at %d, %d", p.X, p.Y)
				}
			}
			if want := strings.TrimSuffix(tt.want, " 10 900"); strings.Join(got, " ") != want {
				t.Errorf("drawn on %q, want %q", got, want)
			}
		})
	}
}

// TestExaminationMessages: what is put together from a code has its words.
func TestExaminationMessages(t *testing.T) {
	var keys []string
	for _, s := range istanbul.Sections() {
		keys = append(keys, "exam.section."+s.ID)
	}
	for _, side := range []istanbul.Side{istanbul.Official, istanbul.Independent, istanbul.Other} {
		keys = append(keys, "exam.side."+string(side), "exam.new."+string(side), "exam.new."+string(side)+".lead")
	}
	for _, seen := range []istanbul.Seen{istanbul.Saw, istanbul.NotSeen, istanbul.NotTold, istanbul.NotExamined, istanbul.NoneHeld} {
		keys = append(keys, "exam.seen."+string(seen))
	}
	for _, state := range []istanbul.State{istanbul.Unknown, istanbul.Missing, istanbul.Closed} {
		keys = append(keys, "exam.state."+string(state))
	}
	for _, v := range bodymap.Views() {
		keys = append(keys, "exam.view."+viewName(v.ID), "exam.views."+v.Group)
	}
	keys = append(keys, "exam.item."+istanbul.Placed, "exam.item."+istanbul.Graded, "exam.letter.left", "exam.letter.right")
	all, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all.Languages() {
		for _, key := range keys {
			if !l.Has(key) {
				t.Errorf("no message %q in %s", key, l.Code())
			}
		}
	}
}

// TestExaminationWeight: the map with all its regions is a light page too.
func TestExaminationWeight(t *testing.T) {
	b := signedIn(t, newExaminationFake(t), "kk")
	for _, path := range []string{examsPath, examsPath + "/" + examOwn, examsPath + "/" + examOwn + "?view=back"} {
		var zipped bytes.Buffer
		zip := gzip.NewWriter(&zipped)
		if _, err := zip.Write(b.get(path).Body.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		if n := zipped.Len(); n > 20<<10 { // as for every page
			t.Errorf("%s: %d bytes compressed", path, n)
		} else {
			t.Logf("%s: %d bytes compressed", path, n)
		}
	}
}

// TestOpinionOfAnExamination: the examination and the medical opinion that is
// written from it lead to each other.
func TestOpinionOfAnExamination(t *testing.T) {
	b := signedIn(t, newExaminationFake(t), "ru")
	opinion := strings.TrimSuffix(examsPath, "/examinations") + "/letters/" + opinionLetter + "?record=" + examOwn
	if page := b.get(examsPath + "/" + examOwn).Body.String(); !strings.Contains(page, `href="`+opinion+`"`) {
		t.Error("the examination does not lead to its opinion")
	}
	if page := b.get(opinion).Body.String(); !strings.Contains(page, `href="`+examsPath+"/"+examOwn+`"`) {
		t.Error("the opinion does not lead to its examination")
	}
}
