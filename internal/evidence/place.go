// SPDX-License-Identifier: AGPL-3.0-or-later

package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Place is where sealed files may stay instead of the folder. It is given names
// and sealed bytes and nothing else, and is not believed: what it hands out is
// held against what is known of each file. Its methods may be called concurrently.
type Place interface {
	// Put keeps size bytes of r under a name, all or nothing, in the place of what
	// was there. proved says that the place has answered with the SHA-256 of what it has.
	Put(ctx context.Context, name string, r io.ReaderAt, size int64) (proved bool, err error)
	// Get reads length bytes, not 0, from an offset on.
	Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// Size is how many bytes it has under a name; fs.ErrNotExist: none.
	Size(ctx context.Context, name string) (int64, error)
	// Remove takes a name away, with all that was ever kept under it. Nothing
	// there is no error.
	Remove(ctx context.Context, name string) error
	// Each calls f with all names that it has, whoever put them there.
	Each(ctx context.Context, f func(name string, size int64) error) error
}

// ErrAway says that a place does not hand out a file that it has, or should have.
var ErrAway = errors.New("the file is in the bucket, which does not hand it out now: 'kua evidence place' says why, and nothing is lost by trying again later")

// Endings of what a place has to do with.
const (
	away   = ".away" // a mark: the file is in the place, this long, with this SHA-256
	gone   = ".gone" // a mark: the file is to be taken out of the place
	coming = ".back" // a file that comes back from the place
)

// mark is what is known of the sealed bytes of a file that is in the place.
type mark struct {
	size int64
	sum  [sha256.Size]byte
}

func (m mark) String() string { return fmt.Sprintf("%d %x\n", m.size, m.sum) }

// markOf reads the mark of a file; fs.ErrNotExist: there is none, or it was not
// written to its end, and then the file is in the folder still.
func (v *Vault) markOf(id ID) (m mark, err error) {
	text, err := os.ReadFile(v.path(id) + away)
	if err != nil {
		return m, err
	}
	var sum string
	if _, err := fmt.Sscanf(string(text), "%d %s\n", &m.size, &sum); err != nil {
		return m, fs.ErrNotExist
	}
	b, err := hex.DecodeString(sum)
	if err != nil || len(b) != len(m.sum) {
		return m, fs.ErrNotExist
	}
	copy(m.sum[:], b)
	return m, nil
}

// write writes a small file anew, and answers when it is on the disk.
func (v *Vault) write(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(v.dir)
}

func (v *Vault) there(id ID, ending string) bool {
	_, err := os.Lstat(v.path(id) + ending)
	return err == nil
}

// At says where files may stay besides the folder; nil: nowhere. What is on its
// way there is let go of, and waits.
func (v *Vault) At(p Place) {
	defer v.halt()()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.place = p
}

func (v *Vault) at() Place {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.place
}

// halt ends what is on its way to the place, and lets nothing go there until the
// answer is called.
func (v *Vault) halt() (release func()) {
	v.mu.Lock()
	v.halts++
	if v.cancel != nil {
		v.cancel()
	}
	v.mu.Unlock()
	v.carrying.Lock()
	v.mu.Lock()
	v.halts--
	v.mu.Unlock()
	return v.carrying.Unlock
}

func (v *Vault) halted() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.halts > 0
}

// Fits tells whether a place has all that is marked as being in a place, by
// their lengths. missing is how many it lacks.
func (v *Vault) Fits(ctx context.Context, p Place) (missing int, err error) {
	want := map[string]int64{}
	err = v.each(func(id ID, ending string) error {
		if ending == away && !v.there(id, "") {
			if m, err := v.markOf(id); err == nil {
				want[id.String()] = m.size
			}
		}
		return nil
	})
	if err == nil && len(want) > 0 {
		err = p.Each(ctx, func(name string, size int64) error {
			if want[name] == size {
				delete(want, name)
			}
			return nil
		})
	}
	return len(want), err
}

// Count is how many files are where.
type Count struct {
	Here  int // in the folder; where there is a place, they wait to go there
	Away  int // in the place
	Going int // to be taken out of the place: nothing names them any more
}

// Count counts them, and asks nobody: the folder knows.
func (v *Vault) Count() (c Count, err error) {
	err = v.each(func(id ID, ending string) error {
		switch {
		case ending == "":
			c.Here++
		case ending == away && !v.there(id, ""):
			c.Away++
		case ending == gone:
			c.Going++
		}
		return nil
	})
	return c, err
}

// Carry takes what stays in the folder to the place, and out of the place what
// is to be gone. A file leaves the folder only when the place has all of it, and
// that it is there is noted on the disk. What could not be done waits, and is
// done the next time: nothing is ever in neither of the two. Without a place it
// does nothing.
func (v *Vault) Carry(ctx context.Context) error {
	v.carrying.Lock()
	defer v.carrying.Unlock()
	p := v.at()
	if p == nil {
		return nil
	}
	if err := v.takeOut(ctx, p); err != nil {
		return err
	}
	var ids []ID
	if err := v.each(func(id ID, ending string) error {
		if ending == "" {
			ids = append(ids, id)
		}
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		err := v.carry(ctx, p, id)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if v.halted() {
			return nil
		}
		if err != nil {
			errs = append(errs, err)
		}
		if len(errs) == mostFailures { // one file may be in the way of itself; the place itself is in the way of all
			break
		}
	}
	return errors.Join(append(errs, v.takeOut(ctx, p))...)
}

const mostFailures = 2

// carry takes one file to the place.
func (v *Vault) carry(ctx context.Context, p Place, id ID) (err error) {
	f, err := os.Open(v.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // erased meanwhile
	}
	if err != nil {
		return fmt.Errorf("a file can't be read: %w", err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v.mu.Lock()
	if v.onWay, v.cancel = id, cancel; v.halts > 0 {
		cancel()
	}
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.cancel = nil
		v.mu.Unlock()
		if v.there(id, gone) { // erased while it was on its way, which is no error
			err = nil
		}
	}()
	var m mark
	sum := sha256.New()
	if m.size, err = io.Copy(sum, &watched{ctx, f}); err != nil {
		return fmt.Errorf("a file can't be read: %w", err)
	}
	sum.Sum(m.sum[:0])
	v.before("carry")
	// After a crash it may be there already, whole.
	size, err := p.Size(ctx, id.String())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	same := false
	if err == nil && size == m.size {
		same, err = v.holds(ctx, p, id, m)
		if err != nil {
			return err
		}
	}
	if !same {
		proved, err := p.Put(ctx, id.String(), f, m.size)
		if err != nil {
			return err
		}
		v.before("carried")
		if proved {
			size, err = p.Size(ctx, id.String())
			same = size == m.size
		} else {
			same, err = v.holds(ctx, p, id, m)
		}
		if err != nil {
			return err
		}
	}
	if !same {
		return fmt.Errorf("the bucket does not keep %s as it was given, so it stays in the folder", id)
	}
	return v.leave(id, m)
}

// holds reads a file back from the place.
func (v *Vault) holds(ctx context.Context, p Place, id ID, m mark) (bool, error) {
	r := &placed{ctx: ctx, cancel: func() {}, place: p, name: id.String(), size: m.size}
	sum := sha256.New()
	_, err := io.Copy(sum, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return false, err
	}
	return bytes.Equal(sum.Sum(nil), m.sum[:]), nil
}

// leave lets a file leave the folder that is in the place.
func (v *Vault) leave(id ID, m mark) error {
	v.mu.Lock() // against Remove
	defer v.mu.Unlock()
	if v.there(id, gone) || !v.there(id, "") {
		return nil
	}
	v.before("mark")
	err := v.write(v.path(id)+away, m.String())
	if err == nil {
		v.before("leave")
		err = os.Remove(v.path(id))
	}
	if err == nil {
		err = syncDir(v.dir)
	}
	if err != nil {
		return fmt.Errorf("a file can't leave the folder: %w", err)
	}
	return nil
}

// takeOut takes out of the place what is to be gone.
func (v *Vault) takeOut(ctx context.Context, p Place) error {
	var ids []ID
	err := v.each(func(id ID, ending string) error {
		if ending == gone {
			ids = append(ids, id)
		}
		return nil
	})
	for _, id := range ids {
		v.before("take out")
		if err = p.Remove(ctx, id.String()); err != nil {
			return err
		}
		if err = os.Remove(v.path(id) + gone); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("a mark can't be taken away: %w", err)
		}
	}
	return err
}

// Home brings all files back from the place to the folder. step is told how many
// are back, of how many. One that is not what was put there stays where it is,
// and the others come. What could not be done is done the next time.
func (v *Vault) Home(ctx context.Context, step func(done, all int)) error {
	defer v.halt()()
	p := v.at()
	if p == nil {
		return nil
	}
	var ids, here []ID
	if err := v.each(func(id ID, ending string) error {
		switch {
		case ending == away:
			ids = append(ids, id)
		case ending == "" && !v.there(id, away):
			here = append(here, id)
		}
		return nil
	}); err != nil {
		return err
	}
	var errs []error
	for _, id := range here { // what was on its way there
		if err := p.Remove(ctx, id.String()); err != nil {
			errs = append(errs, err)
			break
		}
	}
	lost := 0
	for i, id := range ids {
		step(i, len(ids))
		err := v.bring(ctx, p, id)
		if err != nil && !errors.Is(err, ErrAltered) && !errors.Is(err, ErrMissing) {
			return errors.Join(append(errs, err)...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
			lost++
		}
	}
	step(len(ids)-lost, len(ids))
	return errors.Join(append(errs, v.takeOut(ctx, p))...)
}

// bring brings one file back.
func (v *Vault) bring(ctx context.Context, p Place, id ID) (err error) {
	m, err := v.markOf(id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a mark can't be read: %w", err)
	}
	if !v.there(id, "") {
		if err != nil {
			return fmt.Errorf("%w: the mark %s is damaged", ErrAltered, id.String()+away)
		}
		if err := v.fetch(ctx, p, id, m); err != nil {
			return err
		}
	}
	v.before("home")
	// It is in the folder: the place may let go of it.
	v.mu.Lock()
	defer v.mu.Unlock()
	err = v.write(v.path(id)+gone, "")
	if err == nil {
		err = os.Remove(v.path(id) + away)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = syncDir(v.dir)
	}
	if err != nil {
		return fmt.Errorf("a mark can't be written: %w", err)
	}
	return nil
}

// fetch writes a file from the place to the folder, and lets it stay there when
// it is what left it.
func (v *Vault) fetch(ctx context.Context, p Place, id ID, m mark) (err error) {
	switch size, err := p.Size(ctx, id.String()); {
	case errors.Is(err, fs.ErrNotExist):
		return ErrMissing
	case err != nil:
		return err
	case size != m.size:
		return ErrAltered
	}
	v.before("fetch")
	f, err := os.OpenFile(v.path(id)+coming, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("a file can't be written: %w", err)
	}
	r := &placed{ctx: ctx, cancel: func() {}, place: p, name: id.String(), size: m.size}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), r)
	if err = errors.Join(err, f.Sync(), f.Close(), r.Close()); err == nil && !bytes.Equal(sum.Sum(nil), m.sum[:]) {
		err = ErrAltered
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	v.before("fetched")
	v.mu.Lock() // against Remove
	defer v.mu.Unlock()
	if v.there(id, gone) {
		return os.Remove(f.Name())
	}
	return os.Rename(f.Name(), v.path(id))
}

// source is where a file can be read: the folder, or the place.
func (v *Vault) source(ctx context.Context, id ID) (io.ReadSeekCloser, error) {
	for range 2 {
		for _, path := range []string{v.path(id), v.path(id) + pending} { // named by an entry, and not yet renamed
			f, err := os.Open(path)
			if err == nil {
				return f, nil
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("a file can't be read: %w", err)
			}
		}
		p := v.at()
		switch {
		case v.there(id, gone):
			return nil, ErrMissing
		case p == nil && v.there(id, away):
			return nil, ErrAway
		case p == nil:
			return nil, ErrMissing
		}
		size, err := p.Size(ctx, id.String())
		if err == nil {
			ctx, cancel := context.WithCancel(ctx)
			return &placed{ctx: ctx, cancel: cancel, place: p, name: id.String(), size: size}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, notNow(ctx, err)
		}
	} // it may have come back to the folder meanwhile
	return nil, ErrMissing
}

// notNow says that a place did not hand out what it was asked for.
func notNow(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%w (%w)", ErrAway, err)
}

// Stands tells whether a file is where it should be and has its length, at the
// cost of one question to the place, which is asked for whatever file it is: who
// measures how long that takes learns nothing. Without a place, and where it does
// not answer soon, there is no telling.
func (v *Vault) Stands(ctx context.Context, id ID, s Sealed) bool {
	p := v.at()
	if p == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, soon)
	defer cancel()
	size, err := p.Size(ctx, id.String())
	return err == nil && v.there(id, away) && size == s.Length()
}

// soon is how long somebody who puts a file in waits for the place.
const soon = 10 * time.Second

// How much is asked for at a time of what is read in the place: more and more, as
// long as it is read on, so that a look at the beginning costs little and a whole
// film few questions.
const (
	leastAhead = 256 << 10
	mostAhead  = 16 << 20
	asks       = 2 // times that a place is asked once more for what broke off
)

// placed reads a file in the place.
type placed struct {
	ctx      context.Context
	cancel   func()
	place    Place
	name     string
	size, at int64
	ahead    int64         // how much was asked for last
	body     io.ReadCloser // nil: nothing is asked for
	until    int64         // where body ends
	failed   int
}

func (r *placed) Read(to []byte) (int, error) {
	for {
		if r.at >= r.size {
			return 0, io.EOF
		}
		if r.body == nil {
			r.ahead = min(max(2*r.ahead, leastAhead), mostAhead)
			body, err := r.place.Get(r.ctx, r.name, r.at, min(r.ahead, r.size-r.at))
			if err != nil {
				r.body = nil
				return 0, notNow(r.ctx, err)
			}
			r.body, r.until = body, min(r.at+r.ahead, r.size)
		}
		n, err := r.body.Read(to[:min(int64(len(to)), r.until-r.at)])
		if r.at += int64(n); n > 0 {
			r.failed = 0
		}
		if r.at == r.until || err != nil {
			r.drop()
		}
		if n > 0 || len(to) == 0 {
			return n, nil
		}
		if err != nil { // it broke off, or was shorter than it said
			if r.failed++; r.failed > asks || r.ctx.Err() != nil {
				if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) { // which would say that the file is so short
					err = errors.New("it breaks off")
				}
				return 0, notNow(r.ctx, err)
			}
		}
	}
}

func (r *placed) drop() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

func (r *placed) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("there is nothing before the beginning of a file")
	}
	if offset != r.at {
		r.drop()
		r.at, r.ahead = offset, 0
	}
	return offset, nil
}

func (r *placed) Close() error {
	r.drop()
	r.cancel()
	return nil
}

// Foreign calls f with the name of everything in the folder and in the place that
// no program of ours puts there, and with the ids of what is in the place.
func (v *Vault) Foreign(ctx context.Context, f func(name string, inPlace bool) error, in func(ID) error) error {
	entries, err := os.ReadDir(v.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder of the files can't be read: %w", err)
	}
	for _, e := range entries {
		if _, _, ok := ours(e.Name()); !ok {
			if err := f(e.Name(), false); err != nil {
				return err
			}
		}
	}
	p := v.at()
	if p == nil {
		return nil
	}
	return p.Each(ctx, func(name string, _ int64) error {
		id, err := ParseID(name)
		if err != nil {
			return f(name, true)
		}
		if v.there(id, gone) {
			return nil // it is to be taken out
		}
		return in(id)
	})
}

// ours reads the name of a file in the folder.
func ours(name string) (id ID, ending string, ok bool) {
	base, ending, found := strings.Cut(name, ".")
	if found {
		ending = "." + ending
	}
	id, err := ParseID(base)
	switch ending {
	case "", pending, noted, away, gone, coming:
		return id, ending, err == nil
	}
	return id, ending, false
}
