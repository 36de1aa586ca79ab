// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
)

// lockChecks is how often it is asked whether the new process is there.
const lockChecks = 20 * time.Millisecond

func (p *program) lockCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "Lock the register that is being served, for everybody, at once",
		Long: `Lock the register that is being served: all sessions end, the keys are let go,
and the pages ask for the passphrase of a member who may start it. It needs no
passphrase, and answers when the register is locked.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := p.dir()
			if err != nil {
				return err
			}
			if err := lock(cmd.Context(), dir); err != nil {
				return err
			}
			if p.json {
				return printJSON(p.out, map[string]bool{"locked": true})
			}
			fmt.Fprintln(p.out, "The register is locked.")
			return nil
		},
	}
}

// lock has the register in dir locked and waits until it is.
func lock(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, controlTimeout)
	defer cancel()
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("there is no register in %s: %w", dir, err)
	}
	answer, err := askControl(ctx, dir, sayLock)
	if errors.Is(err, errNobody) {
		return fmt.Errorf("nothing serves the register in %s: there is nothing to lock", dir)
	}
	// The process that was asked is replaced by one that knows nothing: then
	// the new one says that it is locked.
	again := time.NewTicker(lockChecks)
	defer again.Stop()
	for err != nil || answer != isLocked {
		select {
		case <-again.C:
			answer, err = askControl(ctx, dir, sayState)
		case <-ctx.Done():
			return errors.New("the register did not say that it is locked: end the program that serves it, which locks it too")
		}
	}
	return nil
}
