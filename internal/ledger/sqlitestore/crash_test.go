// SPDX-License-Identifier: AGPL-3.0-or-later

package sqlitestore

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// KUA_CRASHES is how often the writing process is killed; KUA_CRASH_SEED
// repeats a run as far as the machine's timing lets it.
const defaultCrashes = 30

// crashDir tells a test binary to be the process that is killed.
const crashDir = "KUA_CRASH_DIR"

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		fmt.Fprintln(os.Stderr, crashWriter(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const crashPass = "a passphrase of the test"

func crashStretch() seal.Stretch { return seal.Stretch{MemoryKiB: 8, Passes: 1, Lanes: 1} }

// crashWriter appends with several writers until it is killed, and says each
// position that was acknowledged, with the hash that must be there.
func crashWriter(dir string) error {
	ctx := context.Background()
	b, err := os.ReadFile(filepath.Join(dir, "node"))
	if err != nil {
		return err
	}
	locked, err := seal.DecodeLocked(b)
	if err != nil {
		return err
	}
	node, err := locked.OpenPassphrase(crashPass, crashStretch())
	if err != nil {
		return err
	}
	l, err := crashOpen(dir, node.Identity)
	if err != nil {
		return err
	}
	var out sync.Mutex
	say := json.NewEncoder(os.Stdout)
	errs := make(chan error)
	for range 4 {
		go func() {
			errs <- func() error {
				for {
					stream, keys := ledger.NewID(), seal.NewCaseKeys()
					drafts := make([]ledger.Draft, 1+rand.IntN(4))
					for i := range drafts {
						drafts[i] = ledger.Draft{Stream: stream, Version: uint64(i + 1), Keys: keys, Content: ledger.Content{
							Kind: "note", Record: stream, Op: ledger.Put, At: time.UnixMilli(1),
							Fact: map[string][]string{"n": {strconv.Itoa(i)}},
						}}
					}
					entries, err := ledger.SealAll(l.ID(), node.Identity, drafts)
					if err != nil {
						return err
					}
					wrapped, err := ledger.WrapCaseKeys(seal.NewVault(), stream, keys)
					if err != nil {
						return err
					}
					first, err := l.Append(ctx, ledger.Batch{Entries: entries, Keys: wrapped})
					if err != nil {
						return err
					}
					for i, e := range entries {
						out.Lock()
						err := say.Encode(acknowledged{first + uint64(i), e.Hash()})
						out.Unlock()
						if err != nil {
							return err
						}
					}
				}
			}()
		}()
	}
	return <-errs
}

type acknowledged struct {
	Pos  uint64
	Hash ledger.Hash
}

func crashOpen(dir string, node *seal.Identity) (*ledger.Log, error) {
	ctx := context.Background()
	path := filepath.Join(dir, "ledger.db")
	store, err := Open(ctx, path, Options{Key: &[32]byte{1}, Create: true})
	if err != nil {
		return nil, err
	}
	o := ledger.Options{Signer: node, HeadFile: filepath.Join(dir, "head")}
	if meta, err := store.Meta(ctx, "ledger"); err != nil || meta != nil {
		return ledger.Open(ctx, store, o)
	}
	return ledger.Create(ctx, store, o)
}

// TestCrash kills a writing process again and again, at any moment. Each time
// all that it acknowledged must be there, and the whole ledger must verify.
func TestCrash(t *testing.T) {
	crashes := defaultCrashes
	if n, err := strconv.Atoi(os.Getenv("KUA_CRASHES")); err == nil {
		crashes = n
	}
	seed := rand.Uint64()
	if n, err := strconv.ParseUint(os.Getenv("KUA_CRASH_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("KUA_CRASH_SEED=%d KUA_CRASHES=%d", seed, crashes)
	rng := rand.New(rand.NewPCG(seed, 0))

	dir := t.TempDir()
	node, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	locked, err := seal.LockPassphrase(node, "node", crashPass, crashStretch())
	if err != nil {
		t.Fatal(err)
	}
	b, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	known := map[uint64]ledger.Hash{}
	for range crashes {
		crash(t, dir, rng, known)
		l, err := crashOpen(dir, node)
		if err != nil {
			t.Fatalf("after a crash: %v", err)
		}
		report, err := l.Verify(context.Background(), ledger.VerifyOptions{})
		if err != nil || report.Fault != nil {
			t.Fatalf("after a crash: %v, %v", report, err)
		}
		found := 0
		err = l.Scan(context.Background(), 0, 1<<62, func(e ledger.Entry) error {
			if want, ok := known[e.Pos]; ok {
				found++
				if e.Hash() != want {
					return fmt.Errorf("entry %d is another one than was acknowledged", e.Pos)
				}
			}
			return nil
		})
		if err != nil || found != len(known) {
			t.Fatalf("%d of %d acknowledged entries are there: %v", found, len(known), err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged entries outlived %d crashes", len(known), crashes)
	if len(known) == 0 {
		t.Error("nothing was ever acknowledged: the test shows nothing")
	}
}

// crash starts a writing process and kills it once it has acknowledged some
// entries, or while it opens.
func crash(t *testing.T, dir string, rng *rand.Rand, known map[uint64]ledger.Hash) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() { _ = cmd.Process.Kill() } // it may be dead already
	atEntry, delay := rng.IntN(120), time.Duration(rng.IntN(3000))*time.Microsecond
	if rng.IntN(6) == 0 { // while it opens
		atEntry, delay = -1, time.Duration(rng.IntN(30))*time.Millisecond
		time.AfterFunc(delay, kill)
	}
	n := 0
	for lines := bufio.NewScanner(pipe); lines.Scan(); n++ {
		var a acknowledged
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			continue // the line that the kill cut short
		}
		known[a.Pos] = a.Hash
		if n == atEntry {
			time.AfterFunc(delay, kill)
		}
	}
	_ = cmd.Wait() // killed
	if state := cmd.ProcessState; state.Exited() {
		t.Fatalf("the writing process ended by itself: %v", state)
	}
}
