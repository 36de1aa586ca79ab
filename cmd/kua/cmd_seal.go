// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/receipt"
	"github.com/kua-registry/kua/internal/reporting"
	"github.com/kua-registry/kua/internal/submission"
	"github.com/kua-registry/kua/internal/wholefile"
)

// sealing is what 'kua seal' was told.
type sealing struct {
	org, lang, out string
	words          string // file with the words of an earlier report
	files          []string
	message        submission.Message
}

func (p *program) sealCommand() *cobra.Command {
	var v sealing
	cmd := &cobra.Command{
		Use:   "seal CARD --out FILE [--file FILE]... < TEXT",
		Short: "Seal a report into a file, as the page for reports does: nothing is sent",
		Long: `Seal a report into one file, as the page for reports does. What is told is read
from standard input. CARD is the file card.json of the installation that is to
read it. The eight words that are printed are the receipt: with them the answers
can be read. Nothing is sent; the file can be handed over in any way, and nobody
who finds it can open it. With --words it adds to a report that was sent before,
in whatever way that was.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if v.out == "" {
				return usage("--out says into which file it is sealed")
			}
			return p.seal(args[0], v)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&v.out, "out", "", "the sealed `file`")
	flags.StringVar(&v.org, "org", "", "`name` of who is to read it, where the card has several")
	flags.StringVar(&v.lang, "lang", "en", "language of the eight words: en, ru or kk")
	flags.StringVar(&v.words, "words", "", "a `file` with the eight words of an earlier report, to which this is added")
	flags.StringArrayVar(&v.files, "file", nil, "a `file` to go along; may be given several times")
	m := &v.message
	flags.StringVar(&m.Who, "who", "", "who is hurt")
	flags.StringVar(&m.Where, "where", "", "where it was")
	flags.StringVar(&m.When, "when", "", "when it was")
	flags.StringVar(&m.By, "by", "", "who did it")
	flags.StringVar(&m.Wish, "wish", "", "what is to happen")
	flags.StringVar(&m.Contact, "contact", "", "a safe way to reach the sender")
	flags.StringSliceVar(&m.Consents, "consent", nil, "what may be done with it: "+strings.Join(reporting.Purposes(), ", "))
	return cmd
}

func (p *program) seal(card string, v sealing) error {
	c, installation, err := readCard(card)
	if err != nil {
		return err
	}
	to, err := whoReads(c, v.org)
	if err != nil {
		return err
	}
	m := v.message
	m.Format, m.Language = 1, v.lang
	for _, code := range m.Consents {
		if !slices.Contains(reporting.Purposes(), code) {
			return usage("--consent knows %s", strings.Join(reporting.Purposes(), ", "))
		}
	}
	text, err := io.ReadAll(io.LimitReader(p.in, submission.MaxText+1))
	if err != nil {
		return fmt.Errorf("what is told can't be read: %w", err)
	}
	m.Told = strings.TrimRight(string(text), "\r\n")
	if m.Empty() && len(v.files) == 0 {
		return errors.New("nothing is told: write it to standard input, or give a file with --file")
	}
	lists, err := receipt.Load()
	if err != nil {
		return err
	}
	r, err := receiptIn(lists, v.words)
	if err != nil {
		return err
	}
	keys, err := r.Stretch(installation)
	if err != nil {
		return err
	}
	if err := m.Bear(keys.Seed, keys.Mark); err != nil {
		return err
	}
	err = wholefile.Write(v.out, ".kua-*", func(f *os.File) error {
		return sealInto(f, to, submission.Head{Door: keys.Stored(), Answers: m.Answers}, m, v.files)
	})
	if err != nil {
		return fmt.Errorf("it could not be sealed: %w", err)
	}
	fmt.Fprintln(p.out, strings.Join(lists.Write(r, v.lang), " "))
	return nil
}

// receiptIn reads the words of an earlier report; no file: a new receipt.
func receiptIn(lists receipt.Lists, path string) (receipt.Receipt, error) {
	if path == "" {
		return receipt.New(), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("the words can't be read: %w", err)
	}
	all, err := lists.Read(string(text))
	if err != nil {
		return receipt.Receipt{}, fmt.Errorf("%s: %w", path, err)
	}
	if len(all) > 1 {
		return receipt.Receipt{}, fmt.Errorf("%s: the words are of more than one language's list: write each as it was given", path)
	}
	return all[0], nil
}

func whoReads(c reporting.Card, name string) ([]age.Recipient, error) {
	var names []string
	for _, t := range c.Intakes {
		if name == t.Name || name == "" && len(c.Intakes) == 1 {
			return submission.Recipients(t.Recipient)
		}
		names = append(names, t.Name)
	}
	return nil, usage("--org says who is to read it: %s", strings.Join(names, "; "))
}

// sealInto writes a sealed file, one piece at a time in memory.
func sealInto(w io.Writer, to []age.Recipient, head submission.Head, m submission.Message, files []string) error {
	out, err := submission.WriteFile(w, head)
	if err != nil {
		return err
	}
	for _, path := range files {
		if submission.IsProgram(path) {
			return fmt.Errorf("%s: a program is not taken; pictures, papers, recordings and archives are", filepath.Base(path))
		}
		f, err := sealFile(out, to, path)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, f)
	}
	sealed, err := submission.Seal(to, m)
	if err != nil {
		return err
	}
	return out.Message(sealed)
}

func sealFile(out *submission.Writer, to []age.Recipient, path string) (f submission.File, err error) {
	in, err := os.Open(path)
	if err != nil {
		return f, err
	}
	defer in.Close()
	f = submission.File{Name: submission.FileName(path), Upload: submission.NewUpload()}
	upload, err := hex.DecodeString(f.Upload)
	if err != nil {
		return f, err
	}
	sum, piece := sha256.New(), make([]byte, submission.PieceBytes)
	for {
		n, err := io.ReadFull(in, piece)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return f, err
		}
		if n == 0 && f.Pieces > 0 {
			break
		}
		if f.Bytes += int64(n); f.Bytes > submission.MaxFile {
			return f, fmt.Errorf("%s is larger than 2 GB", path)
		}
		sealed, err := submission.SealPiece(to, piece[:n])
		if err != nil {
			return f, err
		}
		if err := out.Piece([16]byte(upload), f.Pieces, sealed); err != nil {
			return f, err
		}
		_, _ = sum.Write(piece[:n]) // it never fails
		f.Pieces++
		if last {
			break
		}
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f, nil
}
