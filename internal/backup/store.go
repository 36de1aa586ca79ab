// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kua-registry/kua/internal/bucket"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/wholefile"
)

// Store keeps named bytes that it can't read.
type Store interface {
	// Put keeps bytes under a name, in the place of what was there: whole or not
	// at all, and durably when it answers.
	Put(ctx context.Context, name string, b []byte) error
	// Get reads them: fs.ErrNotExist where there are none.
	Get(ctx context.Context, name string) ([]byte, error)
	// Each calls f with every name of a kind, and how many bytes are under it.
	Each(ctx context.Context, kind string, f func(name string, size int64) error) error
	// Remove takes a name away. Nothing there is no error.
	Remove(ctx context.Context, name string) error
	// Lock keeps others from writing until it is released: ErrBusy where somebody
	// else writes.
	Lock(ctx context.Context) (release func() error, err error)
}

// What is in the way of backups.
var (
	// ErrBusy says that another program makes, or takes away, backups there.
	ErrBusy = errors.New("another program is making or taking away backups there: wait until it has ended, then try again")
	// ErrNone says that there is no backup.
	ErrNone = errors.New("there is no backup there")
	// ErrDamaged says that something is not what was put there.
	ErrDamaged = errors.New("it is not what was put there")
	// ErrNewer says that a newer program has written it.
	ErrNewer = errors.New("written by a newer version of this program: install that version; nothing was changed")
)

// The kinds of names.
const (
	kindPiece  = "pieces"
	kindBackup = "backups"
	kindKeys   = "keys"
	kindLock   = "locks"
)

// maxObject is the most that is read of a name.
const maxObject = 256 << 20

// unfinished is the name of a file that is being written.
const unfinished = ".new-*"

// Folder keeps backups in a folder: of a disk, a stick, a share.
type Folder struct {
	dir  string
	is   fs.FileInfo // of dir when it was opened
	lock func(path string) (*os.File, error)
}

// OpenFolder is the store in a folder, which must be there. lock takes a lock of
// the system on a file beside path, ledger.ErrLocked where another has it, which
// ends with the process.
func OpenFolder(dir string, lock func(path string) (*os.File, error)) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the folder %s is not there: is the medium plugged in, and the name right? For a first backup make the folder, then try again", dir)
	case err != nil:
		return nil, closed(dir, err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file: give the folder in which the backups are", dir)
	}
	return &Folder{dir, info, lock}, nil
}

// closed says what helps where the system lets nobody read or write.
func closed(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("nothing can be written to %s: the medium is write-protected; take the protection off, or give another folder (%w)", dir, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not use the folder %s: give it to the user who runs the program, or give another folder (%w)", dir, err)
	}
	return err
}

// ErrGone says that a folder of backups was taken away while it was used.
var ErrGone = errors.New("the folder of the backups is not there any more: was the medium pulled out? Plug it in and begin again; what was written is gone on from")

// there sees that the folder is still the one that was opened: where a stick was
// pulled out its name may be left, and be a folder of this machine's own disk.
func (f *Folder) there() error {
	if info, err := os.Stat(f.dir); err != nil || !os.SameFile(info, f.is) {
		return fmt.Errorf("%s: %w", f.dir, ErrGone)
	}
	return nil
}

// whyNot says of what failed that the folder is gone, or closed, where it is.
func (f *Folder) whyNot(err error) error {
	if err == nil {
		return nil
	}
	if gone := f.there(); gone != nil {
		return gone
	}
	return closed(f.dir, err)
}

// path is where a name lies. Pieces lie in 256 folders: what a stick is formatted
// with takes only so many in one.
func (f *Folder) path(name string) string {
	kind, rest, _ := strings.Cut(name, "/")
	if kind == kindPiece && len(rest) > 2 {
		return filepath.Join(f.dir, kind, rest[:2], rest)
	}
	return filepath.Join(f.dir, kind, rest)
}

// Put implements Store, as do all methods below.
func (f *Folder) Put(ctx context.Context, name string, b []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	at := f.path(name)
	if err := f.there(); err != nil {
		return err
	}
	if err := makeDirs(f.dir, filepath.Dir(at)); err != nil {
		return f.whyNot(err)
	}
	return f.whyNot(wholefile.WriteBytes(at, unfinished, b))
}

// makeDirs makes the folders below top that lead to dir, durably.
func makeDirs(top, dir string) error {
	if dir == top {
		return nil
	}
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := makeDirs(top, filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return wholefile.SyncDir(filepath.Dir(dir))
}

func (f *Folder) Get(ctx context.Context, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in, err := os.Open(f.path(name))
	if err != nil {
		return nil, f.whyNot(err)
	}
	defer in.Close()
	b, err := readAll(in)
	return b, f.whyNot(err)
}

func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxObject+1))
	if err == nil && len(b) > maxObject {
		err = ErrDamaged
	}
	return b, err
}

func (f *Folder) Each(ctx context.Context, kind string, do func(name string, size int64) error) error {
	err := filepath.WalkDir(filepath.Join(f.dir, kind), func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // taken away meanwhile, or there never was any
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return do(path.Join(kind, d.Name()), info.Size())
	})
	return f.whyNot(err)
}

func (f *Folder) Remove(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f.there(); err != nil {
		return err
	}
	if err := os.Remove(f.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.whyNot(err)
	}
	return nil
}

func (f *Folder) Lock(context.Context) (func() error, error) {
	held, err := f.lock(filepath.Join(f.dir, "kua-backup"))
	if errors.Is(err, ledger.ErrLocked) {
		err = ErrBusy
	}
	if err != nil {
		return nil, f.whyNot(err)
	}
	for _, pattern := range []string{unfinished, "*/" + unfinished, "*/*/" + unfinished} { // what was being written when a program ended
		left, err := filepath.Glob(filepath.Join(f.dir, pattern))
		if err != nil {
			return nil, errors.Join(err, held.Close())
		}
		for _, file := range left {
			if err := os.Remove(file); err != nil {
				return nil, errors.Join(err, held.Close())
			}
		}
	}
	// Kept open, so that it is known by its number while there is something to write:
	// some systems give a folder that nobody uses another one.
	top, err := os.Open(f.dir)
	if err != nil {
		return nil, errors.Join(f.whyNot(err), held.Close())
	}
	release := func() error { return errors.Join(top.Close(), held.Close()) }
	if f.is, err = top.Stat(); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// Bucket keeps backups in a bucket of an object store.
type Bucket struct {
	at  *bucket.Bucket
	now func() time.Time
}

// OpenBucket is the store in a bucket, below the prefix it was opened with.
func OpenBucket(at *bucket.Bucket, now func() time.Time) *Bucket { return &Bucket{at, now} }

// key is a name as the bucket has it: it lists what lies in no folder.
func key(name string) string { return strings.Replace(name, "/", "-", 1) }

// Put implements Store, as do all methods below.
func (b *Bucket) Put(ctx context.Context, name string, text []byte) error {
	_, err := b.at.Put(ctx, key(name), bytes.NewReader(text), int64(len(text)))
	return err
}

func (b *Bucket) Get(ctx context.Context, name string) (_ []byte, err error) {
	size, err := b.at.Size(ctx, key(name))
	if err != nil {
		return nil, err
	}
	if size == 0 || size > maxObject {
		return nil, ErrDamaged
	}
	r, err := b.at.Get(ctx, key(name), 0, size)
	if err != nil {
		return nil, err
	}
	text, err := readAll(r)
	return text, errors.Join(err, r.Close())
}

func (b *Bucket) Each(ctx context.Context, kind string, f func(name string, size int64) error) error {
	return b.at.Below(key(kind+"/")).Each(ctx, func(name string, size int64) error {
		return f(path.Join(kind, name), size)
	})
}

func (b *Bucket) Remove(ctx context.Context, name string) error { return b.at.Remove(ctx, key(name)) }

// A lock in a bucket is an object that says until when it holds. Its owner says
// so anew while it works; one that ended is waited for that long.
const (
	lockHolds = 15 * time.Minute
	lockAnew  = 4 * time.Minute
)

type lockText struct {
	Until time.Time `json:"until"`
}

func (b *Bucket) Lock(ctx context.Context) (func() error, error) {
	own := path.Join(kindLock, randomName())
	say := func(ctx context.Context) error {
		text, err := json.Marshal(lockText{b.now().UTC().Add(lockHolds)})
		if err == nil {
			err = b.Put(ctx, own, text)
		}
		return err
	}
	if err := b.others(ctx, own); err != nil {
		return nil, err
	}
	if err := say(ctx); err != nil {
		return nil, err
	}
	// Two who said so at once both see the other, and both let go.
	if err := b.others(ctx, own); err != nil {
		return nil, errors.Join(err, b.Remove(context.WithoutCancel(ctx), own))
	}
	working, done := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		again := time.NewTicker(lockAnew)
		defer again.Stop()
		for {
			select {
			case <-working.Done():
				return
			case <-again.C:
				_ = say(working) // a bucket that does not answer keeps everybody from writing
			}
		}
	}()
	return func() error {
		done()
		<-ended
		return b.Remove(context.WithoutCancel(ctx), own)
	}, nil
}

// others answers ErrBusy where somebody else has the lock; what was left goes.
func (b *Bucket) others(ctx context.Context, own string) error {
	var locks []string
	err := b.Each(ctx, kindLock, func(name string, _ int64) error {
		if name != own {
			locks = append(locks, name)
		}
		return nil
	})
	for _, name := range locks {
		if err != nil {
			return err
		}
		var text []byte
		text, err = b.Get(ctx, name)
		var lock lockText
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		case err != nil:
		case json.Unmarshal(text, &lock) == nil && b.now().Before(lock.Until) && lock.Until.Before(b.now().Add(2*lockHolds)):
			return fmt.Errorf("%w (if it was ended, it is waited for until %s)", ErrBusy, lock.Until.Format("15:04 UTC"))
		default:
			err = b.Remove(ctx, name)
		}
	}
	return err
}

// named tells whether a name of a kind is one that this program gives.
func named(kind, name string) bool {
	rest, ok := strings.CutPrefix(name, kind+"/")
	if !ok {
		return false
	}
	switch kind {
	case kindPiece, kindKeys:
		b, err := hex.DecodeString(rest)
		return err == nil && len(b) == 32 && strings.ToLower(rest) == rest
	case kindBackup:
		_, _, err := parseBackupName(rest)
		return err == nil
	}
	return false
}

// sorted are the names of a kind that this program gives.
func sorted(ctx context.Context, s Store, kind string) ([]string, error) {
	var names []string
	err := s.Each(ctx, kind, func(name string, _ int64) error {
		if named(kind, name) {
			names = append(names, name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}
