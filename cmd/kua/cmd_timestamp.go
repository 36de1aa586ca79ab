// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/timestamp"
)

// authorityTimeout is how long an authority may take: several seconds are
// usual, and more over Tor.
const authorityTimeout = 60 * time.Second

func (p *program) timestampCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "timestamp",
		Short: "Time stamps of outside authorities: ask for one, add, list, verify",
		Long: `A time stamp (RFC 3161) proves that the register, or a file, stood as it does at
a moment, by the word of an outside authority and without it being asked again.
The authority learns a digest and nothing else.

Nobody is asked unless an authority is set up and you ask: through the proxy of
the environment where there is one (HTTPS_PROXY=socks5h://127.0.0.1:9050 is
Tor). Or write a request with 'kua timestamp request', send it from another
machine, and add the answer with 'kua timestamp add'.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.stampNowCommand(), p.stampAddCommand(), p.stampRequestCommand(), p.stampListCommand("list", "List the time stamps over the register, or over the files of a case"),
		p.stampListCommand("verify", "Verify the time stamps against what they cover; exit code 3 where one is not good"), p.authorityCommand())
	return cmd
}

// askAuthority sends a request for a time stamp.
func askAuthority(ctx context.Context, address string, query []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, authorityTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(query))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", timestamp.QueryType)
	req.Header.Set("User-Agent", "") // it need not know which program asks
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the authority can't be reached: look at its address, the network and the proxy: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the authority answered %q and gave no time stamp: look at its address, or try later", answer.Status)
	}
	der, err := io.ReadAll(io.LimitReader(answer.Body, timestamp.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("the answer of the authority broke off: ask again: %w", err)
	}
	return der, nil
}

// ofFile are the flags that name a record of evidence.
type ofFile struct{ caseID, evidence string }

func (f *ofFile) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.caseID, "case", "", "over a file of this `case`: its id or number")
	cmd.Flags().StringVar(&f.evidence, "evidence", "", "over this file, or the file of this record of evidence: its `id`")
}

func (f *ofFile) given() (bool, error) {
	if (f.caseID == "") != (f.evidence == "") {
		return false, usage("--case and --evidence belong together: give both, or neither")
	}
	return f.caseID != "", nil
}

func (p *program) stampNowCommand() *cobra.Command {
	var name string
	var file ofFile
	cmd := &cobra.Command{
		Use:   "now",
		Short: "Ask an authority for a time stamp over the register as it stands, or over a file, and keep it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ofCase, err := file.given()
			if err != nil {
				return err
			}
			return p.keepsStamp(cmd, func(reg *registry.Registry, s *access.Session) (registry.TimeStamp, error) {
				if ofCase {
					return reg.StampFile(cmd.Context(), s, file.caseID, file.evidence, name, askAuthority)
				}
				return reg.StampNow(cmd.Context(), s, name, askAuthority)
			})
		},
	}
	cmd.Flags().StringVar(&name, "tsa", "", "the `name` or address of the authority; else the first that has an address")
	file.flags(cmd)
	return cmd
}

func (p *program) stampAddCommand() *cobra.Command {
	var over string
	var file ofFile
	cmd := &cobra.Command{
		Use:   "add FILE",
		Short: "Keep a time stamp that was made elsewhere: .tsr, a bare token, or .ots",
		Long: `Keep a time stamp that was made elsewhere, over a checkpoint that 'kua timestamp
request' wrote or over the file of a record of evidence: an answer or a token of
RFC 3161, or a proof of OpenTimestamps. It is kept only if it covers these data
and was not altered. Of a proof of OpenTimestamps it is said which Merkle root
must stand in which block of Bitcoin: look that up, or let 'ots verify' do it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ofCase, err := file.given()
			if err != nil {
				return err
			}
			if ofCase == (over != "") {
				return usage("say what it covers: --over CHECKPOINT, or --case and --evidence")
			}
			token, err := readFile(args[0], timestamp.MaxSize)
			if err != nil {
				return err
			}
			var checkpoint []byte
			if over != "" {
				if checkpoint, err = readFile(over, maxTextFile); err != nil {
					return err
				}
			}
			return p.keepsStamp(cmd, func(reg *registry.Registry, s *access.Session) (registry.TimeStamp, error) {
				if ofCase {
					return reg.AddFileStamp(cmd.Context(), s, file.caseID, file.evidence, token)
				}
				return reg.AddStamp(cmd.Context(), s, checkpoint, token)
			})
		},
	}
	cmd.Flags().StringVar(&over, "over", "", "the checkpoint that it covers: the `file` that 'kua timestamp request' wrote")
	file.flags(cmd)
	return cmd
}

// keepsStamp opens the register, keeps a time stamp and says what it is.
func (p *program) keepsStamp(cmd *cobra.Command, keep func(*registry.Registry, *access.Session) (registry.TimeStamp, error)) error {
	reg, session, err := p.open(cmd.Context())
	if err != nil {
		return err
	}
	defer reg.Close()
	stamp, err := keep(reg, session)
	if err != nil {
		return err
	}
	if p.json {
		return printJSON(p.out, stampAnswerOf(stamp))
	}
	fmt.Fprintf(p.out, "Kept: %s.\n", stampWords(stamp))
	if stamp.Why != "" {
		fmt.Fprintf(p.out, "It is %s: %s.\n", stamp.Outcome, stamp.Why)
	}
	for _, b := range stamp.Blocks {
		fmt.Fprintf(p.out, "Proof: %s.\n", blockWords(b))
	}
	return nil
}

func stampWords(stamp registry.TimeStamp) string {
	over := fmt.Sprintf("over the register with %d entries", stamp.Entries)
	if stamp.Evidence != "" {
		over = "over the file of evidence " + stamp.Evidence
	}
	if stamp.File != "" {
		over = "over the file " + stamp.File
	}
	switch {
	case stamp.Form == registry.OpenTimestamps && len(stamp.Blocks) == 0:
		return over + ", a proof of OpenTimestamps that is not complete yet: 'ots upgrade' completes it"
	case stamp.Form == registry.OpenTimestamps:
		return fmt.Sprintf("%s, a proof of OpenTimestamps that leads to block %d of Bitcoin", over, stamp.Blocks[0].Height)
	}
	return fmt.Sprintf("%s, %s by %s", over, stamp.At.UTC().Format(time.RFC3339), dash(stamp.Authority))
}

func (p *program) stampRequestCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "request --out DIR",
		Short: "Write the newest checkpoint and a request for a time stamp over it, to be sent from elsewhere",
		Long: `Write checkpoint.txt, the signed checkpoint as it stands, and request.tsq, a
request over it. On a machine with a network:

  curl -H 'Content-Type: application/timestamp-query' --data-binary @request.tsq ADDRESS > answer.tsr
  kua timestamp add answer.tsr --over checkpoint.txt

'ots stamp checkpoint.txt' makes a proof of OpenTimestamps over the same file.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return usage("give --out: the directory to write to")
			}
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			checkpoint, err := reg.Checkpoint(cmd.Context(), session)
			if err != nil {
				return err
			}
			query, err := reg.Query(session, checkpoint)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o700); err != nil {
				return err
			}
			for name, text := range map[string][]byte{"checkpoint.txt": checkpoint, "request.tsq": query} {
				if err := os.WriteFile(filepath.Join(out, name), text, 0o600); err != nil {
					return err
				}
			}
			if p.json {
				return printJSON(p.out, map[string]string{"checkpoint": "checkpoint.txt", "request": "request.tsq"})
			}
			fmt.Fprintln(p.out, "Written: checkpoint.txt and request.tsq. Send the request from elsewhere, then: kua timestamp add ANSWER --over checkpoint.txt")
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`directory` to write to")
	return cmd
}

// stampAnswer is a time stamp of `kua timestamp list --json`.
type stampAnswer struct {
	ID        string        `json:"id"`
	Form      string        `json:"form"`
	Entries   uint64        `json:"entries,omitempty"`
	Evidence  string        `json:"evidence,omitempty"`
	File      string        `json:"file,omitempty"`
	SHA256    string        `json:"sha256,omitempty"`
	At        string        `json:"at,omitempty"`
	Authority string        `json:"authority,omitempty"`
	Added     string        `json:"added"`
	Outcome   string        `json:"outcome"`
	Why       string        `json:"why,omitempty"`
	Blocks    []blockAnswer `json:"blocks,omitempty"`
	Calendars []string      `json:"calendars,omitempty"`
	Chain     string        `json:"chain,omitempty"`
	Token     []byte        `json:"token"` // Base64
}

// blockAnswer is what must stand in the header of a block of Bitcoin.
type blockAnswer struct {
	Height     uint64 `json:"height"`
	MerkleRoot string `json:"merkle_root,omitempty"`
}

// blockWords says what somebody has to look up; that it is so is not said.
func blockWords(b timestamp.Block) string {
	if b.Root == "" {
		return fmt.Sprintf("it leads to block %d of Bitcoin by a way that is not followed here: 'ots verify' does", b.Height)
	}
	return fmt.Sprintf("it commits to the data if block %d of Bitcoin has the Merkle root %s: look it up", b.Height, b.Root)
}

func stampAnswerOf(t registry.TimeStamp) stampAnswer {
	a := stampAnswer{ID: t.ID, Form: t.Form, Entries: t.Entries, Evidence: t.Evidence, File: t.File, SHA256: t.SHA256, Authority: t.Authority,
		Added: t.Added.UTC().Format(time.RFC3339), Outcome: t.Outcome, Why: t.Why, Calendars: t.Calendars, Chain: t.Chain, Token: t.Token}
	if !t.At.IsZero() {
		a.At = t.At.UTC().Format(time.RFC3339)
	}
	for _, b := range t.Blocks {
		a.Blocks = append(a.Blocks, blockAnswer{b.Height, b.Root})
	}
	return a
}

// stampListCommand is list, or verify: the same with an exit code.
func (p *program) stampListCommand(use, short string) *cobra.Command {
	var caseID string
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			var all []registry.TimeStamp
			if caseID != "" {
				all, err = reg.FileStamps(cmd.Context(), session, caseID)
			} else {
				all, err = reg.TimeStamps(cmd.Context(), session)
			}
			if err != nil {
				return err
			}
			if err := p.printStamps(all); err != nil || use == "list" {
				return err
			}
			for _, t := range all {
				if t.Outcome != string(timestamp.Good) && t.Outcome != registry.ProofKept {
					return errFindings
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&caseID, "case", "", "those over the files of this `case`: its id or number")
	return cmd
}

func (p *program) printStamps(all []registry.TimeStamp) error {
	answers := make([]stampAnswer, 0, len(all))
	lines := [][]string{{"ID", "OVER", "TIME", "AUTHORITY", "OUTCOME"}}
	for _, t := range all {
		a := stampAnswerOf(t)
		answers = append(answers, a)
		over := strconv.FormatUint(t.Entries, 10) + " entries"
		if t.Evidence != "" {
			over = "evidence " + t.Evidence
		}
		if t.File != "" {
			over = "file " + t.File
		}
		lines = append(lines, []string{a.ID, over, dash(a.At), dash(a.Authority), a.Outcome})
	}
	if p.json {
		return printJSON(p.out, map[string]any{"time_stamps": answers})
	}
	if len(all) == 0 {
		fmt.Fprintln(p.out, "There is no time stamp.")
		return nil
	}
	if err := table(p.out, lines); err != nil {
		return err
	}
	for _, t := range all {
		if t.Why != "" {
			fmt.Fprintf(p.out, "%s: %s.\n", t.ID, t.Why)
		}
		for _, b := range t.Blocks {
			fmt.Fprintf(p.out, "%s: %s.\n", t.ID, blockWords(b))
		}
	}
	return nil
}

func (p *program) authorityCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "authority",
		Short: "Say whose time stamps are trusted, and where they are asked for",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var address, root string
	set := &cobra.Command{
		Use:   "set NAME --root FILE [--url ADDRESS]",
		Short: "Trust an authority, by the root certificate that its own page gives",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if root == "" {
				return usage("give --root: the file with its root certificate (PEM)")
			}
			roots, err := readFile(root, maxTextFile)
			if err != nil {
				return err
			}
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				return reg.SetTimeAuthority(cmd.Context(), s, registry.TimeAuthority{Name: args[0], Address: address, Roots: string(roots)})
			}, "Its time stamps are trusted. Try it: kua timestamp now")
		},
	}
	set.Flags().StringVar(&address, "url", "", "`address` where it is asked; none: it is never asked")
	set.Flags().StringVar(&root, "root", "", "`file` with its root certificates, PEM")
	remove := &cobra.Command{
		Use:   "remove NAME",
		Short: "Trust an authority no more",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.changed(cmd, func(reg *registry.Registry, s *access.Session) error {
				err := reg.RemoveTimeAuthority(cmd.Context(), s, args[0])
				if errors.Is(err, registry.ErrNotFound) {
					return errors.New("no authority of that name is set up: 'kua timestamp authority list' lists them")
				}
				return err
			}, "Its time stamps are trusted no more.")
		},
	}
	list := &cobra.Command{
		Use:   "list",
		Short: "List the authorities",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			all, err := reg.TimeAuthorities(cmd.Context(), session)
			if err != nil {
				return err
			}
			type answer struct {
				Name  string `json:"name"`
				URL   string `json:"url,omitempty"`
				Roots string `json:"roots"`
			}
			answers, lines := []answer{}, [][]string{{"NAME", "URL"}}
			for _, a := range all {
				answers = append(answers, answer{a.Name, a.Address, a.Roots})
				lines = append(lines, []string{a.Name, dash(a.Address)})
			}
			if p.json {
				return printJSON(p.out, map[string]any{"authorities": answers})
			}
			return table(p.out, lines)
		},
	}
	cmd.AddCommand(set, remove, list)
	return cmd
}
