// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Command is the hidden command by which the program starts itself to open a file.
const Command = "safe-copy"

// The walls around the child process, as they stand in Report.Walls.
const (
	WallNetwork = "network namespace" // it has no network but its own, empty one
	WallTCP     = "landlock network"  // it may open no TCP connection and no port
	WallSockets = "seccomp"           // it can't make a socket at all
	WallFiles   = "landlock files"    // it may open no file but, for a PDF, the programs that render it
	WallLimits  = "limits"            // memory, processor time, files written, no core dump
)

// Walls lists every wall there is, for those who say which are missing.
func Walls() []string { return []string{WallNetwork, WallTCP, WallSockets, WallFiles, WallLimits} }

// maxReport is how much a child may say: its text, its metadata, a thumbnail.
const maxReport = 16 << 20

// Run does what Make does, in a child process: executable, which is the running
// program, is started with Command and is shut in as far as the system allows;
// the report says how far. A child that fails is a refusal. What was written to
// out before an error is no copy and must be thrown away.
func Run(ctx context.Context, executable string, job Job, in io.Reader, out io.Writer) (Report, error) {
	return start(ctx, executable, Command, job, in, out)
}

func start(ctx context.Context, executable, arg string, job Job, in io.Reader, out io.Writer) (Report, error) {
	head, err := json.Marshal(job)
	if err != nil {
		return Report{}, fmt.Errorf("the job can't be written: %w", err)
	}
	// The child ends by itself when its time is over; a second more and it is ended.
	ctx, cancel := context.WithTimeout(ctx, job.Limits.Time+time.Second)
	defer cancel()
	said := &cut{left: maxReport}
	copied := &bounded{to: out, left: job.Limits.Bytes}
	prepare := func() (*exec.Cmd, io.WriteCloser, error) {
		cmd := exec.CommandContext(ctx, executable, arg)
		cmd.Env = []string{"GOTRACEBACK=none"} // a crash must not print what was in memory
		cmd.Dir = "/"
		cmd.Stdout, cmd.Stderr = copied, said
		cmd.WaitDelay = time.Second
		group(cmd)
		file, err := cmd.StdinPipe()
		return cmd, file, err
	}
	cmd, file, err := prepare()
	if err != nil {
		return Report{}, fmt.Errorf("the process that opens files doesn't start: %w", err)
	}
	var walls []string
	alone := isolate(cmd)
	if alone {
		walls = append(walls, WallNetwork)
	}
	if err = cmd.Start(); err != nil && alone {
		// Not everywhere may a program make a network of its own.
		walls = nil
		if cmd, file, err = prepare(); err == nil {
			err = cmd.Start()
		}
	}
	if err != nil {
		return Report{}, fmt.Errorf("the process that opens files doesn't start: %w", err)
	}
	// Not by the package exec, which would wait for a sender who never ends.
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		defer file.Close()
		if _, err := file.Write(append(head, '\n')); err == nil {
			_, _ = io.Copy(file, io.LimitReader(in, job.Limits.Bytes+1))
		}
	}()
	waited := cmd.Wait()
	_ = endGroup(cmd) // there is none where all went well
	select {
	case <-sent: // the file isn't read any more when this returns
	case <-ctx.Done():
	}

	var report Report
	if err := json.Unmarshal(said.Bytes(), &report); err != nil {
		report = Report{}
		report.Refused = crash(ctx, job.Limits, said.String(), waited)
	}
	report.Walls = append(walls, report.Walls...)
	if copied.over {
		report.Refused = &RefusedError{Code: TooManyBytes, Most: job.Limits.Bytes}
	}
	if report.Refused == nil && waited != nil {
		report.Refused = crash(ctx, job.Limits, "", waited)
	}
	if report.Refused != nil {
		report.Copy = ""
		return report, report.Refused
	}
	return report, nil
}

// crash is why a child ended without a report.
func crash(ctx context.Context, limits Limits, said string, waited error) *RefusedError {
	switch {
	case ctx.Err() != nil, strings.Contains(said, "SIGXCPU"), strings.Contains(fmt.Sprint(waited), "CPU time"):
		return &RefusedError{Code: TooLong}
	case strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"):
		return &RefusedError{Code: TooMuchRAM, Most: limits.Memory}
	}
	return &RefusedError{Code: Crashed}
}

// Child is the child's side of Run: it shuts itself in, reads a job and a file
// from in, writes the copy to out and the report to report. It gives the exit code.
func Child(ctx context.Context, in io.Reader, out, report io.Writer) int {
	return child(ctx, in, out, report, Make)
}

func child(ctx context.Context, in io.Reader, out, to io.Writer, do func(context.Context, Job, io.Reader, io.Writer) (Report, error)) int {
	r := bufio.NewReaderSize(in, 1<<16)
	line, err := r.ReadBytes('\n')
	if err != nil {
		fmt.Fprintln(to, "no job")
		return 2
	}
	var job Job
	if err := json.Unmarshal(line, &job); err != nil {
		fmt.Fprintln(to, "no job that can be read")
		return 2
	}
	debug.SetMemoryLimit(job.Limits.Memory * 3 / 4)
	walls, err := confine(job.Limits)
	if err != nil {
		fmt.Fprintln(to, err)
		return 1
	}
	// What needs no other program needs no file at all.
	head, _ := r.Peek(HeadSize)
	if kind := Sniff(head); kind != PDF && !kind.Recording() && job.Do != Read {
		if err := closeFiles(); err != nil {
			fmt.Fprintln(to, err)
			return 1
		}
	}
	found, err := do(ctx, job, r, out)
	if err != nil && found.Refused == nil && !errors.As(err, &found.Refused) {
		fmt.Fprintln(to, err)
		return 1
	}
	found.Walls = slices.Concat(walls, found.Walls)
	if err := json.NewEncoder(to).Encode(found); err != nil {
		return 1
	}
	return 0
}
