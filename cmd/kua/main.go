// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/doctor"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/seal"
)

// version is set by the linker.
var version = "development"

// The exit codes scripts rely on.
const (
	exitDone     = 0
	exitFailed   = 1 // one clear line on standard error
	exitUsage    = 2 // the command was called wrongly
	exitFindings = 3 // done, and there is something to look at
)

var (
	errUsage    = errors.New("usage")
	errFindings = errors.New("findings") // said already on standard output
)

// program is what every subcommand needs of the world outside.
type program struct {
	in       io.Reader
	out, err io.Writer
	now      func() time.Time
	stretch  seal.Stretch // of new passphrases; zero: the standard
	shut     func() error // keeps others from reading this process's memory

	rulebook func(pack string) (*registry.Rulebook, error) // loads it when first asked; nil: run makes it

	machine func() doctor.Machine // on which this runs

	registry       string
	forgetting     string
	origin         string // where the pages are reached
	passphraseFile string
	member         string
	json           bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) int {
	return (&program{now: time.Now, shut: shutProcess, machine: thisMachine}).run(ctx, args, in, out, stderr)
}

func thisMachine() doctor.Machine { return doctor.ThisMachine(time.Now()) }

func (p *program) run(ctx context.Context, args []string, in io.Reader, out, stderr io.Writer) int {
	p.in, p.out, p.err = in, out, stderr
	if p.rulebook == nil {
		p.rulebook = registry.Rulebooks(loadRulebook)
	}
	root := p.command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "kua: %s\n", strings.TrimPrefix(err.Error(), errUsage.Error()+": "))
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "kua: interrupted: %s\n", oneLine(err))
		return exitFailed
	default:
		fmt.Fprintf(stderr, "kua: %s\n", oneLine(err))
		return exitFailed
	}
}

// loadRulebook loads it with fewer collections of garbage: a heap that has only
// begun to grow is collected a dozen times meanwhile, a third of all the time
// that a short command takes.
func loadRulebook(pack string) (*registry.Rulebook, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	return registry.LoadRulebook(pack)
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "kua",
		Short:         "A sealed register of torture, and of what the State does and fails to do about it",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("there is no command %q; 'kua help' lists them", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%v; see '%s --help'", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.StringVar(&p.registry, "registry", os.Getenv("KUA_REGISTRY"), "the register's `directory` (or KUA_REGISTRY)")
	flags.StringVar(&p.forgetting, "forgetting", os.Getenv("KUA_FORGETTING"), "the `directory` of the forgetting keys (or KUA_FORGETTING); else beside the register")
	flags.StringVar(&p.passphraseFile, "passphrase-file", "", "`file` whose first line is your passphrase (- is standard input)")
	flags.StringVar(&p.member, "member", "", "sign in as the member with this `id`; needed only where the passphrase alone does not tell")
	flags.BoolVar(&p.json, "json", false, "print the answer as JSON")
	root.AddCommand(
		p.versionCommand(), p.initCommand(), p.serveCommand(), p.demoCommand(),
		p.importCommand(), p.exportCommand(), p.mapCommand(), p.matchCommand(), p.figuresCommand(), p.statementCommand(), p.publicCommand(), p.estimateCommand(), p.linkCommand(), p.encodeCommand(), p.compareCommand(),
		p.caseCommand(), p.checkCommand(), p.verifyCommand(), p.orgCommand(), p.memberCommand(), p.apiKeyCommand(), p.intakeCommand(),
		p.eraseCommand(), p.auditCommand(), p.forgetCommand(), p.shareCommand(), p.recoverCommand(), p.lockCommand(), p.grantCommand(), p.revokeCommand(),
		p.reviewCommand(), p.timestampCommand(), p.backupCommand(), p.restoreCommand(),
		p.passphraseCommand(), p.mailCommand(), p.remindCommand(), p.webhookCommand(), p.geojsonCommand(), p.safeCopyCommand(), p.outsideCommand(), p.evidenceCommand(), p.dossierCommand(), p.moveCommand(), p.nodeCommand(), p.joinCommand(), p.benchCommand(),
		p.relayCommand(), p.exchangeCommand(), p.commonCommand(), p.reportCommand(), p.sealCommand(), p.doctorCommand(),
		p.manCommand(), p.handbookCommand(),
	)
	for _, cmd := range root.Commands() {
		wrapArgs(cmd)
	}
	return root
}

// wrapArgs makes a wrong number of arguments a matter of usage, for every command below.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usage("%v; see '%s --help'", err, c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUsage, fmt.Sprintf(format, args...))
}

// oneLine keeps an error on the one line that a script may rely on.
func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
}
