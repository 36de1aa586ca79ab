// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/registry"
)

func (p *program) doctorCommand() *cobra.Command {
	var lang string
	var inside bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is not as it should be around a register, and what helps",
		Long: `Look at the register's folders and the machine they are on: who else may read its
files, whether memory can come onto the disk (swap, core dumps), clock, disk, copies
of the forgetting keys, passphrases that are guessed too fast, ports that answer
everybody. Nothing is changed. The register may be locked, and be served meanwhile.

With --inside, or a --passphrase-file, an administrator has it look at what only the
open register knows too: members without a second factor, recovery, backups, alarms.

Each finding comes with what helps; exit code 3.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			language, err := p.language(lang)
			if err != nil {
				return err
			}
			dir, err := p.dir()
			if err != nil {
				return err
			}
			found, err := p.lookAround(dir, givenCertificate(dir))
			if err != nil {
				return err
			}
			inside = inside || p.passphraseFile != ""
			var closed error // what was found outside is said all the same: it may be why
			if inside {
				var more []doctor.Finding
				if more, closed = p.lookInside(cmd.Context()); closed != nil {
					inside = false
				}
				found = append(found, more...)
			}
			type said struct {
				doctor.Finding
				Says   string `json:"says"`
				Remedy string `json:"remedy"`
			}
			all := []said{}
			for _, f := range found {
				all = append(all, said{f, f.Says(language), f.Remedy(language)})
			}
			switch {
			case p.json:
				if err := printJSON(p.out, map[string]any{"findings": all, "inside": inside}); err != nil {
					return err
				}
			default:
				for _, f := range all {
					fmt.Fprintf(p.out, "%s\n    %s\n\n", f.Says, f.Remedy)
				}
				if len(all) == 0 && closed == nil {
					fmt.Fprintln(p.out, language.T("doctor.nothing"))
				}
				if !inside && closed == nil {
					fmt.Fprintln(p.out, language.T("doctor.outside"))
				}
			}
			if closed != nil {
				return fmt.Errorf("it was not looked at from inside: %w", closed)
			}
			if len(all) > 0 {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&inside, "inside", false, "open the register, with an administrator's passphrase, and look there too")
	cmd.Flags().StringVar(&lang, "lang", "en", "the language of the answer: en, ru or kk")
	return cmd
}

// lookAround looks at a register that may be locked, and at its machine.
func (p *program) lookAround(dir, certificate string) ([]doctor.Finding, error) {
	forgetting, err := registry.At(dir, p.options())
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	found, err := doctor.Look(p.machine(), doctor.Place{
		Dir: dir, Forgetting: forgetting, Public: publicDir(dir), Passphrase: demoPassphraseFile, Certificate: certificate,
	})
	if err != nil {
		return nil, err
	}
	weak, err := registry.WeakKeys(dir, p.options())
	if err != nil {
		return nil, err
	}
	if weak > 0 {
		found = append(found, doctor.Found("weak", strconv.Itoa(weak)))
	}
	return found, nil
}

// lookInside opens the register and looks there.
func (p *program) lookInside(ctx context.Context) ([]doctor.Finding, error) {
	reg, session, err := p.read(ctx)
	if err != nil {
		return nil, err
	}
	defer reg.Close()
	return conditionOf(ctx, reg, session)
}

// conditionOf is what an open register knows about itself, as findings.
func conditionOf(ctx context.Context, reg *registry.Registry, s *access.Session) ([]doctor.Finding, error) {
	c, err := reg.Condition(ctx, s)
	if errors.Is(err, registry.ErrNotAllowed) {
		return nil, fmt.Errorf("%w: only who administers the register has it looked at from inside", err)
	}
	if err != nil {
		return nil, err
	}
	return c.Findings(day), nil
}
