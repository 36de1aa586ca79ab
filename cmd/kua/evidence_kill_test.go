// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var thorough = flag.Bool("thorough", false, "what is killed is 1 GB, and more moments are tried")

// TestFileKilled kills the program, as kill -9 does, at random moments while it
// puts a file into a case and takes it to a bucket. The same command goes on where
// it was each time; in the end the file is in the bucket once, with the right hash,
// and nothing else is anywhere. What was in the register before is whole after
// every kill.
func TestFileKilled(t *testing.T) {
	size, kills := int64(8<<20), 8
	if *thorough {
		size, kills = 1<<30, 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pass := write("pass", "words for a register that will be killed\n")
	mapping := write("map.yaml", killMapping)
	list := write("list.csv", "No,Received,Family,Sex,Day\n1,2022-01-06,Invented,m,2022-01-05\n")
	reg := filepath.Join(dir, "r")
	open := []string{"--registry", reg, "--passphrase-file", pass}
	child := func(after time.Duration, args ...string) error {
		ctx, cancel := context.WithTimeout(context.Background(), after)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], append(args, open...)...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		cmd.WaitDelay = time.Second
		return cmd.Run()
	}
	for _, args := range [][]string{{"init", reg}, {"import", list, "--map", mapping, "--org", "Invented"}, {"evidence", "add", "1", list}} {
		if err := child(time.Hour, args...); err != nil {
			t.Fatalf("%v: %v", args, err)
		}
	}
	store := newObjectStore(t)
	if !*thorough { // the store is in memory
		if err := child(time.Hour, "evidence", "place", "s3", "--endpoint", store.URL, "--bucket", "north", "--region", "us-east-1", "--prefix", "kua/", "--access-key", "north-key", "--secret-file", write("secret", storeSecret+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	// How long the whole takes is measured once, so that the kills fall all over it.
	other := filepath.Join(dir, "other")
	makeUp(t, other, size, seed+1)
	start := time.Now()
	if err := child(time.Hour, "evidence", "add", "1", other); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)

	// Each file is killed again and again until it is in, and then the next.
	killed, there := 0, 2
	for ; killed < kills && there < 2+kills; there++ {
		film := filepath.Join(dir, fmt.Sprintf("film%d.mp4", there))
		want := makeUp(t, film, size, seed+uint64(there))
		adding := []string{"evidence", "add", "1", film}
		for killed < kills && child(time.Duration(r.Int64N(int64(whole))), adding...) != nil {
			killed++
		}
		var added sealedFile
		answer(t, &added, append(append(adding, "--json"), open...)...)
		if added.SHA256 != want || added.Bytes != size {
			t.Errorf("after %d kills: %+v, and its SHA-256 is %s", killed, added, want)
		}
		os.Remove(film)
	}
	var listed struct{ Files []sealedFile }
	answer(t, &listed, append([]string{"evidence", "list", "1", "--json"}, open...)...)
	if len(listed.Files) != there {
		t.Errorf("after %d kills there are %d files, not %d", killed, len(listed.Files), there)
	}
	var verified struct {
		Problem string
		Files   int
	}
	answer(t, &verified, append([]string{"evidence", "verify", "--json"}, open...)...)
	if verified.Problem != "" || verified.Files != there {
		t.Errorf("after %d kills: %+v", killed, verified)
	}
	left, err := os.ReadDir(filepath.Join(reg, "evidence"))
	if err != nil || len(left) != there {
		t.Errorf("after %d kills %d files are left, not %d: %v", killed, len(left), there, err)
	}
	if !*thorough {
		for _, f := range left {
			if filepath.Ext(f.Name()) != ".away" {
				t.Errorf("after %d kills %s did not go to the bucket", killed, f.Name())
			}
		}
		if has := store.names(t); len(has) != there {
			t.Errorf("after %d kills the bucket has %d objects, not %d", killed, len(has), there)
		}
	}
	t.Logf("killed %d times, %d files, %v for a whole one", killed, there-2, whole)
}

// makeUp writes a file that means nothing, and answers its SHA-256.
func makeUp(t *testing.T, path string, size int64, seed uint64) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	var key [32]byte
	key[0], key[1], key[2] = byte(seed), byte(seed>>8), byte(seed>>16)
	sum, out := sha256.New(), bufio.NewWriterSize(f, 1<<20)
	_, err = io.CopyN(io.MultiWriter(sum, out), rand.NewChaCha8(key), size)
	if err = errors.Join(err, out.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
