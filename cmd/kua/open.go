// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// read opens the register of --registry to be read, also while another process
// serves it.
func (p *program) read(ctx context.Context) (*registry.Registry, *access.Session, error) {
	options := p.options()
	options.ReadOnly = true
	return p.openWith(ctx, options)
}

// open opens the register of --registry to be written.
func (p *program) open(ctx context.Context) (*registry.Registry, *access.Session, error) {
	return p.openWith(ctx, p.options())
}

// written opens the register to be written, does something and closes it.
func (p *program) written(ctx context.Context, do func(context.Context, *registry.Registry, *access.Session) error) error {
	reg, s, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	return do(ctx, reg, s)
}

// changed opens the register, does something and says that it is done.
func (p *program) changed(cmd *cobra.Command, do func(*registry.Registry, *access.Session) error, said string) error {
	return p.written(cmd.Context(), func(_ context.Context, reg *registry.Registry, s *access.Session) error {
		if err := do(reg, s); err != nil {
			return err
		}
		return p.done(map[string]any{"done": true}, "%s", said)
	})
}

// openWith opens the register with the passphrase of the caller, who is signed in by it.
func (p *program) openWith(ctx context.Context, options registry.Options) (*registry.Registry, *access.Session, error) {
	dir, unlock, err := p.unlock("Passphrase: ")
	if err != nil {
		return nil, nil, err
	}
	return registry.Open(ctx, dir, unlock, options)
}

// unlock is the register of --registry and what opens it: the passphrase of the caller.
func (p *program) unlock(prompt string) (dir string, _ registry.Unlock, err error) {
	if dir, err = p.dir(); err != nil {
		return "", registry.Unlock{}, err
	}
	passphrase, err := p.passphrase(prompt)
	return dir, registry.Unlock{Passphrase: passphrase, Member: p.member}, err
}

func (p *program) dir() (string, error) {
	if p.registry == "" {
		return "", usage("which register? Give its directory with --registry DIR or KUA_REGISTRY")
	}
	return p.registry, nil
}

func (p *program) options() registry.Options {
	return registry.Options{
		Now: p.now, Stretch: p.stretch, Least: p.stretch, Forgetting: p.forgetting, Origin: p.origin, Open: openOutside, Rulebook: p.rulebook,
		Log: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// passphrase reads it from --passphrase-file or, at a terminal, asks for it.
func (p *program) passphrase(prompt string) (string, error) {
	return p.secret(p.passphraseFile, prompt, "the passphrase", "--passphrase-file")
}

// secret reads the first line of a file or, at a terminal, asks for it. What it
// is and which flag gives the file is for the error.
func (p *program) secret(file, prompt, what, flag string) (string, error) {
	switch file {
	case "":
		in, ok := p.in.(*os.File)
		if !ok || !term.IsTerminal(int(in.Fd())) {
			return "", usage("there is nobody to ask for %s: give %s FILE", what, flag)
		}
		fmt.Fprint(p.err, prompt)
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(p.err)
		if err != nil {
			return "", fmt.Errorf("%s could not be read: %w", what, err)
		}
		return string(typed), nil
	case "-":
		return firstLine(p.in, "standard input", what)
	default:
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("the file with %s can't be opened: %w", what, err)
		}
		defer f.Close()
		return firstLine(f, file, what)
	}
}

func firstLine(r io.Reader, name, what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("%s: %s could not be read: %w", name, what, err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", fmt.Errorf("%s: its first line is empty; %s belongs there", name, what)
	}
	return line, nil
}

// firstPassphrase is the passphrase of what is being made: that of the file
// that was given, or one that is made up, which is to be shown once.
func (p *program) firstPassphrase() (passphrase, made string, err error) {
	if p.passphraseFile != "" {
		passphrase, err = p.passphrase("")
		return passphrase, "", err
	}
	made, err = seal.NewPassphrase()
	return made, made, err
}

// besideIt is how a register that is made up is unlocked: its passphrase lies beside it.
func besideIt(dir string) (registry.Unlock, error) {
	file := filepath.Join(dir, demoPassphraseFile)
	f, err := os.Open(file)
	if err != nil {
		return registry.Unlock{}, err
	}
	defer f.Close()
	passphrase, err := firstLine(f, file, "the passphrase")
	return registry.Unlock{Passphrase: passphrase}, err
}
