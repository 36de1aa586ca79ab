// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/receipt"
	"github.com/kua-registry/kua/internal/submission"
)

// parts are what stands within the page that seals: nothing is fetched.
type parts struct {
	style, sealing, line, script string
	policy                       string
}

func loadParts() (p parts, err error) {
	for name, to := range map[string]*string{"report.css": &p.style, "sealing.js": &p.sealing, "line.js": &p.line, "report.js": &p.script} {
		if *to, err = stored(name); err != nil {
			return p, err
		}
	}
	p.policy = "default-src 'none'; script-src " + HashOf(p.sealing) + " " + HashOf(p.line) + " " + HashOf(p.script) + "; style-src " + HashOf(p.style) +
		"; connect-src 'self'; form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	return p, nil
}

// HashOf is how a policy names a script or a style that stands within a page.
func HashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// Purposes are the purposes of the codebook's list consent_purpose, those that
// help the person first.
func Purposes() []string {
	return []string{
		"store", "medical_referral", "medical_exam", "photo", "legal_representation", "complain", "litigation", "un",
		"share_coalition", "statistics", "research", "publish_anonymous", "publish_named", "publish_image", "contact_media",
	}
}

// form is what the forms have in common.
type form struct {
	Intakes  []Intake
	Purposes []string
	Message  submission.Message // what was written before, where a page is shown again
	To       string             // the recipient that was chosen
}

// Said tells whether they said yes to a purpose.
func (f form) Said(purpose string) bool { return slices.Contains(f.Message.Consents, purpose) }

// config is what the script is given.
type config struct {
	Language     string            `json:"language"`
	Installation string            `json:"installation"`
	Intakes      []configIntake    `json:"intakes"`
	Words        string            `json:"words"`
	Texts        map[string]string `json:"texts"`
	Away         string            `json:"away"`
	Months       []string          `json:"months"` // as Months has them
	Programs     []string          `json:"programs"`
}

type configIntake struct {
	Name      string `json:"name"`
	Recipient string `json:"recipient"`
}

// said are the texts that the script says.
var said = []string{
	"empty", "toolong", "toolarge", "program", "many", "full", "failed", "working", "sealing", "waiting", "receipt.title", "receipt.added", "receipt.gone",
	"title.words", "title.opened", "title.gone", "title.again", "words_count", "words_wrong", "none", "found", "answers_none", "answer_day", "answer_bad", "sent_days", "withdrawn", "send_file", "offline.done", "closed",
}

// Months are a day of each month as a language writes it, with {0} for the year
// and {1} for the day: old browsers have no Kazakh.
func Months(lang *locale.Language) (all []string) {
	for m := range 12 {
		text := day(lang, fmt.Sprintf("2345-%02d-17", m+1))
		all = append(all, strings.Replace(strings.Replace(text, "2345", "{0}", 1), "17", "{1}", 1))
	}
	return all
}

// Style, Sealing and Line are what the page on a member's phone has in common
// with the page that seals: the look, the script of others that seals, and
// line.js.
func Style() (string, error)   { return stored("report.css") }
func Sealing() (string, error) { return stored("sealing.js") }
func Line() (string, error)    { return stored("line.js") }

func stored(name string) (string, error) {
	b, err := files.ReadFile("static/" + name)
	return strings.TrimSpace(string(b)), err
}

// sealedPage is the page that seals, in a language: the same bytes for all.
func (s *server) sealedPage(lang *locale.Language, to []Intake) (Whole, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.of, to) {
		s.of, s.sealed = slices.Clone(to), map[string]Whole{}
	}
	if page, ok := s.sealed[lang.Code()]; ok {
		return page, nil
	}
	c := config{
		Language: lang.Code(), Installation: hex.EncodeToString(s.Installation[:]),
		Words: strings.Join(s.lists.Words(lang.Code()), " "), Texts: map[string]string{}, Away: s.Away, Months: Months(lang), Programs: submission.Programs(),
	}
	for _, t := range to {
		c.Intakes = append(c.Intakes, configIntake{t.Name, t.Recipient})
	}
	for _, key := range said {
		c.Texts[key] = lang.T("reporting." + key)
	}
	b := s.body(lang, "", "write", struct {
		form
		Config                config
		Policy                string
		Sealing, Line, Script template.JS
	}{form{Intakes: to, Purposes: Purposes()}, c, s.parts.policy, template.JS(s.parts.sealing), template.JS(s.parts.line), template.JS(s.parts.script)})
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, "seal.html", b); err != nil {
		return Whole{}, err
	}
	page, err := NewWhole("text/html; charset=utf-8", out.Bytes())
	if err != nil {
		return Whole{}, err
	}
	s.sealed[lang.Code()] = page
	return page, nil
}

func (s *server) sealing(v *visit) { s.give(v, "") }

// save gives the same bytes to keep as a file.
func (s *server) save(v *visit) {
	s.give(v, `attachment; filename="page-`+v.lang.Code()+`.html"`)
}

func (s *server) give(v *visit, disposition string) {
	to := s.intakes()
	if len(to) == 0 {
		s.closed(v)
		return
	}
	page, err := s.sealedPage(v.lang, to)
	if err != nil {
		s.Logger.Error("the page for reports could not be made")
		http.Error(v.w, "500", http.StatusInternalServerError)
		return
	}
	if disposition != "" {
		v.w.Header().Set("Content-Disposition", disposition)
	}
	page.Give(v.w, v.r)
}

// Whole is something that is the same bytes for everybody, and as it goes over
// a slow line.
type Whole struct {
	Plain  []byte
	kind   string // as Content-Type has it
	packed []byte
}

// NewWhole packs what is given whole.
func NewWhole(kind string, plain []byte) (Whole, error) {
	packed, err := pack(plain)
	return Whole{plain, kind, packed}, err
}

// Give gives it to a browser.
func (p Whole) Give(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", p.kind)
	h.Set("Vary", "Accept-Encoding")
	b := p.Plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		b = p.packed
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b) // who has gone needs no answer
}

// pack packs a page as small as gzip can, for slow lines.
func pack(page []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(page)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

func (s *server) closed(v *visit) {
	b := s.body(v.lang, "", "closed", nil)
	b.Problem = b.T("closed")
	s.show(v, "closed.html", http.StatusServiceUnavailable, b)
}

// Digest is the SHA-256 of something that can be checked.
type Digest struct {
	Name string // of the file, as sha256sum has it
	Sum  string // hex
}

// DigestOf is the digest of a file.
func DigestOf(name string, b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest{name, hex.EncodeToString(sum[:])}
}

// Page is the page that seals, in a language, as [New] serves it; for who hands
// it out on a stick.
func Page(o Options, lang string) ([]byte, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	l, ok := s.Words.Lookup(lang)
	if !ok {
		return nil, fmt.Errorf("there is no page in the language %q: en, ru and kk are there", lang)
	}
	to, err := s.Intakes()
	if err != nil {
		return nil, err
	}
	page, err := s.sealedPage(l, to)
	return page.Plain, err
}

// Digests are those of the pages in each language and of the scripts within.
func Digests(o Options) ([]Digest, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	to, err := s.Intakes()
	if err != nil {
		return nil, err
	}
	return s.allDigests(to)
}

func (s *server) allDigests(to []Intake) (all []Digest, err error) {
	for _, l := range s.Words.Languages() {
		page, err := s.sealedPage(l, to)
		if err != nil {
			return nil, err
		}
		all = append(all, DigestOf("page-"+l.Code()+".html", page.Plain))
	}
	return append(all, DigestOf("sealing.js", []byte(s.parts.sealing)), DigestOf("line.js", []byte(s.parts.line)), DigestOf("report.js", []byte(s.parts.script))), nil
}

func (s *server) digests(w http.ResponseWriter, _ *http.Request) {
	all, err := s.allDigests(s.intakes())
	if err != nil {
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	WriteDigests(w, all)
}

// WriteDigests gives digests to a browser, as sha256sum writes them.
func WriteDigests(w http.ResponseWriter, all []Digest) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, d := range all {
		_, _ = fmt.Fprintf(w, "%s  %s\n", d.Sum, d.Name)
	}
}

func (s *server) check(v *visit) {
	to := s.intakes()
	all, err := s.allDigests(to)
	if err != nil {
		http.Error(v.w, "500", http.StatusInternalServerError)
		return
	}
	s.show(v, "check.html", http.StatusOK, s.body(v.lang, "check", "check", struct {
		Intakes []Intake
		Digests []Digest
	}{to, all}))
}

// Card is what 'kua seal' needs to know of an installation.
type Card struct {
	Format       int          `json:"format"`       // 1
	Installation string       `json:"installation"` // 32 hex digits
	Intakes      []CardIntake `json:"intakes"`
}

// CardIntake is to whom can be sealed.
type CardIntake struct {
	Name      string `json:"name"`
	Recipient string `json:"recipient"`
}

// CardOf is the card of an installation.
func CardOf(installation [16]byte, to []Intake) Card {
	c := Card{Format: 1, Installation: hex.EncodeToString(installation[:]), Intakes: []CardIntake{}}
	for _, t := range to {
		c.Intakes = append(c.Intakes, CardIntake{t.Name, t.Recipient})
	}
	return c
}

// ReadCard reads a card.
func ReadCard(b []byte) (c Card, installation [16]byte, err error) {
	bad := fmt.Errorf("this is no card of an installation that takes reports: fetch its card.json again")
	if len(b) > 1<<20 || json.Unmarshal(b, &c) != nil || c.Format != 1 || len(c.Intakes) == 0 {
		return Card{}, installation, bad
	}
	raw, err := hex.DecodeString(c.Installation)
	if err != nil || len(raw) != len(installation) {
		return Card{}, installation, bad
	}
	for _, t := range c.Intakes {
		if _, err := submission.Recipients(t.Recipient); err != nil {
			return Card{}, installation, err
		}
	}
	return c, [16]byte(raw), nil
}

func (s *server) card(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, CardOf(s.Installation, s.intakes()))
}

// receiptOf makes a receipt of what a form's token gave.
func receiptOf(seed [sealLen]byte) receipt.Receipt { return receipt.Receipt(seed[:11]) }
