// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build unix

package main

import (
	"context"
	"os"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kua-registry/kua/internal/ledger/pgstore/pgtest"
)

// hasPostgres is the condition [postgres] of scripts.
func hasPostgres() bool { return pgtest.Bin() != "" }

// serveDatabase starts a PostgreSQL for a script and writes its address: database FILE.
func serveDatabase(ts *testscript.TestScript, _ bool, args []string) {
	c, err := pgtest.New(context.Background(), pgtest.Bin(), "fsync=off")
	ts.Check(err)
	ts.Defer(func() { ts.Check(c.Close()) })
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(c.URL()+" password=a-password\n"), 0o600))
}
