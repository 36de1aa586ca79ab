// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kua-registry/kua/internal/codebook"
)

// latin are the words that stay in Latin letters in every language.
var latin = regexp.MustCompile(`SHA-256|BLAKE3|Ed25519|e-Otinish|eGov|\b(III|II|I)\b|\((HTQ|PCL-5|CAPS-5|ITQ|IES-R|HSCL-25|PHQ-9|BDI-II|GAD-7|MMSE|MoCA|WHODAS 2\.0)\)`)

var latinLetter = regexp.MustCompile(`[A-Za-z]`)
var cyrillicLetter = regexp.MustCompile(`\p{Cyrillic}`)
var kazakhLetter = regexp.MustCompile(`[әғқңөұүһіӘҒҚҢӨҰҮҺІ]`)

func checkLabel(t *testing.T, place string, l codebook.Label) {
	t.Helper()
	for _, text := range []string{l.En, l.Ru, l.Kk} {
		switch {
		case text == "":
			t.Errorf("%s: a language is missing: %+v", place, l)
			return
		case text != strings.TrimSpace(text), strings.Contains(text, "  "):
			t.Errorf("%s: stray spaces in %q", place, text)
		}
	}
	if cyrillicLetter.MatchString(l.En) {
		t.Errorf("%s: Cyrillic letters in English: %q", place, l.En)
	}
	if latinLetter.MatchString(l.En) && (l.Ru == l.En || l.Kk == l.En) {
		t.Errorf("%s: not translated: %+v", place, l)
	}
	for _, text := range []string{l.Ru, l.Kk} {
		if rest := latin.ReplaceAllString(text, ""); latinLetter.MatchString(rest) {
			t.Errorf("%s: Latin letters in %q", place, text)
		}
	}
	// Letters that only Kazakh has, in proper names as in область Ұлытау, are spelt so in Russian too.
	if kazakhLetter.MatchString(l.Ru) && !slices.Contains([]string{"область Жетісу", "область Ұлытау"}, l.Ru) {
		t.Errorf("%s: Kazakh letters in Russian: %q", place, l.Ru)
	}
	if strings.ContainsAny(l.Kk, "щЩъЪёЁ") && l.Kk != l.Ru {
		t.Errorf("%s: Russian letters in Kazakh: %q", place, l.Kk)
	}
}

// TestLabels: everything a person reads is there in the three languages.
func TestLabels(t *testing.T) { each(t, testLabels) }

func testLabels(t *testing.T, b *codebook.Book) {
	for _, g := range b.Groups() {
		checkLabel(t, "group "+g.ID, g.Label)
	}
	for _, k := range b.Kinds() {
		checkLabel(t, "kind "+k.ID, k.Label)
		checkLabel(t, "kind "+k.ID+", plural", k.Plural)
		if k.Help != (codebook.Label{}) {
			checkLabel(t, "kind "+k.ID+", help", k.Help)
		}
		said := map[string]string{}
		for _, f := range k.Fields {
			checkLabel(t, "field "+k.ID+"."+f.ID, f.Label)
			if f.Help != (codebook.Label{}) {
				checkLabel(t, "field "+k.ID+"."+f.ID+", help", f.Help)
			}
			for _, lang := range []string{"en", "ru", "kk"} {
				key := lang + f.Label.In(lang)
				if other, ok := said[key]; ok {
					t.Errorf("kind %s: fields %s and %s have the same label %q", k.ID, other, f.ID, f.Label.In(lang))
				}
				said[key] = f.ID
			}
		}
	}
	for _, l := range b.Lists() {
		checkLabel(t, "list "+l.ID, l.Label)
		for _, c := range l.Codes {
			checkLabel(t, "list "+l.ID+", code "+c.Code, c.Label)
		}
	}
	for _, p := range b.Packs() {
		checkLabel(t, "pack "+p.ID, p.Label)
		checkLabel(t, "pack "+p.ID+", warning", p.Warning)
		for _, o := range p.Offences {
			for _, v := range o.Versions {
				if v.Penalty != (codebook.Label{}) {
					checkLabel(t, "offence "+o.Key, v.Penalty)
				}
			}
		}
		for _, x := range p.Bars {
			checkLabel(t, "bar "+x.Topic, x.Rule)
		}
		for _, r := range p.VictimRight {
			checkLabel(t, "right "+r.Basis, r.Label)
		}
		for _, r := range p.Redress {
			checkLabel(t, "redress "+r.ID, r.Label)
		}
	}
}

// TestKinds: the kinds of the design, with the fields on which other parts of the house rely.
func TestKinds(t *testing.T) {
	inCase := map[string]string{
		"case":              "org number opened external_id",
		"report":            "received channel by_role region place summary",
		"person":            "role family given patronymic full_name other_names sex birth birth_year child iin phones address",
		"erasure":           "what why date files",
		"grant":             "org member part until keeps despite",
		"review":            "step saw comment",
		"consent":           "purpose state given withdrawn",
		"risk":              "level review_on",
		"reprisal":          "kind date measure_asked measure_given",
		"incident_link":     "incident",
		"detention":         "from to place_type region reason_given",
		"act":               "date methods instruments place_type place region city body words_quoted purpose",
		"injury":            "kind body_region side",
		"health_outcome":    "kind",
		"proceeding_status": "status",
		"complaint":         "filed date to_body no_complaint_reason by_role",
		"transfer":          "from_body to_body",
		"registration":      "status date register_no article_written offence article part body",
		"investigation":     "body from to",
		"step":              "kind requested date result",
		"examination": "kind official ordered held minutes setting by_body findings_present informed_consent restrained limits account " +
			"methods acute_symptoms chronic_symptoms systems psych_methods psych_instruments mental_status functioning interpretation recommendations truth_statement signed",
		"finding":      "examination consistency view x y body_region side method colour shape healing",
		"decision":     "kind date by_body ground reasons_given",
		"notice":       "of date channel copy_given copy_requested reasons_given",
		"request":      "kind filed answer answered",
		"appeal":       "of date to answer_date outcome",
		"suspect":      "body status suspended restraint",
		"hearing":      "date",
		"verdict":      "date kind sentence",
		"redress":      "kind claimed awarded paid",
		"intervention": "kind date",
		"evidence":     "kind state sha256",
		"contact":      "date",
		"task":         "kind due done",
		"note":         "text",
		"import_row":   "file sheet row cells",
		"file_stamp":   "evidence file form sha256 token",
		"file":         "evidence of form media bytes name sha256 blake3 sealed key capture capture_verdict capture_taken capture_address capture_list",
		"copy":         "original form file thumbnail refused have most notes walls pages width height boxes metadata text",
		"handover":     "evidence event date from from_role to to_role how place seal seal_state state state_words signed",
	}
	outside := map[string]string{
		"organisation":    "name counts second_for_exports",
		"body":            "name code parent",
		"facility":        "name kind body",
		"official":        "family body rank",
		"incident":        "date kind region",
		"official_figure": "date value unit by says quote locus retrieved supersedes compares",
		"commitment":      "date by to says quote locus retrieved due status",
		"follow_up":       "commitment date kind by says quote status",
		"capture":         "publication taken media bytes name sha256 key",
		"publication":     "kind outlet date",
		"member":          "name org roles sign_key",
		"invitation":      "name org roles sign_key ends",
		"audit":           "act what member case n device alarm note",
		"statement":       "as_of known_by k corrects title_en title_ru title_kk text_en text_ru text_kk",
		"release":         "statement manifest salt",
		"public_page":     "on name address",
		"saved_search":    "name query member org",
		"bulk":            "what case records",
		"export":          "case all format purpose date until state to key reason answer fetched",
		"bundle":          "case for date sealed language names files to reason",
		"api_key":         "name mark scope org until",
		"webhook":         "key url",
		"webhook_host":    "host inside",
		"feed":            "mark",
		"reminders":       "often address",
		"second_factor":   "method secret recovery",
		"submission":      "org door status urgent assigned into case",
		"submission_task": "submission member set done",
		"share_set":       "need of trustees members sign_key",
		"recovery":        "what date set shares member",
		"map":             "width height shape",
		"pack":            "pack",
		"time_authority":  "name address roots",
		"time_stamp":      "form entries checkpoint token",
		"passkey":         "member name credential public_key count opens synced",
		"match":           "a b verdict probability reasons by common",
		"encoding":        "rows data",
		"encoding_rows":   "encoding case",
		"common":          "a node encoding row likeness",
		"revocation":      "case org",
		"node":            "signer org_key sealed_to pack",
		"arrival":         "entries root",
	}
	b := book(t)
	check := func(kinds map[string]string, scope codebook.Scope) {
		for id, fields := range kinds {
			k, ok := b.Kind(id)
			if !ok {
				t.Errorf("there is no kind %s", id)
				continue
			}
			if k.Scope != scope {
				t.Errorf("kind %s has scope %s", id, k.Scope)
			}
			for _, f := range strings.Fields(fields) {
				if _, ok := k.Field(f); !ok {
					t.Errorf("kind %s has no field %s", id, f)
				}
			}
		}
	}
	check(inCase, codebook.InCase)
	check(outside, codebook.Outside)
	for _, k := range b.Kinds() {
		if inCase[k.ID] == "" && outside[k.ID] == "" {
			t.Errorf("kind %s is not in this test: add it with its fields", k.ID)
		}
	}
	dates := map[string]string{"report": "received", "examination": "ordered|held", "act": "date", "complaint": "date", "decision": "date"}
	for id, want := range dates {
		if k, _ := b.Kind(id); k.Date != want {
			t.Errorf("kind %s takes its date from %q, not %q", id, k.Date, want)
		}
	}
}

// factTexts are the only texts that are facts: each with the reason why it cannot name a person of a case.
var factTexts = map[string]string{
	"pack.pack":                         "the id of a pack that ships with the program",
	"case.number":                       "the register's own number; it is given, not written by anybody",
	"organisation.name":                 "members of the coalition stand by name in every table",
	"organisation.short":                "as the name",
	"body.name":                         "a public authority",
	"body.name_ru":                      "a public authority",
	"body.name_kk":                      "a public authority",
	"member.sign_key":                   "the public half of a key",
	"member.proof":                      "a signature",
	"node.signer":                       "the public halves of keys",
	"node.pack":                         "the id of a pack",
	"node.sealed_to":                    "ids made of keys",
	"arrival.root":                      "a hash",
	"common.node":                       "an id made of a key",
	"share_set.sign_key":                "a public key",
	"invitation.sign_key":               "the public half of a key",
	"invitation.ends":                   "a moment",
	"statement.known_by":                "a moment",
	"audit.device":                      "a digest made by the program",
	"file.media":                        "what the program takes a file for by its first bytes",
	"audit.alarm":                       "what the program calls an alarm: its kind, a member's id and a day",
	"facility.name":                     "a public building",
	"facility.name_ru":                  "a public building",
	"facility.name_kk":                  "a public building",
	"proceeding_status.article_written": "a citation of the law, at most 80 characters",
	"complaint.article_written":         "a citation of the law, at most 80 characters",
	"registration.article_written":      "a citation of the law, at most 80 characters; figures and checks need it",
	"decision.article_written":          "a citation of the law, at most 80 characters",
	"verdict.article_written":           "a citation of the law, at most 80 characters",
	"official_figure.by_ru":             "its translation",
	"official_figure.by_kk":             "its translation",
	"commitment.by_ru":                  "its translation",
	"commitment.by_kk":                  "its translation",
	"commitment.to_ru":                  "its translation",
	"commitment.to_kk":                  "its translation",
	"follow_up.by_ru":                   "its translation",
	"follow_up.by_kk":                   "its translation",
	"official_figure.quote":             "the published words of a figure",
	"official_figure.locus":             "a page or a minute of a publication",
	"official_figure.compares_note":     "how a published figure and ours differ",
	"official_figure.compares_note_ru":  "its translation",
	"official_figure.compares_note_kk":  "its translation",
	"commitment.quote":                  "the published words of a commitment",
	"commitment.locus":                  "a page or a minute of a publication",
	"follow_up.by":                      "who answered a public commitment",
	"follow_up.quote":                   "the published words of an answer",
	"follow_up.says":                    "the published words of an answer",
	"follow_up.says_ru":                 "its translation",
	"follow_up.says_kk":                 "its translation",
	"follow_up.locus":                   "a page or a minute of a publication",
	"official_figure.by":                "who published a figure",
	"official_figure.says":              "the published words of a figure",
	"official_figure.says_ru":           "its translation",
	"official_figure.says_kk":           "its translation",
	"commitment.says_ru":                "its translation",
	"commitment.says_kk":                "its translation",
	"commitment.by":                     "who made a public commitment",
	"commitment.to":                     "to whom it was made",
	"export.format":                     "the name of a format, from the program's own table",
	"commitment.says":                   "the published words of a commitment",
}

// identityOthers are the fields that are no text and yet are identity.
var identityOthers = []string{"person.birth"}

// TestClasses: a text is identity unless it is on the short list with its reason, and bounded.
func TestClasses(t *testing.T) {
	b := book(t)
	seen := map[string]bool{}
	for _, k := range b.Kinds() {
		for _, f := range k.Fields {
			id := k.ID + "." + f.ID
			switch f.Type {
			case codebook.Text, codebook.Prose:
				_, allowed := factTexts[id]
				seen[id] = true
				if f.Class == codebook.Fact && !allowed {
					t.Errorf("%s is a text and a fact: a name could stand in it", id)
				}
				if f.Class == codebook.Identity && allowed {
					t.Errorf("%s is identity: take it off the list of texts that are facts", id)
				}
				if f.Class == codebook.Fact && (f.Max == 0 || f.Max > 400) {
					t.Errorf("%s is a text and a fact without a bound", id)
				}
			default:
				if want := slices.Contains(identityOthers, id); (f.Class == codebook.Identity) != want {
					t.Errorf("%s is %s", id, f.Class)
				}
			}
		}
	}
	for id := range factTexts {
		if !seen[id] {
			t.Errorf("%s is on the list of texts that are facts, and is not there", id)
		}
	}
	k, _ := b.Kind("act")
	if f, ok := k.Field("methods_other"); !ok || f.Class != codebook.Identity || f.OtherOf != "methods" || !f.Many {
		t.Errorf("the words behind the code other: %+v, %v", f, ok)
	}
	if _, ok := k.Field("filmed_other"); ok {
		t.Error("a yes or no has no other")
	}
}

// TestLists: codes can be told apart by what people write, properties and headings are spelt right.
func TestLists(t *testing.T) { each(t, testLists) }

func testLists(t *testing.T, b *codebook.Book) {
	props := map[string]bool{}
	for _, p := range []string{
		"law_enforcement_premises", "custody", "public", "police", "law_enforcement", "investigating", "unregistered", "denied",
		"court", "third_party", "differs", "at_risk", "torture", "risk_to_applicant", "barred_for_torture",
	} {
		props[p] = true
	}
	used := map[string]bool{"standard": true, "yesno": true, "stage": true, "review_state": true}
	for _, k := range b.Kinds() {
		for _, f := range k.Fields {
			used[f.List] = true
		}
	}
	for _, l := range b.Lists() {
		if !used[l.ID] && !strings.HasSuffix(l.ID, "_group") {
			t.Errorf("no field uses list %s", l.ID)
		}
		for _, c := range l.Codes {
			if code, ok := l.Find(c.Code); !ok || code != c.Code {
				t.Errorf("list %s: %s finds %q", l.ID, c.Code, code)
			}
			words := append([]string{c.Label.En, c.Label.Ru, c.Label.Kk}, c.Aliases...)
			for _, w := range words {
				if code, ok := l.Find(w); !ok || code != c.Code {
					t.Errorf("list %s: %q of code %s finds %q: two codes are written the same", l.ID, w, c.Code, code)
				}
			}
			for _, p := range c.Is {
				if !props[p] {
					t.Errorf("list %s, code %s: there is no property %s", l.ID, c.Code, p)
				}
			}
			if c.Group != "" {
				if _, ok := b.List(l.ID + "_group"); !ok {
					t.Errorf("list %s: codes are in groups and there is no list %s_group", l.ID, l.ID)
				} else if b.Label(l.ID+"_group", c.Group, "en") == c.Group {
					t.Errorf("list %s, code %s: there is no group %s", l.ID, c.Code, c.Group)
				}
			}
		}
		_, other := l.Code("other")
		if other == l.Closed && l.ID != "standard" {
			t.Errorf("list %s: closed is %v and the code other is there: %v", l.ID, l.Closed, other)
		}
	}
}

// TestProperties: what rules ask of codes.
func TestProperties(t *testing.T) {
	b := book(t)
	for _, x := range []struct {
		list, code, prop string
		want             bool
	}{
		{"exam_setting", "acs_premises", "law_enforcement_premises", true},
		{"exam_setting", "police_premises", "law_enforcement_premises", true},
		{"exam_setting", "hospital", "law_enforcement_premises", false},
		{"place_type", "police_city", "police", true},
		{"place_type", "police_district", "police", true},
		{"place_type", "police_district", "law_enforcement_premises", true},
		{"place_type", "street", "law_enforcement_premises", false},
		{"closure_ground", "kz.35-1-3", "barred_for_torture", true},
		{"closure_ground", "kz.35-1-2", "barred_for_torture", false},
		{"nowhere", "x", "y", false},
		{"sex", "nowhere", "y", false},
	} {
		if got := b.Is(x.list, x.code, x.prop); got != x.want {
			t.Errorf("Is(%s, %s, %s) = %v", x.list, x.code, x.prop, got)
		}
	}
}

// TestFamilies: a body and the body of perpetrators can be compared, parents counted.
func TestFamilies(t *testing.T) {
	b := book(t)
	for code, want := range map[string]string{
		"police": "police", "police_osb": "police", "penal": "police", "national_guard": "police", "acs": "acs", "nsc": "nsc",
		"general_prosecutor": "prosecutor", "nowhere": "nowhere",
	} {
		if got := b.Family("body", code); got != want {
			t.Errorf("body %s is of the family %s, not %s", code, want, got)
		}
	}
	for code, want := range map[string]string{"sobr": "police", "national_guard": "police", "nsc": "nsc", "acs": "acs"} {
		if got := b.Family("perpetrator_body", code); got != want {
			t.Errorf("perpetrators of %s are of the family %s, not %s", code, want, got)
		}
	}
	bodies, _ := b.List("body")
	perpetrators, _ := b.List("perpetrator_body")
	for _, c := range perpetrators.Codes {
		if other, ok := bodies.Code(c.Code); ok && b.Family("body", other.Code) != b.Family("perpetrator_body", c.Code) {
			t.Errorf("%s is of two families: %s as a body, %s as perpetrators", c.Code, b.Family("body", c.Code), b.Family("perpetrator_body", c.Code))
		}
	}
}

func TestOrder(t *testing.T) {
	b := book(t)
	order := map[string]int{}
	for i, g := range b.Groups() {
		order[g.ID] = i
	}
	last := -1
	for _, k := range b.Kinds() {
		if order[k.Group] < last {
			t.Errorf("kind %s of group %s stands after a later group", k.ID, k.Group)
		}
		last = order[k.Group]
	}
	if b.Label("sex", "f", "ru") != "Женский" || b.Label("sex", "zz", "ru") != "zz" || b.Label("zz", "f", "ru") != "f" {
		t.Error("Label")
	}
}
