// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/safecopy"
	"github.com/kua-registry/kua/internal/seal"
)

// What was found fit of an archive is written in portions of whole cases, each of
// them whole or not at all. While one is appended and taken into the index, the
// next is sealed and signed, and the one after that is read: three are in memory.

// portion is what is written together.
type portion struct {
	acts    []act
	entries int
	after   []func() error // what is done once they are written
	at      time.Time
	sealed  []evidence.ID // of its files
	ready   readyActs
	err     error // why it can't be written
}

// writingIn are portions on their way.
type writingIn struct {
	in     chan *portion // to be sealed
	work   errgroup.Group
	failed atomic.Bool
}

// collect takes an act to what is written next.
func (t *takingIn) collect(ctx context.Context, a *act) error {
	if _, there := t.r.thing(a.stream); there {
		keys, after, err := t.r.lapsed(ctx, t.s, a.stream)
		if err != nil {
			return err
		}
		a.handed, t.next.after = keys, append(t.next.after, after)
	}
	t.next.acts, t.next.entries = append(t.next.acts, *a), t.next.entries+len(a.puts)
	if t.next.entries < t.in.batch {
		return nil
	}
	return t.flush(ctx)
}

// flush sends what was collected on its way. Whether it was written is known
// once written has answered.
func (t *takingIn) flush(ctx context.Context) error {
	if len(t.next.acts) == 0 {
		return nil
	}
	if t.on == nil {
		t.begin(context.WithoutCancel(ctx)) // who gives up does so between portions
	}
	if t.on.failed.Load() {
		return t.written()
	}
	p := t.next
	t.next = portion{}
	if now := t.r.now().UTC().Truncate(time.Millisecond); now.After(t.at) { // time does not run backwards along the ledger
		t.at = now
	}
	p.at = t.at
	t.on.in <- &p
	return nil
}

func (t *takingIn) begin(ctx context.Context) {
	on := &writingIn{in: make(chan *portion)}
	sealed := make(chan *portion)
	on.work.Go(func() error {
		defer close(sealed)
		for p := range on.in {
			if !on.failed.Load() {
				p.err = t.ready(ctx, p)
			}
			sealed <- p
		}
		return nil
	})
	on.work.Go(func() error {
		var failed error
		for p := range sealed { // to the end, so that nobody waits for ever
			if failed != nil {
				failed = errors.Join(failed, t.drop(p.sealed))
				continue
			}
			if failed = t.keep(ctx, p); failed != nil {
				on.failed.Store(true)
			}
		}
		return failed
	})
	t.on = on
}

// written waits for what is on its way, and answers why some of it was not written.
func (t *takingIn) written() error {
	on := t.on
	if on == nil {
		return nil
	}
	t.on = nil
	close(on.in)
	return on.work.Wait()
}

// ready seals the files and entries of a portion.
func (t *takingIn) ready(ctx context.Context, p *portion) (err error) {
	for i := range p.acts {
		made := map[string]casefile.Fields{} // of each file of the case
		for j := range p.acts[i].puts {
			put := &p.acts[i].puts[j]
			if put.Kind != fileKind || put.came == nil || put.came.withdraw || !t.a.Has(first(put.Fields["sha256"])) {
				continue
			}
			if made[put.Record] == nil {
				file, fields, err := t.sealFile(ctx, p.acts[i].stream, put)
				if err != nil {
					return err
				}
				p.sealed, made[put.Record] = append(p.sealed, file), fields
			}
			if first(made[put.Record]["sha256"]) == first(put.Fields["sha256"]) {
				maps.Copy(put.Fields, made[put.Record])
			}
		}
	}
	if err := t.r.valid(p.acts); err != nil {
		return err
	}
	p.ready, err = t.r.readied(ctx, t.s, p.acts, p.at)
	return err
}

// keep writes a portion: all of it or nothing.
func (t *takingIn) keep(ctx context.Context, p *portion) error {
	err := p.err
	switch {
	case err != nil:
	case p.acts[0].puts[0].Kind == "match": // then all are decisions: see decides
		err = t.r.decided(func() error { return t.r.keep(ctx, t.s, p.ready) })
	default:
		err = t.r.keep(ctx, t.s, p.ready)
	}
	switch {
	case errors.Is(err, ErrUnknown):
		return err // the next opening sees to the files
	case err != nil && !errors.Is(err, ErrKept):
		return errors.Join(err, t.drop(p.sealed))
	}
	for _, file := range p.sealed {
		err = errors.Join(err, t.r.files.Keep(file))
	}
	if len(p.sealed) > 0 {
		t.r.hasKept()
	}
	for _, after := range p.after {
		err = errors.Join(err, after())
	}
	t.taken.Files += len(p.sealed)
	return err
}

func (t *takingIn) drop(files []evidence.ID) (err error) {
	for _, file := range files {
		err = errors.Join(err, t.r.files.Drop(file))
	}
	return err
}

// sealFile seals a file of the archive under the id of its record, and answers
// what its record says of it.
func (t *takingIn) sealFile(ctx context.Context, caseID string, p *Put) (file evidence.ID, fields casefile.Fields, err error) {
	r := t.r
	if file, err = evidence.ParseID(p.Record); err != nil {
		return file, nil, err
	}
	if there, err := r.files.Has(file); err != nil || there {
		return file, nil, errors.Join(err, fmt.Errorf("%w: the id of a file in it is that of another here", ErrArchiveUnfit))
	}
	content, err := t.a.File(first(p.Fields["sha256"]))
	if err != nil {
		return file, nil, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	key := seal.NewKey()
	if err := r.noteBegun(file, begunFile{Stream: caseID, Key: key[:], Size: evidence.Unknown, Member: t.s.Member.ID, At: r.now().UTC()}); err != nil {
		return file, nil, r.notTaken(err, ErrFileSize)
	}
	u, err := r.files.Begin(file, key, evidence.Unknown)
	if err != nil {
		return file, nil, errors.Join(r.notTaken(err, ErrFileSize), r.files.Drop(file))
	}
	fail := func(err error) (evidence.ID, casefile.Fields, error) {
		return file, nil, errors.Join(r.notTaken(err, ErrFileSize), u.Close(), r.files.Drop(file))
	}
	if err := u.Take(ctx, content, FileLimit); err != nil {
		return fail(err)
	}
	fields = casefile.Fields{"media": {string(safecopy.Sniff(u.Head()))}, "sealed": {file.String()}}
	sealed, err := u.Finish()
	if err != nil {
		return fail(err)
	}
	if err := u.Close(); err != nil {
		return file, nil, errors.Join(err, r.files.Drop(file))
	}
	fields["bytes"], fields["key"] = []string{strconv.FormatInt(sealed.Size, 10)}, []string{hex.EncodeToString(sealed.Key[:])}
	fields["sha256"], fields["blake3"] = []string{hex.EncodeToString(sealed.SHA256[:])}, []string{hex.EncodeToString(sealed.BLAKE3[:])}
	for field := range p.Fields { // what a web capture says of itself is looked for anew
		if strings.HasPrefix(field, "capture") {
			delete(p.Fields, field)
		}
	}
	if err := r.lookInto(ctx, file, sealed, fields); err != nil {
		return file, nil, errors.Join(err, r.files.Drop(file))
	}
	return file, fields, nil
}
