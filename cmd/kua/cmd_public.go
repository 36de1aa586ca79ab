// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/public"
	"github.com/kua-registry/kua/internal/registry"
)

// publicDir is the folder of the public page in a register: plain files, on
// purpose, of nothing but what was published.
func publicDir(dir string) string { return filepath.Join(dir, "public") }

func (p *program) publicCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "public",
		Short: "The public page: what was published, for everybody, as plain files",
		Long: `The public page is made of plain files in the folder 'public' of the register:
the published statements in all formats with their manifests, each figure with
its definition, badges, figures.json and figures.csv. Nothing of a case is in it
but what was published. Any web server can serve the folder, and so does
'kua serve --public ADDRESS'. There is none until it is switched on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.publicOnCommand(), p.publicOffCommand(), p.publicWriteCommand())
	return cmd
}

func (p *program) publicOnCommand() *cobra.Command {
	page := registry.PublicPage{On: true}
	cmd := &cobra.Command{
		Use:   "on --name NAME",
		Short: "Switch the public page on, and write it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.setPublic(cmd.Context(), page)
		},
	}
	cmd.Flags().StringVar(&page.Name, "name", "", "who publishes, as readers know you")
	cmd.Flags().StringVar(&page.Address, "address", "", "where the page is reached, as https://kua.example/")
	return cmd
}

func (p *program) publicOffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "off",
		Short: "Switch the public page off, and take its files away",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.setPublic(cmd.Context(), registry.PublicPage{})
		},
	}
}

func (p *program) setPublic(ctx context.Context, page registry.PublicPage) error {
	reg, session, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	if err := reg.SetPublicPage(ctx, session, page); err != nil {
		return err
	}
	return p.writePublic(ctx, reg, "")
}

func (p *program) publicWriteCommand() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "write",
		Short: "Write the files of the public page now",
		Long: `Count every published figure again and write the files of the public page. A
served register does so by itself: after each publication, and every day.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, session, err := p.read(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			page, may, err := reg.PublicPage(cmd.Context(), session)
			switch {
			case err != nil:
				return err
			case !may:
				return registry.ErrNotAllowed
			case !page.On:
				return errors.New("there is no public page: switch it on with 'kua public on --name NAME'")
			}
			return p.writePublic(cmd.Context(), reg, to)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "another `folder` to write to; the folder 'public' of the register where it is not given")
	return cmd
}

// writePublic writes the public page, or takes it away where there is to be none.
func (p *program) writePublic(ctx context.Context, reg *registry.Registry, to string) error {
	if to == "" {
		to = publicDir(p.registry)
	}
	site, err := reg.PublicSite(ctx)
	if err != nil {
		return err
	}
	if !site.On {
		if err := public.Remove(to); err != nil {
			return err
		}
		fmt.Fprintln(p.out, "There is no public page.")
		return nil
	}
	words, err := locale.Load()
	if err != nil {
		return err
	}
	n, err := putPublic(to, site, reg, words)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "The public page is in %s: %d files; statements: %d.\n", to, n, len(site.Statements))
	return nil
}

// refreshPublic writes the public page anew where there is one, and says nothing.
func (p *program) refreshPublic(ctx context.Context, reg *registry.Registry) error {
	site, err := reg.PublicSite(ctx)
	if err != nil || !site.On {
		return err
	}
	words, err := locale.Load()
	if err != nil {
		return err
	}
	_, err = putPublic(publicDir(p.registry), site, reg, words)
	return err
}

// putPublic writes the files of a site, and answers how many.
func putPublic(to string, site registry.PublicSite, reg *registry.Registry, words *locale.Catalogue) (int, error) {
	page := public.Site{Name: site.Name, Address: site.Address, Register: site.Register, Key: site.Key, Day: site.Day}
	for _, s := range site.Statements {
		page.Statements = append(page.Statements, public.Statement{
			ID: s.ID, Titles: s.Text.Titles, Texts: s.Text.Texts, Filling: s.Filling, Manifest: s.Manifest, Published: s.Published,
			Corrects: s.Corrects, CorrectedBy: s.CorrectedBy, Verified: s.Verified, Withheld: s.Withheld,
		})
	}
	files, err := public.Files(page, words, reg.Book())
	if err != nil {
		return 0, err
	}
	return len(files), public.Write(to, files)
}

// refreshPublic writes the public page anew where it would be another: after a
// publication, on another day, when a consent was withdrawn.
func (h *host) refreshPublic(ctx context.Context, reg *registry.Registry) error {
	stamp, err := reg.PublicStamp(ctx)
	if err != nil || stamp == h.publicStamp {
		return err
	}
	if stamp == "" {
		err = public.Remove(publicDir(h.dir))
	} else {
		var site registry.PublicSite
		if site, err = reg.PublicSite(ctx); err == nil {
			_, err = putPublic(publicDir(h.dir), site, reg, h.words)
		}
	}
	if err == nil {
		h.publicStamp = stamp
	}
	return err
}

// servePublic serves the public page beside the register's pages, from its
// folder alone: it knows no register, is there when that is locked, and no
// request to it reaches anything else. It ends with the context.
func (h *host) servePublic(ctx context.Context, listener net.Listener) {
	server := &http.Server{
		Handler:           h.how.reach.front(public.Handler(publicDir(h.dir))),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := serveOn(server, listener, h.config); err != nil {
		h.log.Error("the public page is not served any more: start the program again")
	}
}
