// SPDX-License-Identifier: AGPL-3.0-or-later

package letter

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/istanbul"
	"github.com/kua-registry/kua/internal/paper"
	"github.com/kua-registry/kua/internal/rules"
)

// sample is the third story with people in it, all invented: a victim who has
// consented to everything, a witness who has consented to nothing, a lawyer and
// a clinician, and an evaluation with marks on the body.
func sample(t testing.TB, book *codebook.Book) Case {
	t.Helper()
	file := story(t, book, "3-station.yaml")
	var entries []casefile.Entry
	for i, rec := range file.Records() {
		entries = append(entries, casefile.Entry{Pos: uint64(i + 1), Record: rec.ID, Kind: rec.Kind, Op: casefile.Put, Fields: rec.Fields})
	}
	put := func(id, kind string, pairs ...string) {
		fields := casefile.Fields{}
		for i := range entries {
			if entries[i].Record == id {
				fields = entries[i].Fields
			}
		}
		for i := 0; i+1 < len(pairs); i += 2 {
			fields[pairs[i]] = append(slices.Clone(fields[pairs[i]]), pairs[i+1])
		}
		entries = append(entries, casefile.Entry{Pos: uint64(len(entries) + 1), Record: id, Kind: kind, Op: casefile.Put, Fields: fields})
	}
	victim := ""
	for _, rec := range file.Records() {
		if rec.Kind == "person" && rec.Has("role", "victim") {
			victim = rec.ID
		}
	}
	delete(entries[slices.IndexFunc(entries, func(e casefile.Entry) bool { return e.Record == victim })].Fields, "full_name")
	put(victim, "person", "family", "Жанбырбаев", "given", "Ерсұлтан", "birth", "1994-03-02", "nationality", "Казахстан", "phones", "+7 700 000 00 01")
	put("case", "case", "number", "K-0003")
	put("witness", "person", "role", "witness", "full_name", "Тлеуғазы Құрманбеков")
	put("counsel", "person", "role", "lawyer", "full_name", "Сауле Дәулетжанова", "relation", "counsel", "represents_since", "2022-02-20")
	put("clinician", "person", "role", "clinician", "full_name", "Рауан Әбдісаттаров")
	for _, purpose := range []string{"complain", "un", "legal_representation", "medical_exam"} {
		put("agreed-"+purpose, "consent", "purpose", purpose, "state", "given", "person", victim, "given", "2022-02-20")
	}
	put("act-told", "act", "date", "2022-01-06", "methods", "beat", "body", "police", "account", "Меня били, это видел Тлеуғазы; Құрманбековқа тоже угрожали (Kurmanbekov, Tleugazy).")
	put("independent", "examination", "examiner", "clinician", "examiner_post", "psychiatrist", "setting", "ngo_premises", "minutes", "180", "private", "yes",
		"informed_consent", "yes", "account", "Рассказал, что был задержан вместе с Құрманбеков Т.", "medical_history", "До событий здоров.", "physical_part", "yes",
		"limits_account", "Прошло пять месяцев.", "conclusion", "Признаки согласуются с рассказом.", "recommendations", "rehabilitation")
	put("scar", "finding", "examination", "independent", "injury", "scar", "body_region", "upper_back", "side", "left", "view", "back", "x", "420", "y", "260", "length_mm", "30", "width_mm", "5", "consistency", "ip2")
	put("bruise", "finding", "examination", "independent", "injury", "bruise", "body_region", "thigh", "side", "right", "consistency", "ip1")
	put("closed", "decision", "kind", "closed", "date", "2022-05-10", "by_body", "acs", "ground", "kz.35-2")
	out := casefile.Fold(book, "case", entries)
	set, err := rules.Compile(book)
	if err != nil {
		t.Fatal(err)
	}
	today := day(t, "2022-06-24")
	c := Case{Number: "K-0003", Records: out.Records(), Today: today, Outside: map[string]Named{}}
	for _, d := range set.Deadlines(out, today) {
		if slices.Contains([]string{rules.Running, rules.Open, rules.Overdue}, d.State) {
			c.Terms = append(c.Terms, d)
		}
	}
	for _, f := range set.Checks(out, today) {
		if f.State == rules.Breached {
			c.Breaches = append(c.Breaches, f)
		}
	}
	return c
}

// TestForms compares what each form says in each of its languages. With
// KUA_FORMS a folder gets them as files, to be looked at.
func TestForms(t *testing.T) {
	book, s := compiled(t)
	in := words(t)
	c := sample(t, book)
	n := 0
	for _, l := range s.Forms("") {
		c.Start = ""
		if about := l.Records(c.Records); len(about) > 0 {
			c.Start = about[0]
		}
		for _, lang := range l.Langs {
			n++
			draft := l.Fill(in[lang], c)
			golden(t, "form-"+lang+"-"+l.ID, draft.Text())
			if got := Lay(draft.Text()); !slices.Equal(got, draft.Passages) {
				t.Errorf("%s in %s is not read back as it was laid out", l.ID, lang)
			}
			if dir := os.Getenv("KUA_FORMS"); dir != "" {
				for ext, write := range map[string]func(io.Writer, paper.Document) error{"pdf": paper.PDF, "docx": paper.DOCX, "txt": paper.Text} {
					f, err := os.Create(filepath.Join(dir, l.ID+"-"+lang+"."+ext))
					if err != nil {
						t.Fatal(err)
					}
					if err := write(f, l.Document(lang, draft)); err != nil {
						t.Fatal(err)
					}
					f.Close()
				}
			}
		}
	}
	if n < 14 {
		t.Errorf("%d forms: too few", n)
	}
}

// TestFormsSayWhoTheyAreFor holds that the forms of each reader are there, in
// the languages that reader reads.
func TestFormsSayWhoTheyAreFor(t *testing.T) {
	_, s := compiled(t)
	for reader, want := range map[string]string{
		"court": "torture_complaint ip_opinion inaction", "lawyer": "lawyer_sheet ip_opinion", "srt": "un_srt", "cat": "un_cat", "wgad": "un_wgad",
	} {
		var got []string
		for _, l := range s.Forms(reader) {
			got = append(got, l.ID)
		}
		slices.Sort(got)
		names := strings.Fields(want)
		slices.Sort(names)
		if !slices.Equal(got, names) {
			t.Errorf("for %s: %v, want %v", reader, got, names)
		}
	}
	for id, want := range map[string]string{"un_srt": "en ru", "un_cat": "en ru", "un_wgad": "en ru", "inaction": "ru kk", "ip_opinion": "ru kk en"} {
		if l, _ := s.Letter(id); strings.Join(l.Langs, " ") != want {
			t.Errorf("%s is written in %v, want %s", id, l.Langs, want)
		}
	}
}

// TestTheOpinionHoldsTheProtocol: all that the Istanbul Protocol asks of an
// evaluation has its place in the opinion.
func TestTheOpinionHoldsTheProtocol(t *testing.T) {
	_, s := compiled(t)
	l, _ := s.Letter("ip_opinion")
	reads := l.Reads()
	for _, section := range istanbul.Sections() {
		for _, field := range section.Fields() {
			if !slices.Contains(reads, "examination."+field) {
				t.Errorf("the opinion has no place for %s of section %s", field, section.ID)
			}
		}
	}
}

// files are a draft as all that leaves: text, and the words of the documents.
func files(t rapid.TB, l *Letter, lang string, d Draft) string {
	t.Helper()
	doc := l.Document(lang, d)
	var text, docx bytes.Buffer
	if err := paper.Text(&text, doc); err != nil {
		t.Fatal(err)
	}
	if err := paper.DOCX(&docx, doc); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(docx.Bytes()), int64(docx.Len()))
	if err != nil {
		t.Fatal(err)
	}
	out := d.Text() + text.String()
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out += f.Name + string(all)
	}
	return out
}

// secret is a name that stands in no word of a letter.
const secret = "Щъязбек"

// TestNobodyIsNamedWithoutConsent puts a name into any field of any record and
// looks for it, with any ending, in all that leaves.
func TestNobodyIsNamedWithoutConsent(t *testing.T) {
	book, s := compiled(t)
	in := words(t)
	base := sample(t, book)
	kinds := slices.DeleteFunc(slices.Clone(book.Kinds()), func(k *codebook.Kind) bool { return k.Scope != codebook.InCase })
	rapid.Check(t, func(t *rapid.T) {
		c := base
		c.Records = slices.Clone(base.Records)
		role := rapid.SampledFrom([]string{"witness", "relative", "cellmate", "reporter", "clinician"}).Draw(t, "role")
		name := rapid.SampledFrom([]string{"full_name", "family", "given", "patronymic", "other_names"}).Draw(t, "name")
		c.Records = append(c.Records, &casefile.Record{ID: "hidden", Kind: "person", Fields: casefile.Fields{"role": {role}, name: {secret}}})
		state := rapid.SampledFrom([]string{"", "refused", "withdrawn", "expired", "not_possible"}).Draw(t, "state")
		l := s.Letters()[rapid.IntRange(0, len(s.Letters())-1).Draw(t, "letter")]
		if state != "" {
			c.Records = append(c.Records, &casefile.Record{ID: "said", Kind: "consent", Fields: casefile.Fields{"person": {"hidden"}, "purpose": {l.Purpose}, "state": {state}}})
		}
		for range rapid.IntRange(1, 8).Draw(t, "mentions") {
			k := kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")]
			field := k.Fields[rapid.IntRange(0, len(k.Fields)-1).Draw(t, "field")]
			said := rapid.SampledFrom([]string{"", "видел ", "x\u200b", "«"}).Draw(t, "before") +
				rapid.SampledFrom([]string{secret, strings.ToUpper(secret), strings.ToLower(secret), "Щъя\u200bзбек", "Щъя\u00adзбек"}).Draw(t, "as") +
				rapid.SampledFrom([]string{"", "а", "ом", "тің", "пен", ".", "-апа", "\nи"}).Draw(t, "ending")
			if strings.HasPrefix(said, "x") {
				said = strings.TrimPrefix(said, "x\u200b")
			}
			fields := casefile.Fields{field.ID: {said}}
			if k.ID == "person" { // somebody else, who is not named either
				fields["role"] = []string{"bystander"}
			}
			if field.Type == codebook.Code {
				fields = casefile.Fields{field.ID: {"other"}, field.ID + "_other": {said}}
			}
			if field.Type == codebook.Ref {
				fields[field.ID] = []string{"hidden"}
			}
			c.Records = append(c.Records, &casefile.Record{ID: rapid.StringMatching(`m[a-z]{6}`).Draw(t, "id"), Kind: k.ID, Fields: fields})
		}
		lang := rapid.SampledFrom(l.Langs).Draw(t, "lang")
		if got := strings.ToLower(files(t, l, lang, l.Fill(in[lang], c))); strings.Contains(got, strings.ToLower(secret)) {
			i := strings.Index(got, strings.ToLower(secret))
			t.Fatalf("%s in %s names somebody who has not consented: …%s…", l.ID, lang, got[max(0, i-120):min(len(got), i+60)])
		}
	})
}

// TestNamesAndPDF holds the same for the words of the PDF, read by a program of others.
func TestNamesAndPDF(t *testing.T) {
	tool, err := exec.LookPath("pdftotext")
	if err != nil {
		t.Skip("pdftotext is not installed: PDF is not read back")
	}
	book, s := compiled(t)
	in := words(t)
	c := sample(t, book)
	for _, l := range s.Forms("") {
		var file bytes.Buffer
		if err := paper.PDF(&file, l.Document(l.Langs[0], l.Fill(in[l.Langs[0]], c))); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(tool, "-", "-")
		cmd.Stdin = &file
		text, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(text, []byte("Жанбырбаев")) {
			t.Errorf("%s does not name the victim, who has consented", l.ID)
		}
		for _, name := range []string{"Тлеуғазы", "Құрманбеков", "Kurmanbekov", "Tleugazy"} {
			if bytes.Contains(text, []byte(name)) {
				t.Errorf("%s names a witness who has not consented", l.ID)
			}
		}
	}
}

// TestWithoutConsentNothingTellsWhoItIs: of a victim who has not consented no
// form says anything of what is class identity about them, nor their account.
func TestWithoutConsentNothingTellsWhoItIs(t *testing.T) {
	book, s := compiled(t)
	in := words(t)
	c := sample(t, book)
	c.Records = slices.DeleteFunc(c.Records, func(rec *casefile.Record) bool { return rec.Kind == "consent" })
	for _, l := range s.Letters() {
		lang := l.Langs[0]
		draft := l.Fill(in[lang], c)
		text := files(t, l, lang, draft)
		for _, secret := range []string{"Жанбырбаев", "Ерсұлтан", "+7 700", "1994", "Меня били", "До событий здоров"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s says %s", l.ID, secret)
			}
		}
		if len(l.Readers) > 0 && !slices.ContainsFunc(draft.Blanks, func(b Blank) bool { return b.Kind == Consents }) {
			t.Errorf("%s does not say that a consent is missing", l.ID)
		}
	}
}

// TestAConsentThatEndedCountsNoMore: withdrawn, refused and expired, also of who signs.
func TestAConsentThatEndedCountsNoMore(t *testing.T) {
	book, s := compiled(t)
	in := words(t)
	l, _ := s.Letter("un_cat")
	for what, fields := range map[string]casefile.Fields{
		"withdrawn": {"state": {"given"}, "withdrawn": {"2022-06-01"}}, "expired": {"state": {"given"}, "expires": {"2022-06-01"}}, "refused": {"state": {"refused"}},
	} {
		c := sample(t, book)
		for _, person := range []string{"", "counsel"} {
			f := casefile.Fields{"purpose": {"un"}, "person": {person}}
			for field, values := range fields {
				f[field] = values
			}
			c.Records = append(c.Records, &casefile.Record{ID: "later" + person, Kind: "consent", Fields: f, Counts: edtf.MaxDay})
		}
		for _, name := range []string{"Жанбырбаев", "Дәулетжанова"} {
			if strings.Contains(l.Fill(in["en"], c).Text(), name) {
				t.Errorf("%s: %s is named", what, name)
			}
		}
	}
}
