// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kua-registry/kua/internal/seal"
)

// today is the day on which the scripts run.
var today = time.Date(2022, 7, 1, 9, 0, 0, 0, time.UTC)

// quick stretches passphrases as little as a key file may be made with: the
// scripts open a register a hundred times.
func quick() seal.Stretch { return seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kua": func() {
			p := &program{now: func() time.Time { return today }, stretch: quick()}
			os.Exit(p.run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("EXAMPLES", examples)
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("KUA_REGISTRY", "")
			return nil
		},
	})
}
