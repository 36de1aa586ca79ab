// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
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

// openWith opens the register with the passphrase of the caller, who is signed in by it.
func (p *program) openWith(ctx context.Context, options registry.Options) (*registry.Registry, *access.Session, error) {
	dir, err := p.dir()
	if err != nil {
		return nil, nil, err
	}
	passphrase, err := p.passphrase("Passphrase: ")
	if err != nil {
		return nil, nil, err
	}
	return registry.Open(ctx, dir, registry.Unlock{Passphrase: passphrase, Member: p.member}, options)
}

func (p *program) dir() (string, error) {
	if p.registry == "" {
		return "", usage("which register? Give its directory with --registry DIR or KUA_REGISTRY")
	}
	return p.registry, nil
}

func (p *program) options() registry.Options {
	return registry.Options{
		Now: p.now, Stretch: p.stretch, Least: p.stretch,
		Log: slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// passphrase reads it from --passphrase-file or, at a terminal, asks for it.
func (p *program) passphrase(prompt string) (string, error) {
	switch p.passphraseFile {
	case "":
		in, ok := p.in.(*os.File)
		if !ok || !term.IsTerminal(int(in.Fd())) {
			return "", usage("there is nobody to ask for the passphrase: give --passphrase-file FILE")
		}
		fmt.Fprint(p.err, prompt)
		typed, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(p.err)
		if err != nil {
			return "", fmt.Errorf("the passphrase could not be read: %w", err)
		}
		return string(typed), nil
	case "-":
		return firstLine(p.in, "standard input")
	default:
		f, err := os.Open(p.passphraseFile)
		if err != nil {
			return "", fmt.Errorf("the passphrase file can't be opened: %w", err)
		}
		defer f.Close()
		return firstLine(f, p.passphraseFile)
	}
}

func firstLine(r io.Reader, name string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("%s: the passphrase could not be read: %w", name, err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", fmt.Errorf("%s: its first line is empty; the passphrase belongs there", name)
	}
	return line, nil
}
