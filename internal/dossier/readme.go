// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/locale"
)

//go:embed readme
var texts embed.FS

// readme says in the language of the bundle how to check it. The script that
// does is a part of it, the same in every language but for its last word.
func (b *Bundle) readme() ([]byte, error) {
	l, err := b.language()
	if err != nil {
		return nil, err
	}
	t, err := template.ParseFS(texts, "readme/check.sh", "readme/"+b.Lang+".txt")
	if err != nil {
		return nil, fmt.Errorf("the README of the bundle: %w", err)
	}
	var script, readme bytes.Buffer
	good, bad := l.T("dossier.check.good"), l.T("dossier.check.bad")
	if err := t.ExecuteTemplate(&script, "check.sh", map[string]string{"Good": good, "Bad": bad}); err != nil {
		return nil, fmt.Errorf("the README of the bundle: %w", err)
	}
	// Nothing from outside may begin a line: the script is cut out by its first.
	title := b.heading(l)
	err = t.ExecuteTemplate(&readme, b.Lang+".txt", map[string]any{
		"Title": title, "Line": strings.Repeat("=", min(utf8.RuneCountInString(title), 72)),
		"Day": l.Day(edtf.DayOf(b.Made)), "From": shown(b.From), "For": shown(b.For), "Gaps": len(b.Gaps), "Exhibits": len(b.Exhibits),
		"Chained": len(b.Chained), "Key": b.fingerprint(), "Good": good, "Script": strings.TrimSuffix(script.String(), "\n"),
	})
	if err != nil {
		return nil, fmt.Errorf("the README of the bundle: %w", err)
	}
	return readme.Bytes(), nil
}

func (b *Bundle) language() (*locale.Language, error) {
	c, err := locale.Load()
	if err != nil {
		return nil, fmt.Errorf("the words of the bundle: %w", err)
	}
	return c.Lang(b.Lang), nil
}

// heading is the title as it stands above the bundle.
func (b *Bundle) heading(l *locale.Language) string {
	return l.T("dossier.bundle") + ": " + shown(b.Title)
}

// fingerprint is by what people compare the register's key.
func (b *Bundle) fingerprint() string { return fmt.Sprintf("%x", sha256.Sum256(b.Key)) }
