// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !unix

package main

import "github.com/rogpeppe/go-internal/testscript"

// hasPostgres is the condition [postgres] of scripts: the one for tests runs on Unix alone.
func hasPostgres() bool { return false }

func serveDatabase(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("there is no PostgreSQL for tests on this system")
}
