// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"golang.org/x/text/unicode/norm"
)

// TestPlainIsClean holds that what is not looked at any closer is as clean would
// leave it, beside whatever other plain letter it stands.
func TestPlainIsClean(t *testing.T) {
	plain := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !isPlain(string(r)) {
			continue
		}
		plain++
		p := norm.NFC.PropertiesString(string(r))
		if isMark(r) || p.CCC() != 0 || !p.BoundaryBefore() || norm.NFC.String(string(r)) != string(r) {
			t.Errorf("%U is taken for clean", r)
		}
	}
	if plain < 1000 {
		t.Errorf("only %d are plain", plain)
	}
	for _, text := range []string{"и\u0306", "\uE000x", "\xff"} {
		if isPlain(text) {
			t.Errorf("%q is taken for clean", text)
		}
	}
}

func TestKazakhSuffixesLongestFirst(t *testing.T) {
	suffixes := strings.Fields(kazakhSuffixes)
	for i, later := range suffixes {
		for _, earlier := range suffixes[:i] {
			if strings.HasSuffix(later, earlier) {
				t.Errorf("%q can never be cut: %q stands before it", later, earlier)
			}
		}
	}
}

func TestKazakhStem(t *testing.T) {
	for _, same := range []string{
		"шағым шағымды шағымдар шағымдарды шағымның шағымға шағымдарымыз шағымында",
		"адам адамды адамдарды адамдардың адамға адамнан",
		"құқық құқықтар құқығы құқықтың құқығын",
		"кітап кітабы кітаптар кітапта",
		"полиция полицияда полицияның полициядан",
		"сот сотқа сотта соттың соттар",
		"азаптау азаптауды азаптаудан азаптауға",
	} {
		words := strings.Fields(same)
		for _, w := range words[1:] {
			if a, b := kazakhStem(words[0]), kazakhStem(w); a != b {
				t.Errorf("%s and %s have the stems %s and %s", words[0], w, a, b)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	tests := []struct{ text, want string }{
		{"В камерах, ЁЛКА!", "в|*в камер|*камерах елк|*елка"},
		{"Running jumped", "run jump"},
		{"\uE000zhunis \uE001k-0001 x", "\uE000zhunis \uE001k-0001 x"},
		{"адамдарды", "адамдард|*адам"},
		{"146-бап", "146 бап|*бап"},
		{"\uE000", ""},
		{"", ""},
		{"\xff\xfe", ""},
	}
	for _, tt := range tests {
		if got := tokens(t, tt.text); got != tt.want {
			t.Errorf("tokens of %q are %q, want %q", tt.text, got, tt.want)
		}
	}
}

// tokens writes the tokens of a text, those at one place joined by "|".
func tokens(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	tok := tokenizer{map[string]stemmed{}}
	err := tok.Tokenize(0, text, "", func(flags fts5.TokenFlag, token string, start, end int) error {
		switch {
		case flags&fts5.TOKEN_COLOCATED != 0:
			b.WriteByte('|')
		case b.Len() > 0:
			b.WriteByte(' ')
		}
		b.WriteString(strings.ReplaceAll(token, string(markKazakh), "*"))
		if start < 0 || end < start || end > len(text) || token == "" {
			t.Errorf("token %q of %q at %d to %d", token, text, start, end)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func FuzzTokenize(f *testing.F) {
	for _, s := range []string{"пытках", "шағымдарды", "K-0001", "\uE000key x", "й", "İ", "a\u0301b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens(t, text)
		for r := range strings.SplitSeq(clean(text), "") {
			if c, _ := utf8.DecodeRuneInString(r); isMark(c) {
				t.Fatalf("clean leaves a mark in %q", text)
			}
		}
		numberTokens(text)
		numberKey(text)
	})
}

// FuzzSearch shows that no text a person types is a query FTS5 doesn't understand.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"пытка", `"`, `a" OR "b`, "names:x*", "K-0001", "(", "NOT", "^a", "1-2-3", "-1", "а\u0301", "\uE000x"} {
		f.Add(s)
	}
	c := emptyStore(f)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := matches(c, &listing{words: newVocabulary()}, text, nil); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// emptyStore is a connection to the tables of an empty index.
func emptyStore(t testing.TB) *conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := connect(path, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := c.Exec(tables); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStemsFindEachOther(t *testing.T) {
	c := emptyStore(t)
	for i, text := range []string{"говорил о пытках в СИЗО", "шағымдар қабылданбады", "передано Прокуратурой города", "адамдарды ұрды", "all the lawyers left", "зелёный коридор", "дело K-0017 и 225500121000123"} {
		err := c.Run(`INSERT INTO search(rowid, numbers, names, words) VALUES(?, ?, '', ?)`, nil, i+1,
			"", text)
		if err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]int64{
		"пытка": 1, "ПЫТКУ": 1, "шағымды": 2, "прокуратура": 3, "адам": 4, "lawyer": 5, "зеленый": 6, "зелёная": 6, "k-0017": 7, "225500121000123": 7,
	} {
		found, err := matches(c, &listing{words: newVocabulary()}, query, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := found[want]; !ok || len(found) != 1 {
			t.Errorf("%q finds %v, want text %d", query, found, want)
		}
	}
}

func TestNumberKey(t *testing.T) {
	in := []string{"K-1", "K-9", "K-0010", "K-11", "K-100", "k-101", "М-1"}
	for i := 1; i < len(in); i++ {
		if a, b := numberKey(in[i-1]), numberKey(in[i]); a >= b {
			t.Errorf("%s sorts as %q, not before %s as %q", in[i-1], a, in[i], b)
		}
	}
}

func TestNoStatementWithinItself(t *testing.T) {
	c := emptyStore(t)
	const sql = `SELECT 1 UNION ALL SELECT 2`
	err := c.Run(sql, func(*sqlite3.Stmt) error { return c.Run(sql, nil) })
	if err == nil {
		t.Error("a statement used within itself was not refused")
	}
}
