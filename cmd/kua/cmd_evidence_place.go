// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/registry"
)

// carry takes what was just put in to the bucket, where there is one. What it
// does not take now waits.
func (p *program) carry(ctx context.Context, reg *registry.Registry) {
	if err := reg.Carry(ctx); err != nil {
		fmt.Fprintf(p.err, "kua: what goes to the bucket, or out of it, waits in the folder: %s. It goes when the register is served, with the next file, or with 'kua evidence place send'.\n", oneLine(err))
	}
}

func (p *program) placeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "place",
		Short: "Say where sealed files are, and whether the bucket answers; exit code 3 where it does not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.Place(cmd.Context(), session, true)
			if err != nil {
				return err
			}
			if err := p.showPlace(v); err != nil {
				return err
			}
			if v.Why != "" {
				return errFindings
			}
			return nil
		},
	}
	cmd.AddCommand(p.placeS3Command(), p.placeFolderCommand(), p.placeSendCommand())
	return cmd
}

// showPlace says where sealed files are.
func (p *program) showPlace(v registry.PlaceView) error {
	if p.json {
		out := map[string]any{"place": "folder", "here": v.Here, "away": v.Away, "going": v.Going}
		if v.On {
			out["place"], out["home"], out["versions"], out["locked"], out["why"] = "s3", v.Home, v.Versions, v.Locked, v.Why
			out["endpoint"], out["bucket"], out["region"], out["prefix"], out["access_key"] = v.Bucket.Endpoint, v.Bucket.Name, v.Bucket.Region, v.Bucket.Prefix, v.Bucket.AccessKey
		}
		return printJSON(p.out, out)
	}
	if !v.On {
		fmt.Fprintf(p.out, "Sealed files stay in the folder of the register: %d.\n", v.Here)
	} else {
		fmt.Fprintf(p.out, "Sealed files stay in the bucket %s at %s, under %q, by the key %s.\n", v.Bucket.Name, v.Bucket.Endpoint, v.Bucket.Prefix+"<id>", v.Bucket.AccessKey)
		fmt.Fprintf(p.out, "In the bucket: %d. In the folder: %d", v.Away, v.Here)
		switch {
		case v.Home:
			fmt.Fprint(p.out, "; they are being brought home: 'kua evidence place folder' goes on with it")
		case v.Here > 0:
			fmt.Fprint(p.out, ", on their way to the bucket")
		}
		fmt.Fprintln(p.out, ".")
		if v.Versions {
			fmt.Fprintln(p.out, "The bucket keeps older versions: what is erased is taken out of them too.")
		}
		if v.Locked {
			fmt.Fprintln(p.out, "The bucket can be locked: it may keep what was erased, sealed under a key that is destroyed, until the lock ends.")
		}
	}
	if v.Going > 0 {
		fmt.Fprintf(p.out, "Still to be taken out of the bucket, because they were erased or brought home: %d.\n", v.Going)
	}
	if v.Why != "" {
		fmt.Fprintf(p.out, "The bucket was asked: %s.\n", v.Why)
	}
	return nil
}

func (p *program) placeS3Command() *cobra.Command {
	var b registry.Bucket
	var secretFile string
	cmd := &cobra.Command{
		Use:   "s3 --endpoint URL --bucket NAME --access-key KEY --secret-file FILE",
		Short: "Let sealed files stay in a bucket of an object store that speaks S3",
		Long: `Let sealed files stay in a bucket of an object store that speaks S3. The store
is given sealed bytes under random names; it learns how many files there are, how
large about, and when they come and go.

The bucket is tried first, with a few random bytes. Files come in on this disk, as
before, and leave it when the bucket has all of them; while it does not answer they
wait here, and are read from here. The secret is read from a file and sealed. TLS
is required, but on this machine. Give the register a bucket or a prefix of its
own, and a key that can do no more than list, read, write and delete there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if b.Endpoint == "" || b.Name == "" || b.AccessKey == "" {
				return usage("give --endpoint, --bucket, --access-key and --secret-file")
			}
			if secretFile != "" {
				if b.Secret, err = p.secret(secretFile, "", "the secret of the access key", "--secret-file"); err != nil {
					return err
				}
			}
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			v, err := reg.SetPlace(cmd.Context(), session, b)
			if err != nil {
				return err
			}
			if err := p.showPlace(v); err != nil || p.json || v.Here == 0 {
				return err
			}
			fmt.Fprintln(p.out, "They go when the register is served, or now: kua evidence place send")
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&b.Endpoint, "endpoint", "", "the store's `address`, as https://s3.example")
	flags.StringVar(&b.Name, "bucket", "", "the bucket's `name`; it must be there")
	flags.StringVar(&b.Region, "region", "", "its `region`, where the store has several")
	flags.StringVar(&b.Prefix, "prefix", "", "what the `name` of each object begins with, as kua/")
	flags.StringVar(&b.AccessKey, "access-key", "", "the `id` of the access key")
	flags.StringVar(&secretFile, "secret-file", "", "`file` whose first line is the key's secret (- is standard input); may be left out for the same bucket and key")
	return cmd
}

func (p *program) placeFolderCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "folder",
		Short: "Bring all sealed files back from the bucket to the folder of the register",
		Long: `Bring all sealed files back from the bucket to the folder of the register, and let
go of the bucket. Each is held against what left. Whatever stops it, the same
command goes on where it was.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			bar := p.progress("files", 0)
			v, err := reg.EndPlace(cmd.Context(), session, bar.step)
			bar.end()
			if err != nil {
				return err
			}
			if err := p.showPlace(v); err != nil || p.json || v.Going == 0 {
				return err
			}
			fmt.Fprintln(p.out, "The bucket did not let go of them: take them out there yourself.")
			return nil
		},
	}
}

func (p *program) placeSendCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "send",
		Short: "Take the files that wait to the bucket, and those of what was erased out of it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			if err := reg.Carry(cmd.Context()); err != nil {
				return fmt.Errorf("files wait in the folder, and nothing is lost: %w", err)
			}
			v, err := reg.Place(cmd.Context(), session, false)
			if err != nil {
				return err
			}
			return p.showPlace(v)
		},
	}
}
