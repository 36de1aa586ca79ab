// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// maxShareFile is how much of a file with a share is read.
const maxShareFile = 16 << 10

func (p *program) shareCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "share",
		Short: "Shares of the recovery key, held by trustees in different places",
		Long: `When nobody's passphrase opens the register any more, trustees can, together:
so many of them as you say. Each keeps a share on paper, and opens it with their
own passphrase or with four words that they keep apart from the paper. One share
says nothing. See also: kua recover.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.shareMakeCommand(false), p.shareMakeCommand(true), p.shareTestCommand(), p.shareStatusCommand())
	return cmd
}

func (p *program) shareMakeCommand(replace bool) *cobra.Command {
	var trustees []string
	var need int
	cmd := &cobra.Command{
		Use:   "create --trustees NAME,NAME,… --need K",
		Short: "Make shares for trustees; they are shown once",
		Long: `Make a recovery key and split it among trustees, of whom --need must come
together to open the register. A name is a member's, who must have the role
trustee: their share opens with their passphrase. Any other name is of somebody
without an account: their share opens with four words that are printed with it
and must be kept apart from it.

Have each trustee copy or print their sheet, one after another, so that nobody
sees another's. Nothing keeps what is shown.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(trustees) == 0 || need == 0 {
				return usage("say who the trustees are and how many of them are needed: --trustees NAME,NAME,NAME --need 2")
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			sheets, err := reg.CreateShares(cmd.Context(), session, registry.NewShares{Trustees: trustees, Need: need, Replace: replace})
			if err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]any{"need": need, "of": len(sheets), "shares": sheets})
			}
			p.printSheets(sheets, need)
			if replace {
				fmt.Fprintln(p.out, "The old shares open nothing from now on: have them burnt.")
			}
			fmt.Fprintln(p.out, "Have each trustee test their share now: kua share test. Then rehearse together: kua recover --rehearse.")
			return nil
		},
	}
	if replace {
		cmd.Use = "replace --trustees NAME,NAME,… --need K"
		cmd.Short = "Make new shares; the old ones open nothing from then on"
	}
	cmd.Flags().StringSliceVar(&trustees, "trustees", nil, "the `names` of the trustees, with commas between them")
	cmd.Flags().IntVar(&need, "need", 0, "how `many` of them must come together")
	return cmd
}

// clearScreen also empties what can be scrolled back to.
const clearScreen = "\x1b[2J\x1b[3J\x1b[H"

// printSheets shows each trustee their sheet. At a terminal it waits for each
// of them, and takes it away before the next one.
func (p *program) printSheets(sheets []registry.Sheet, need int) {
	in, isFile := p.in.(*os.File)
	out, isFile2 := p.out.(*os.File)
	terminal := isFile && isFile2 && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd()))
	lines := bufio.NewReader(p.in)
	for i, s := range sheets {
		if terminal {
			fmt.Fprintf(p.out, "%sThe next sheet is for %s and nobody else. Press Enter when they alone look.", clearScreen, s.Trustee)
			_, _ = lines.ReadString('\n')
			fmt.Fprint(p.out, clearScreen)
		} else if i > 0 {
			fmt.Fprintf(p.out, "\n%s\n\n", strings.Repeat("- ", 36))
		}
		p.printSheet(s, need, len(sheets))
		if terminal {
			fmt.Fprint(p.out, "\nPress Enter when it is written down.")
			_, _ = lines.ReadString('\n')
			fmt.Fprint(p.out, clearScreen)
		}
	}
	fmt.Fprintln(p.out)
}

func (p *program) printSheet(s registry.Sheet, need, of int) {
	fmt.Fprintf(p.out, "KUA · share %d of %d · доля %d из %d · үлес %d/%d\n%s\n\n", s.Number, of, s.Number, of, s.Number, of, s.Trustee)
	for i := 0; i < len(s.Words); i += 4 {
		for j := i; j < min(i+4, len(s.Words)); j++ {
			fmt.Fprintf(p.out, "%3d. %-12s", j+1, s.Words[j])
		}
		fmt.Fprintln(p.out)
	}
	fmt.Fprintf(p.out, "\nQR: %s\n\n", s.Text)
	fmt.Fprintf(p.out, "%d of %d shares open the register when nobody's passphrase does. One says nothing.\n", need, of)
	fmt.Fprintf(p.out, "Чтобы открыть реестр, когда ничья парольная фраза не подходит, нужно долей: %d из %d. Одна не говорит ничего.\n", need, of)
	fmt.Fprintf(p.out, "Ешкімнің құпиясөз тіркесі келмегенде тізілімді ашу үшін %d үлес керек, барлығы %d. Біреуі ештеңе айтпайды.\n\n", need, of)
	if s.Member {
		fmt.Fprintln(p.out, "It opens with your own passphrase. · Открывается вашей парольной фразой. · Өз құпиясөз тіркесіңізбен ашылады.")
		return
	}
	fmt.Fprintf(p.out, "These four words open it. Keep them apart from this sheet, best in your head:\nЭти четыре слова её открывают. Храните их отдельно от листа, лучше в памяти:\nОны мына төрт сөз ашады. Оларды парақтан бөлек, дұрысы жадыңызда сақтаңыз:\n\n    %s\n", s.Apart)
}

func (p *program) shareTestCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Test a share: is it right, and does it count?",
		Long: `Test one share, with nobody else there. Nothing is opened and nothing is
written. --share FILE reads it from a file: the words, an empty line, then what
opens it; - is standard input.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := p.dir()
			if err != nil {
				return err
			}
			g, err := registry.Gather(dir, p.options())
			if err != nil {
				return err
			}
			n, err := p.gatherOne(g, file, bufio.NewReader(p.in))
			if err != nil {
				return err
			}
			_, need := g.Have()
			if p.json {
				return printJSON(p.out, map[string]int{"share": n, "need": need})
			}
			fmt.Fprintf(p.out, "Share %d is right, and opens the register together with %s.\n", n, counted(need-1, "other", "others"))
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "share", "", "`file` with the share and what opens it")
	return cmd
}

// gatherOne takes in one share: from a file, or typed.
func (p *program) gatherOne(g *registry.Gathering, file string, typed *bufio.Reader) (int, error) {
	if file != "" {
		in := p.in
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return 0, fmt.Errorf("a share can't be read: %w", err)
			}
			defer f.Close()
			in = f
		}
		b, err := io.ReadAll(io.LimitReader(in, maxShareFile))
		if err != nil {
			return 0, fmt.Errorf("a share can't be read: %w", err)
		}
		text, opens, _ := strings.Cut(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n\n")
		share, err := seal.ParseShare(text)
		if err != nil {
			return 0, err
		}
		return g.Add(share, strings.TrimSpace(opens))
	}
	in, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return 0, usage("there is nobody to ask for a share: give --share FILE")
	}
	fmt.Fprintln(p.err, "Type the words of the share, then an empty line:")
	var text strings.Builder
	for {
		line, err := typed.ReadString('\n')
		if strings.TrimSpace(line) == "" {
			if text.Len() > 0 || err != nil {
				break
			}
			continue
		}
		text.WriteString(line)
		if err != nil {
			break
		}
	}
	share, err := seal.ParseShare(text.String())
	if err != nil {
		return 0, err
	}
	byMember, err := g.ByMember(share)
	if err != nil {
		return 0, err
	}
	prompt := "The four words that are kept apart: "
	if byMember {
		prompt = "The trustee's own passphrase: "
	}
	fmt.Fprint(p.err, prompt)
	opens, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprint(p.err, clearScreen)
	if err != nil {
		return 0, fmt.Errorf("what opens the share could not be read: %w", err)
	}
	return g.Add(share, string(opens))
}

func (p *program) shareStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Are there shares, and when was a recovery last rehearsed?",
		Long:  `Are there shares, and when was a recovery last rehearsed? Exit code 3 where there is something to do.`,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.Recovery(session)
			if err != nil {
				return err
			}
			if p.json {
				if err := printJSON(p.out, v); err != nil {
					return err
				}
			} else {
				p.printRecovery(v)
			}
			if v.Warning != "" {
				return errFindings
			}
			return nil
		},
	}
}

func (p *program) printRecovery(v registry.RecoveryView) {
	if v.Need > 0 {
		fmt.Fprintf(p.out, "%d of %d shares open the register; made %s.\n", v.Need, v.Of, day(v.Made))
		if len(v.Trustees) > 0 {
			fmt.Fprintf(p.out, "Trustees: %s.\n", strings.Join(v.Trustees, "; "))
		}
		if !v.Rehearsed.IsZero() {
			fmt.Fprintf(p.out, "Last rehearsed %s, with %s.\n", day(v.Rehearsed), counted(v.Shares, "share", "shares"))
		}
	}
	say := map[string]string{
		registry.RecoveryNone:  "Recovery is not set up: if the passphrases are lost, nobody opens the register again. kua share create",
		registry.RecoveryLeft:  "A trustee has left, and the rest are barely enough: kua share replace",
		registry.RecoveryNever: "It was never rehearsed: kua recover --rehearse",
		registry.RecoveryOld:   "It was not rehearsed for a year: kua recover --rehearse",
	}
	if text := say[v.Warning]; text != "" {
		fmt.Fprintln(p.out, text)
	}
}

// gatherAll takes in shares until there are enough: from files, or typed one
// after another; what is typed wrongly is asked for again.
func (p *program) gatherAll(g *registry.Gathering, files []string) error {
	for _, f := range files {
		if _, err := p.gatherOne(g, f, nil); err != nil {
			return err
		}
	}
	typed := bufio.NewReader(p.in)
	for len(files) == 0 {
		have, need := g.Have()
		if need > 0 && have >= need {
			return nil
		}
		n, err := p.gatherOne(g, "", typed)
		switch {
		case errors.Is(err, errUsage):
			return err
		case err != nil:
			fmt.Fprintf(p.err, "%s\n", oneLine(err))
		default:
			have, need = g.Have()
			fmt.Fprintf(p.err, "Share %d is right: %d of %d.\n", n, have, need)
		}
	}
	return nil
}
