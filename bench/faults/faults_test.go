// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux && e2e

package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFaults makes one run of each form, by a seed that is drawn anew and said.
func TestFaults(t *testing.T) {
	program := filepath.Join(t.TempDir(), "faults")
	if said, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	said, err := exec.Command(program, "-runs", "3").CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Error(err)
	}
}
