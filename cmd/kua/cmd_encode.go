// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/intake"
	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/sheet"
)

// encodeAnswer is `kua encode --json`, a contract with scripts.
type encodeAnswer struct {
	File    string         `json:"file"`
	Rows    string         `json:"rows_file"`
	Count   int            `json:"rows"`
	Schema  string         `json:"schema_sha256"`
	Missing map[string]int `json:"missing"`
	Refused int            `json:"refused"` // cases left out: the person does not agree
	Notes   []string       `json:"notes"`
}

func (p *program) encodeCommand() *cobra.Command {
	var schemaFile, keyFile, out, round, lang string
	var newKey, draft, cases bool
	cmd := &cobra.Command{
		Use:   "encode [FILE]",
		Short: "Encode a list, so that others count whom you have in common without seeing a name",
		Long: `Encode a table (CSV or XLSX) row by row into filters that are alike where the
people are, under a key that the organisations of one comparison share. Whoever
compares gets the files and neither the key nor a name. Three steps:

  kua encode --new-key --out KEY                     one member makes the key; it goes
                                                     to the others by a way of your own
  kua encode FILE --draft > SCHEMA                   which of your columns is which
  kua encode FILE --schema SCHEMA --key-file KEY --round TEXT --out E

With --cases the rows are the cases of your organisations in the register; what
leaves is written down there, and who refused to be shared is left out.

All use one schema (its part "columns" is each one's own) and one --round, a few
words that name this comparison. Beside E, E.rows.csv is written: which of your
rows each row of E is. It stays with you.

An encoded file is not anonymous: what it tells is said with it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case cases && (newKey || draft || len(args) > 0):
				return usage("--cases encodes those of the register, and reads no table")
			case newKey && (len(args) > 0 || draft):
				return usage("--new-key makes a key and reads no file")
			case newKey:
				return p.newEncodeKey(out)
			case !cases && len(args) == 0:
				return usage("which table? Give a file; or --cases, or --new-key")
			}
			text := encoded.CaseSchema()
			if schemaFile != "" {
				var err error
				if text, err = readFile(schemaFile, 1<<20); err != nil {
					return err
				}
			}
			if draft {
				_, headings, err := readRows(args[0])
				if err != nil {
					return err
				}
				_, err = p.out.Write(encoded.Draft(text, headings))
				return err
			}
			language, err := p.language(lang)
			if err != nil {
				return err
			}
			schema, err := encoded.ReadSchema(bytes.NewReader(text))
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(schemaFile), err)
			}
			if round != "" {
				schema.Round = round
			}
			if out == "" || keyFile == "" {
				return usage("give --key-file: the key of this comparison, and --out: the file to write")
			}
			key, err := readEncodeKey(keyFile)
			if err != nil {
				return err
			}
			if cases {
				list, err := p.encodeCases(cmd.Context(), key, schema)
				if err != nil {
					return err
				}
				return p.writeEncoded(out, list, schema, language)
			}
			rows, headings, err := readRows(args[0])
			if err != nil {
				return err
			}
			list, err := encodeTable(key, schema, rows, headings)
			if err != nil {
				return fmt.Errorf("%s: %w", filepath.Base(args[0]), err)
			}
			return p.writeEncoded(out, list, schema, language)
		},
	}
	cmd.Flags().StringVar(&schemaFile, "schema", "", "the schema `file` that all agreed on; else that of the cases of a register")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "the `file` with the key of this comparison")
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write; it must not be there")
	cmd.Flags().StringVar(&round, "round", "", "which comparison this is, in a few `words`; the same for all")
	cmd.Flags().BoolVar(&newKey, "new-key", false, "make a key for a comparison")
	cmd.Flags().BoolVar(&cases, "cases", false, "encode the cases of your own organisations that you may hand over, out of the register")
	cmd.Flags().BoolVar(&draft, "draft", false, "print a schema with the columns of FILE, for a person to finish")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the answer: en, ru or kk")
	return cmd
}

// language finds a language by its code.
func (p *program) language(code string) (*locale.Language, error) {
	words, err := locale.Load()
	if err != nil {
		return nil, err
	}
	language, ok := words.Lookup(code)
	if !ok {
		return nil, usage("--lang: %q is none of en, ru, kk", code)
	}
	return language, nil
}

func (p *program) newEncodeKey(out string) error {
	key, err := encoded.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	if out == "" {
		fmt.Fprintln(p.out, key.Text())
		return nil
	}
	if err := writeOut(out, strings.NewReader(key.Text()+"\n")); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s holds the key. Give it to the organisations that encode, by another way than the files; never to whoever compares.\n", out)
	return nil
}

func readEncodeKey(path string) (encoded.Key, error) {
	text, err := readFile(path, 4096)
	if err != nil {
		return encoded.Key{}, err
	}
	key, err := encoded.ParseKey(string(text))
	if err != nil {
		return encoded.Key{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return key, nil
}

// readRows reads a table: its rows but for the headings, and the headings.
func readRows(path string) (rows []intake.SourceRow, headings []string, err error) {
	data, err := readFile(path, intake.DefaultLimits().Bytes)
	if err != nil {
		return nil, nil, err
	}
	t, err := intake.ReadTable(data, intake.ReadOptions{Name: filepath.Base(path)})
	if err != nil {
		return nil, nil, err
	}
	first, ok := t.Sheet("")
	if !ok || len(first.Rows) == 0 {
		return nil, nil, fmt.Errorf("%s: there is no row of headings", filepath.Base(path))
	}
	for i := range first.Rows[0].Cells {
		headings = append(headings, strings.TrimSpace(first.Rows[0].Text(i)))
	}
	return first.Rows[1:], headings, nil
}

// encodeCases encodes cases of the register.
func (p *program) encodeCases(ctx context.Context, key encoded.Key, s encoded.Schema) (encoded.List, error) {
	reg, session, err := p.open(ctx)
	if err != nil {
		return encoded.List{}, err
	}
	defer reg.Close()
	return reg.EncodeCases(ctx, session, key, s)
}

func encodeTable(key encoded.Key, s encoded.Schema, rows []intake.SourceRow, headings []string) (encoded.List, error) {
	columns := map[string][]int{}
	var absent []string
	for _, input := range append([]string{encoded.RowID}, s.Inputs()...) {
		wanted := s.Columns[input]
		if wanted == nil {
			wanted = []string{input}
		}
		for _, h := range wanted {
			if at := slices.Index(headings, h); at >= 0 {
				columns[input] = append(columns[input], at)
			} else if s.Columns[input] != nil {
				absent = append(absent, strconv.Quote(h))
			}
		}
	}
	if len(absent) > 0 {
		return encoded.List{}, fmt.Errorf("there is no column %s, which the schema's columns name", strings.Join(absent, ", "))
	}
	if len(columns) == 0 || len(columns) == 1 && columns[encoded.RowID] != nil {
		return encoded.List{}, errors.New("no column is one that the schema reads: say under its columns: which is which; 'kua encode FILE --draft' begins it")
	}
	lister, err := encoded.NewLister(key, s)
	if err != nil {
		return encoded.List{}, err
	}
	for _, row := range rows {
		id := strconv.Itoa(row.No)
		for _, at := range columns[encoded.RowID] {
			id = row.Text(at)
		}
		lister.Add(id, func(input string) []string {
			var out []string
			for _, at := range columns[input] {
				out = append(out, s.Agreed(input, row.Text(at)))
			}
			return out
		})
	}
	list, _, err := lister.List(rand.Reader)
	return list, err
}

// writeEncoded writes both files, or none, and says what the first tells.
func (p *program) writeEncoded(out string, list encoded.List, s encoded.Schema, l *locale.Language) error {
	rowsFile := out + ".rows.csv"
	private := sheet.Sheet{Head: []string{"row", "id"}}
	for i, id := range list.IDs {
		private.Rows = append(private.Rows, []any{i + 1, id})
	}
	var text bytes.Buffer
	if err := sheet.CSV(&text, private); err != nil {
		return err
	}
	if err := writeOut(rowsFile, &text); err != nil {
		return err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(list.File.Write(w)) }()
	err := writeOut(out, r)
	r.CloseWithError(err)
	if err != nil {
		return errors.Join(err, os.Remove(rowsFile))
	}
	hash := s.Hash()
	answer := encodeAnswer{File: out, Rows: rowsFile, Count: list.File.Rows, Schema: fmt.Sprintf("%x", hash), Missing: list.Missing, Refused: list.Refused, Notes: list.Notes(l)}
	if p.json {
		return printJSON(p.out, answer)
	}
	for _, line := range list.Counts(s, l) {
		fmt.Fprintln(p.out, line)
	}
	fmt.Fprintf(p.out, "%s\n\n", l.T("encoded.files", out, rowsFile))
	fmt.Fprintln(p.out, encoded.Listed(answer.Notes))
	return nil
}
