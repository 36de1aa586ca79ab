// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package web

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What a person takes. Reading: 200 words a minute, on the slow side of what Brysbaert (How many words do we read per
// minute?, 2019) gathers: 238 silently, 183 aloud. A key on a desk, of somebody who types as most do, and in a code;
// pointing at a thing; making up one's mind what comes next: Card, Moran and Newell (The keystroke-level model, 1980). A
// letter on a phone: 36 words a minute (Palin et al., How do people type on mobile devices?, 2019). By hand: 22 words
// of five letters and a space a minute (Brown, Human-computer interface design guidelines, 1988). A page on a slow line
// is a house rule.
const (
	perWordRead   = time.Minute / 200
	perKeyDesk    = 280 * time.Millisecond
	perKeyPhone   = 330 * time.Millisecond
	perKeyOfCode  = 750 * time.Millisecond
	perPoint      = 1100 * time.Millisecond
	perDecision   = 1350 * time.Millisecond
	perLetterHand = time.Minute / 22 / 6
	perPageLoaded = time.Second
)

// learner is somebody who does a thing for the first time: reads all that stands above what they touch, and does it.
type learner struct {
	*tab
	name   string // of the pictures
	step   int
	known  map[string]bool // what was read once need not be read again
	perKey time.Duration

	words, keys, codeKeys, letters, points, decisions, pages int
}

// took is how long a learner needs for what they did since they were last asked, and what it was.
func (l *learner) took() (time.Duration, string) {
	sum := time.Duration(l.words)*perWordRead + time.Duration(l.keys)*l.perKey + time.Duration(l.codeKeys)*perKeyOfCode + time.Duration(l.letters)*perLetterHand +
		time.Duration(l.points)*perPoint + time.Duration(l.decisions)*perDecision + time.Duration(l.pages)*perPageLoaded
	text := fmt.Sprintf("%s: %d words read, %d letters typed and %d of codes, %d written by hand, %d things pointed at, %d decided, %d pages",
		sum.Round(time.Second), l.words, l.keys, l.codeKeys, l.letters, l.points, l.decisions, l.pages)
	l.words, l.keys, l.codeKeys, l.letters, l.points, l.decisions, l.pages = 0, 0, 0, 0, 0, 0, 0
	return sum, text
}

// textsAbove are the texts that are seen on the page above an element: not those to choose from, which are looked
// through when one is chosen.
const textsAbove = `(e => {
	const out = [], walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const t = walk.currentNode;
		if (t.parentElement.closest("select, datalist, .hidden-words, .langs") || !t.parentElement.checkVisibility()) continue;
		if (!(t.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_PRECEDING) && t.data.trim()) out.push(t.data.trim());
	}
	return out;
})`

// read reads what stands above an element and was not read before.
func (l *learner) read(selector string) {
	l.t.Helper()
	for _, text := range evaluate[[]string](l.tab, textsAbove+"(document.querySelector(`"+selector+"`))") {
		if !l.known[text] {
			l.known[text] = true
			l.words += len(strings.Fields(text))
		}
	}
}

// press reads what stands above a button or link, presses it, and comes to a page that has an element.
func (l *learner) press(selector, want string) {
	l.t.Helper()
	l.step++
	l.look(fmt.Sprintf("%s-%02d", l.name, l.step))
	l.read(selector)
	l.points++
	l.decisions++
	l.pages++
	l.submit(selector, ":is("+want+", #problems)")
	if problems := evaluate[string](l.tab, `(document.getElementById("problems") || {innerText: ""}).innerText`); problems != "" {
		l.t.Fatalf("%s: what a new user types is not taken: %s", l.name, problems)
	}
}

// write types into a field.
func (l *learner) write(selector, text string) {
	l.t.Helper()
	l.points++
	l.decisions++
	l.keys += len([]rune(text))
	l.do(chromedp.SendKeys(selector, text))
}

// pick chooses one of the words of a list.
func (l *learner) pick(selector, text string) {
	l.t.Helper()
	value := evaluate[string](l.tab, "([...document.querySelector(`"+selector+"`).options].find(o => o.text === `"+text+"`) || {value: \"\"}).value")
	if value == "" {
		l.t.Fatalf("%s: %q cannot be chosen for %s", l.name, text, selector)
	}
	l.points += 2
	l.decisions++
	l.do(chromedp.SetValue(selector, value))
}

// firstSteps is what the handbook says about a first case.
func firstSteps(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "handbook", "ru", "2-documenters.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(text), "\n## Первое дело\n")
	chapter, _, _ = strings.Cut(chapter, "\n## ")
	if chapter == "" {
		t.Fatal("the handbook says nothing of a first case")
	}
	return chapter
}

// TestE2EFirstCase makes a register and its first case as somebody does who has the handbook and nothing else, in
// Russian, on a phone and on a desk: every page is read from its head to the button, every field typed as the handbook
// says. It adds up what that takes; from the chapter to the complaint it must be less than five minutes.
func TestE2EFirstCase(t *testing.T) {
	for _, way := range []struct {
		name          string
		width, height int64
		opts          []chromedp.EmulateViewportOption
		perKey        time.Duration
	}{
		{"phone", 360, 740, []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait}, perKeyPhone},
		{"desk", 1280, 900, nil, perKeyDesk},
	} {
		t.Run(way.name, func(t *testing.T) {
			address, code := startFirst(t)
			l := &learner{tab: openTab(t, startBrowser(t), address), name: "first-case-" + way.name, perKey: way.perKey, known: map[string]bool{}}
			l.do(chromedp.EmulateViewport(way.width, way.height, way.opts...))
			l.still() // or a click lands where something was while the page scrolled
			l.visit("/?lang=ru")

			// Whoever looks after the machine.
			l.do(chromedp.SendKeys("#code", strings.ToLower(code.String())))
			l.codeKeys += len(code.String())
			l.write("#org", "Пример")
			l.write("#name", "айгерим")
			l.pick("#pack", "Казахстан")
			const on = "form.signin button"
			l.press(on, ".made")
			l.letters += 2 * len(firstWords) // two sheets
			l.press(on, "#typed")
			l.write("#typed", firstWords)
			l.press(on, `a[href="/sign-in"]`)
			register, how := l.took()
			t.Logf("the register, %s", how)

			// Whoever documents.
			for line := range strings.Lines(firstSteps(t)) {
				if strings.HasPrefix(line, "![") { // a picture is looked at: what describes it is for those who do not see it
					l.decisions++
					continue
				}
				l.words += len(strings.Fields(line))
			}
			l.visit("/sign-in")
			l.write("#name", "айгерим")
			l.write("#passphrase", firstWords)
			l.press(`form[action="/sign-in"] button`, "nav.nav")
			if way.width < 600 {
				l.press(`main a[href="/cases/new"]`, "form.record-form") // from the empty overview
			} else {
				l.press(`nav.nav a[href="/cases"]`, "#main .empty")
				l.press(`main a[href="/cases/new"]`, "form.record-form") // as the handbook says
			}
			l.write("[name='person.family']", "Примеров")
			l.write("[name='person.given']", "Арман")
			l.write("[name='report.region']", "Алматы")
			l.press(".record-form button:not([name])", ".kinds")

			const save = ".finish button:not([name])"
			saved := func() { l.press(save, "#saved") }
			next := func(kind string) { l.press(`#saved a[href$="/add/`+kind+`"]`, "form.record-form") }
			l.press(`.kinds a[href$="/add/detention"]`, "form.record-form")
			l.write("[name='f.from']", "4–5 января 2022")
			l.write("[name='f.body']", "полиция")
			l.press("[name='then'][value='new.facility']", `form[action^="/state/facility/new"]`)
			l.write("[name='f.name']", "Районный отдел полиции, Алматы")
			l.write("[name='f.kind']", "РОВД")
			l.press(save, `form[action^="/cases/"]`)
			saved()
			next("act")
			l.write("[name='f.date']", "5.01.2022")
			l.write("[name='f.methods.more']", "побои; удары дубинкой")
			l.write("[name='f.place_type']", "РОВД")
			saved()
			next("injury")
			l.write("[name='f.kind']", "синяки")
			saved()
			next("complaint")
			l.pick("[name='f.filed']", "да")
			l.write("[name='f.date']", "10.01.2022")
			l.write("[name='f.to_body']", "прокуратура")
			saved()
			first, how := l.took()
			t.Logf("the first case, %s; with the register %s", how, (register + first).Round(time.Second))
			if first > 5*time.Minute {
				t.Errorf("the first case takes %s, more than five minutes", first.Round(time.Second))
			}
			l.press(`#saved a[href^="/cases/"]:not([href$="/add"]):not([href*="/add/"])`, "#main h1")
			for _, want := range []string{"Примеров Арман", "Районный отдел полиции, Алматы", "Побои", "Кровоподтёк", "Прокуратура"} {
				l.mustSay(want)
			}
		})
	}
}
