// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"fmt"
	"html"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/handbook"
	"github.com/kua-registry/kua/internal/codebook"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) handbookCommand() *cobra.Command {
	var out, pack string
	cmd := &cobra.Command{
		Use:   "handbook --out FOLDER",
		Short: "Write the handbook as plain pages, in English, Russian and Kazakh",
		Long: `Write the handbook to FOLDER as plain pages without scripts: safety first, then a
chapter for each kind of work, the legal pack with its sources, and what each
figure counts. Open FOLDER/en/safety.html.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return usage("where to? Give --out FOLDER")
			}
			book, err := registry.LoadBook(pack)
			if err != nil {
				return err
			}
			n, err := writeHandbook(book, out)
			if err != nil {
				return err
			}
			fmt.Fprintf(p.out, "%d pages are in %s. Begin with %s.\n", n, out, filepath.Join(out, "en", "safety.html"))
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write the pages to this `folder`")
	packFlag(cmd, &pack)
	return cmd
}

// handbookStyle is all that the pages need to be legible, on a phone, in the dark and on paper.
const handbookStyle = `:root{color-scheme:light dark}body{font:1.05rem/1.55 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem}nav a{display:inline-block;margin:0 .9rem .4rem 0}small{opacity:.75}img{max-width:100%;height:auto;border:1px solid #8886;border-radius:.5rem}dt{margin-top:.9rem;font-weight:600}code{overflow-wrap:anywhere}@media print{nav{display:none}}`

func writeHandbook(book *codebook.Book, folder string) (n int, err error) {
	languages := [][2]string{{"en", "English"}, {"ru", "Русский"}, {"kk", "Қазақша"}}
	for _, language := range languages {
		lang := language[0]
		all, err := handbook.Chapters(book, lang)
		if err != nil {
			return n, err
		}
		for _, c := range all {
			body, err := c.Body()
			if err != nil {
				return n, err
			}
			var b strings.Builder
			fmt.Fprintf(&b, "<!doctype html>\n<html lang=\"%s\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s · Kua</title>\n<style>%s</style>\n<nav>\n", lang, html.EscapeString(c.Title), handbookStyle)
			for _, to := range all {
				current := ""
				if to.ID == c.ID {
					current = ` aria-current="page"`
				}
				fmt.Fprintf(&b, "<a href=\"%s.html\"%s>%s</a>\n", to.ID, current, html.EscapeString(to.Title))
			}
			for _, other := range languages {
				if other != language {
					fmt.Fprintf(&b, "<a href=\"../%s/%s.html\" lang=\"%s\">%s</a>\n", other[0], c.ID, other[0], other[1])
				}
			}
			fmt.Fprintf(&b, "</nav>\n<main>\n%s</main>\n</html>\n", body)
			if err := writeForAll(filepath.Join(folder, lang, c.ID+".html"), []byte(b.String())); err != nil {
				return n, err
			}
			n++
		}
		pictures, err := handbook.Pictures(lang)
		if err != nil {
			return n, err
		}
		for _, name := range pictures {
			picture, err := handbook.Picture(lang, name)
			if err != nil {
				return n, err
			}
			if err := writeForAll(filepath.Join(folder, lang, "pictures", name), picture); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}
