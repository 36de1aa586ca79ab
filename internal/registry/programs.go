// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/once"
)

// MaxProgramWrites is how many records a program may write at once.
const MaxProgramWrites = 100

var (
	// ErrManyWrites says that too much is to be written at once.
	ErrManyWrites = fmt.Errorf("at most %d records are written at once, and each of them once: nothing was written", MaxProgramWrites)
	// ErrOther says that a program asked for something else under the same name of a day.
	ErrOther = once.ErrOther
	// ErrDoing says that what it asked for under that name is still being done.
	ErrDoing = once.ErrBusy
)

// onceKey names the key of the file in which it stands what programs were answered.
const onceKey = "once"

func (r *Registry) onceFile() string { return filepath.Join(r.dir, "once.db") }

// openOnce opens what programs were answered, or begins it anew.
func (r *Registry) openOnce() error {
	if r.beside {
		return nil
	}
	key, err := r.sealedKey(onceKey, false)
	if err == nil {
		if r.once, err = once.Open(r.onceFile(), key); err == nil {
			return nil
		}
		r.opt.Log.Warn("what programs were answered can't be opened and is begun anew", slog.String("type", fmt.Sprintf("%T", err)))
	}
	if err := once.Remove(r.onceFile()); err != nil {
		return err
	}
	if key, err = r.sealedKey(onceKey, true); err != nil {
		return err
	}
	r.once, err = once.Open(r.onceFile(), key)
	return err
}

// Once does something for a program that names what it asks for, once: asked
// the same again within a day, it is answered the same. do is given ids for what
// it makes, the same each time, and whether it was begun before and may be done
// already. ErrOther where something else was asked for under the name. It
// decides nothing: what is done asks.
func (r *Registry) Once(ctx context.Context, s *access.Session, name string, request []byte, do func(newID func() string, again bool) ([]byte, error)) ([]byte, error) {
	random := func() string { return ledger.NewID().String() }
	if name == "" {
		return do(random, false)
	}
	if r.once == nil {
		return nil, ErrInUse
	}
	sum := sha256.Sum256([]byte("kua/once/v1\x00" + s.Token() + "\x00" + name))
	digest := sha256.Sum256(request)
	answer, again, err := r.once.Begin(ctx, sum, digest, r.now())
	if err != nil || len(answer) > 0 {
		return answer, err
	}
	var n uint64
	node := r.node.Sign([]byte("kua/once id/v1\x00"))
	answer, err = do(func() string {
		n++
		id := sha256.Sum256(binary.BigEndian.AppendUint64(append(slices.Clone(node), sum[:]...), n))
		return ledger.ID(id[:16]).String()
	}, again)
	unsure := errors.Is(err, ErrKept) || errors.Is(err, ErrUnknown) || errors.Is(err, context.Canceled)
	if err != nil {
		answer = nil
	}
	return answer, errors.Join(err, r.once.End(sum, answer, unsure))
}

// ProgramWrite is one record as a program wants it to stand.
type ProgramWrite struct {
	Case     string // id; empty: a record outside cases
	Record   string // 32 hex digits
	Kind     string // of a record that is put
	Fields   casefile.Fields
	Seen     int  // how many changes its history had when it was read; 0: it is new
	Withdraw bool // it is taken back
}

// WritePrograms writes records of cases and outside them: all of them or none.
// ErrChanged where one is not what its writer saw. Where it may have been done
// before (again), it is no error that each stands as it is to.
func (r *Registry) WritePrograms(ctx context.Context, s *access.Session, writes []ProgramWrite, reason, source string, again bool) (err error) {
	about := ""
	if len(writes) > 0 {
		about = writes[0].Case
	}
	defer r.refusal(ctx, s, "writing", about, &err)
	if len(writes) == 0 || len(writes) > MaxProgramWrites {
		return ErrManyWrites
	}
	seen := map[string]bool{}
	var order []string // streams
	of := map[string][]ProgramWrite{}
	for _, w := range writes {
		if w.Seen > 0 && reason == "" {
			return ErrReason
		}
		stream := w.Case
		if stream == "" {
			stream = w.Record
		}
		if seen[w.Record] {
			return ErrManyWrites
		}
		seen[w.Record] = true
		if of[stream] == nil {
			order = append(order, stream)
		}
		of[stream] = append(of[stream], w)
	}
	for _, stream := range order { // what is not open is not there, also where the register is being written to
		if of[stream][0].Case != "" && r.see(s.Member)(stream) == index.Nothing {
			return ErrNotFound
		}
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if again && r.standsAs(ctx, s, writes) {
		return nil
	}
	var acts []act
	var afters []func() error
	for _, stream := range order {
		a := act{stream: stream, reason: reason, source: source}
		for _, w := range of[stream] {
			if w.Withdraw {
				a.withdraws = append(a.withdraws, Put{Record: w.Record})
			} else {
				a.puts = append(a.puts, Put{Record: w.Record, Kind: w.Kind, Fields: clean(w.Fields)})
			}
		}
		if of[stream][0].Case == "" {
			if err := r.prepareOutside(ctx, s, of[stream][0].Seen, &a); err != nil {
				return err
			}
		} else {
			after, err := r.prepareCase(ctx, s, stream, &a, func(file *casefile.Case) error {
				for _, w := range of[stream] {
					if err := unchanged(w.Record, w.Seen)(file); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			afters = append(afters, after)
		}
		acts = append(acts, a)
	}
	if err := r.write(ctx, s, acts); err != nil {
		return err
	}
	var errs []error
	for _, after := range afters {
		errs = append(errs, after())
	}
	return errors.Join(errs...)
}

// standsAs tells whether each record stands as it was to be written, by the
// member: then it was. The caller holds r.writing.
func (r *Registry) standsAs(ctx context.Context, s *access.Session, writes []ProgramWrite) bool {
	for _, w := range writes {
		stream := w.Case
		if stream == "" {
			stream = w.Record
		}
		entries, err := r.index.Entries(ctx, stream)
		if err != nil {
			return false
		}
		entries = slices.DeleteFunc(slices.Clone(entries), func(e casefile.Entry) bool { return e.Record != w.Record })
		if len(entries) != w.Seen+1 {
			return false
		}
		last := entries[w.Seen]
		if last.Author != s.Member.ID || (last.Op == casefile.Withdraw) != w.Withdraw || !w.Withdraw && !equal(last.Fields, clean(w.Fields)) {
			return false
		}
	}
	return true
}
