// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// programDirs are where programs are looked for: never in the folder one is in,
// nor where a member can write.
var programDirs = []string{"/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/bin"}

// find is the path of an installed program, empty where there is none.
func find(name string) string {
	for _, dir := range programDirs {
		p := filepath.Join(dir, name)
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return p
		}
	}
	return ""
}

// command is a program that reads from in, with nothing of our environment.
func command(ctx context.Context, path string, in io.Reader, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent", "TMPDIR=/nonexistent", "OMP_THREAD_LIMIT=1"}
	cmd.Dir = "/"
	cmd.Stdin = in
	return cmd
}

// output is what a program writes, cut at a number of bytes, and whether it ended well.
func output(ctx context.Context, most int, path string, in []byte, args ...string) (out []byte, complaint string, err error) {
	o, e := &cut{left: most}, &cut{left: 4096}
	cmd := command(ctx, path, bytes.NewReader(in), args...)
	cmd.Stdout, cmd.Stderr = o, e
	err = cmd.Run()
	return o.Bytes(), e.String(), err
}

// cut keeps the beginning of what is written and lets the rest go.
type cut struct {
	bytes.Buffer
	left int
	over bool
}

func (c *cut) Write(p []byte) (int, error) {
	keep := p
	if len(keep) > c.left {
		keep, c.over = keep[:c.left], true
	}
	c.left -= len(keep)
	c.Buffer.Write(keep)
	return len(p), nil
}
