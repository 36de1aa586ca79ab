// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/web"
)

// How long a client may take. A slow line is not an attack; a client that
// sends a byte a minute is.
const (
	headerTimeout   = 20 * time.Second
	requestTimeout  = 2 * time.Minute
	idleTimeout     = 3 * time.Minute
	shutdownTimeout = 5 * time.Second
)

// defaultListen is loopback: what goes beyond this machine is a decision of the administrator's.
const defaultListen = "127.0.0.1:8470"

func (p *program) serveCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the pages",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg, _, err := p.open(cmd.Context())
			if err != nil {
				return err
			}
			defer reg.Close()
			return p.serve(cmd.Context(), reg, listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", defaultListen, "`address` to listen on")
	return cmd
}

// serve serves the pages until the context ends.
func (p *program) serve(ctx context.Context, reg *registry.Registry, listen string) error {
	catalogue, err := locale.Load()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("the pages can't be served on %s: %w; give another address with --listen", listen, err)
	}
	log := slog.New(slog.NewTextHandler(p.err, nil))
	handler, err := web.New(reg, catalogue, web.Options{Logger: log})
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      requestTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	go tend(ctx, reg, log)
	fmt.Fprintf(p.out, "The pages are at http://%s — end with Ctrl-C.\n", listener.Addr())
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ending); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// tend looks after a register that stays open: the month may turn.
func tend(ctx context.Context, reg *registry.Registry, log *slog.Logger) {
	ticks := time.NewTicker(tendEvery)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			if err := reg.Tend(ctx); err != nil && ctx.Err() == nil {
				log.Error("what the clock asks for could not be done", slog.Any("error", err))
			}
		}
	}
}
