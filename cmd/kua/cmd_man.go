// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (p *program) manCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "man [COMMAND...]",
		Short: "The manual page of a command, or all of them and the completions of shells in a folder",
		Long: `Print the manual page of a command, made from what its --help says:
'kua man relay init | man -l -'. Without a command it is that of kua itself.

With --out all pages are written to FOLDER/man1, and what completes commands in
bash, zsh and fish to FOLDER/completions. 'kua completion --help' says how a shell
takes the latter from the program itself.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if out == "" {
				found, rest, err := root.Find(args)
				if err != nil || len(rest) > 0 {
					return usage("there is no command %q; 'kua help' lists them", strings.Join(args, " "))
				}
				_, err = p.out.Write(manPage(found))
				return err
			}
			if len(args) > 0 {
				return usage("--out writes every page: give no command")
			}
			return writeManual(root, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "write every page and the completions to this `folder`")
	return cmd
}

// writeManual writes every page and the completions below a folder.
func writeManual(root *cobra.Command, folder string) error {
	write := func(name string, b []byte) error {
		return writeForAll(filepath.Join(folder, filepath.FromSlash(name)), b)
	}
	for _, cmd := range documented(root) {
		if err := write("man1/"+manName(cmd)+".1", manPage(cmd)); err != nil {
			return err
		}
	}
	for name, make := range map[string]func(io.Writer) error{ // where each shell looks for them
		"completions/bash/kua":      func(to io.Writer) error { return root.GenBashCompletionV2(to, true) },
		"completions/zsh/_kua":      root.GenZshCompletion,
		"completions/fish/kua.fish": func(to io.Writer) error { return root.GenFishCompletion(to, true) },
	} {
		var b bytes.Buffer
		if err := make(&b); err != nil {
			return err
		}
		if err := write(name, b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// writeForAll writes a file that everybody may read, and the folders above it.
func writeForAll(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // for everybody to read
		return err
	}
	return os.WriteFile(path, b, 0o644) //nolint:gosec // for everybody to read
}

// documented are a command and those below it that have a page.
func documented(cmd *cobra.Command) []*cobra.Command {
	if cmd.Hidden || cmd.Name() == "help" || cmd.Name() == "completion" {
		return nil
	}
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, documented(sub)...)
	}
	return all
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage is the page of a command in the language of man(7), made of its usage texts alone.
func manPage(cmd *cobra.Command) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(".TH %s 1 \"\" \"kua\" \"Kua\"", strings.ToUpper(roffWord(manName(cmd))))
	line(".SH NAME\n%s \\- %s", roffWord(manName(cmd)), roffLine(cmd.Short))
	line(".SH SYNOPSIS\n.B %s", roffLine(cmd.UseLine()))
	if text := cmd.Long; text != "" {
		line(".SH DESCRIPTION")
		roffText(&b, text)
	}
	flags := func(title string, set *pflag.FlagSet) {
		if !set.HasAvailableFlags() {
			return
		}
		line(".SH %s", title)
		set.VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			value, text := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			line(".TP\n.B %s", roffLine(strings.TrimSpace(name+" "+value)))
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && f.Name != "registry" && f.Name != "forgetting" { // these two come from the surroundings
				text += " (" + f.DefValue + " if it is not given)"
			}
			line("%s", roffLine(text))
		})
	}
	flags("OPTIONS", cmd.NonInheritedFlags())
	flags("OPTIONS OF EVERY COMMAND", cmd.InheritedFlags())
	var subs []*cobra.Command
	for _, sub := range cmd.Commands() {
		if len(documented(sub)) > 0 {
			subs = append(subs, sub)
		}
	}
	if len(subs) > 0 {
		line(".SH COMMANDS")
		for _, sub := range subs {
			line(".TP\n.BR %s (1)\n%s", roffWord(manName(sub)), roffLine(sub.Short))
		}
	}
	line(".SH EXIT STATUS\n0 done; 1 failed, one line on standard error says what, where and what to do; 2 called wrongly; 3 done, with findings.")
	if cmd.HasParent() {
		line(".SH SEE ALSO\n.BR %s (1)", roffWord(manName(cmd.Parent())))
	}
	return b.Bytes()
}

// roffEscapes are the letters that stand for something else in man(7), each with what writes it.
var roffEscapes = map[rune]string{'\\': `\e`, '-': `\-`, '\'': `\(aq`, '`': `\(ga`, '"': `\(dq`, '~': `\(ti`, '^': `\(ha`}

// roffWord is a word in which nothing is an escape, in ASCII alone.
func roffWord(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch escape, ok := roffEscapes[r]; {
		case ok:
			b.WriteString(escape)
		case r > unicode.MaxASCII:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// roffLine is a line of text that is no request.
func roffLine(s string) string {
	s = roffWord(strings.Join(strings.Fields(s), " "))
	if strings.HasPrefix(s, ".") {
		s = `\&` + s
	}
	return s
}

// roffText writes paragraphs; what is indented stays as it is.
func roffText(b *bytes.Buffer, text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		plain := strings.HasPrefix(paragraph, "  ")
		if plain {
			b.WriteString(".nf\n")
		}
		for _, l := range strings.Split(paragraph, "\n") {
			if plain {
				l = strings.ReplaceAll(roffWord(l), "\t", "    ")
				if strings.HasPrefix(l, ".") {
					l = `\&` + l
				}
			} else {
				l = roffLine(l)
			}
			b.WriteString(l + "\n")
		}
		if plain {
			b.WriteString(".fi\n")
		}
	}
}
