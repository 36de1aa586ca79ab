// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/evidence"
)

func main() {
	size := flag.String("size", "20GB", "how `large` the file is: 100MB, 20GB")
	dir := flag.String("dir", "", "the `folder` to write to; empty: the temporary one")
	store := flag.String("store", "", "take the file to a bucket and back, too, of this `program`: bin/versitygw ('make stores' builds it)")
	with := flag.String("with", "", "of the program itself: vault, age, bucket or plain")
	flag.Parse()
	if err := run(*size, *dir, *with, *store); err != nil {
		fmt.Fprintln(os.Stderr, "bench/evidence:", err)
		os.Exit(1)
	}
}

// run seals with one of the two, or starts itself once for each of them, so that
// neither has the other's memory.
func run(size, dir, with, store string) (err error) {
	n, err := bytes(size)
	if err != nil {
		return err
	}
	if with != "" {
		return one(n, dir, with, store)
	}
	own, err := os.Executable()
	if err != nil {
		return err
	}
	took := map[string]float64{}
	for _, with := range []string{"age", "vault"} {
		cmd := exec.Command(own, "-size", size, "-dir", dir, "-with", with)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", with, err)
		}
		var seconds float64
		var most int
		if _, err := fmt.Sscan(string(out), &seconds, &most); err != nil {
			return fmt.Errorf("%s: %w", with, err)
		}
		took[with] = seconds
		fmt.Printf("%-6s %s in %.1f s, %.0f MB/s, %d MiB of memory at the most\n", with, size, seconds, float64(n)/seconds/1e6, most>>10)
	}
	fmt.Printf("the vault seals at %.2f of the speed of age\n", took["age"]/took["vault"])
	if store == "" {
		return nil
	}
	listen, end, err := serveStore(store, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	for _, with := range []string{"plain", "bucket"} {
		cmd := exec.Command(own, "-size", size, "-dir", dir, "-with", with, "-store", listen)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w", with, err)
		}
		var in, there, back float64
		var most int
		if _, err := fmt.Sscan(string(out), &in, &there, &back, &most); err != nil {
			return fmt.Errorf("%s: %w", with, err)
		}
		speed := func(seconds float64) float64 { return float64(n) / seconds / 1e6 }
		fmt.Printf("%-6s %s on the disk at %.0f MB/s, to the bucket at %.0f, read from there at %.0f, %d MiB of memory at the most\n", with, size, speed(in), speed(there), speed(back), most>>10)
		took[with] = there
	}
	fmt.Printf("what is sealed goes to the bucket at %.2f of the speed of what is not and is not checked\n", took["plain"]/took["bucket"])
	return nil
}

// bytes reads a size such as 20GB.
func bytes(size string) (int64, error) {
	for unit, factor := range map[string]int64{"KB": 1e3, "MB": 1e6, "GB": 1e9} {
		if text, ok := strings.CutSuffix(size, unit); ok {
			n, err := strconv.ParseInt(text, 10, 64)
			return n * factor, err
		}
	}
	return 0, fmt.Errorf("-size %q: say it as 100MB or 20GB", size)
}

// source is a file that is made up as it is read: no two of its pieces are alike.
type source struct {
	block [1 << 20]byte
	at    int
	n     uint64
}

func (s *source) Read(p []byte) (int, error) {
	if s.at == 0 {
		binary.LittleEndian.PutUint64(s.block[:], s.n)
		s.n++
	}
	n := copy(p, s.block[s.at:])
	s.at = (s.at + n) % len(s.block)
	return n, nil
}

func one(n int64, parent, with, listen string) (err error) {
	dir, err := os.MkdirTemp(parent, "kua-evidence-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	made := &source{}
	if _, err := rand.Read(made.block[:]); err != nil {
		return err
	}
	in := io.LimitReader(made, n)
	start := time.Now()
	switch with {
	case "vault":
		var id evidence.ID
		if _, err := rand.Read(id[:]); err != nil {
			return err
		}
		v := evidence.Open(dir)
		if _, err := v.Put(context.Background(), id, in, n); err != nil {
			return err
		}
		err = v.Keep(id)
	case "age":
		err = withAge(dir, in)
	case "bucket", "plain":
		var took []float64
		if with == "bucket" {
			took, err = carried(n, dir, listen, in)
		} else {
			took, err = alone(dir, listen, in)
		}
		if err != nil {
			return err
		}
		fmt.Print(took[0], " ", took[1], " ", took[2], " ")
	default:
		err = fmt.Errorf("-with %q", with)
	}
	if err != nil {
		return err
	}
	took := time.Since(start).Seconds()
	most, err := peak()
	if err != nil {
		return err
	}
	if with == "bucket" || with == "plain" {
		fmt.Println(most)
		return nil
	}
	fmt.Println(took, most)
	return nil
}

func withAge(dir string, in io.Reader) error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "age"))
	if err != nil {
		return err
	}
	w, err := age.Encrypt(f, identity.Recipient())
	if err == nil {
		_, err = io.Copy(w, in)
		err = errors.Join(err, w.Close())
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// peak is the most memory that this process had, in KiB.
func peak() (int, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "VmHWM:"); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(rest, "kB")))
		}
	}
	return 0, errors.New("/proc/self/status has no VmHWM: this is measured on Linux")
}
