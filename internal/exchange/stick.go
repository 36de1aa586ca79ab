// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

const stickMagic = "kua/stick/1\n"

// What stands in a stick. The numbers are in the format.
const (
	stickPage     = 1
	stickNote     = 2
	stickEnvelope = 3
	stickFile     = 4
	stickEnd      = 255
)

// maxChunk is the greatest length of a part of a stick, in bytes: a page ends
// with the commit that fills it.
const maxChunk = 2*MaxEnvelope + pageFull

// WriteStick writes a file that another node, or the relay, reads: the entries
// from a position on, the cosigned checkpoints, the outbox and what is carried,
// and files that go with what was handed over: also where that is still in the
// outbox.
func (n *Node) WriteStick(ctx context.Context, w io.Writer, from uint64, files ...Sending) error {
	envelopes, err := n.Outbox()
	if err != nil {
		return err
	}
	return n.writeStick(ctx, w, n.id, from, envelopes, func(put func(byte, []byte) error) error {
		for _, file := range files {
			n.mu.Lock()
			_, chain, err := n.ahead(ctx, file.Stream)
			n.mu.Unlock()
			if err != nil {
				return err
			}
			if to := ownerAt(chain, file.Version+1); to != ledger.ID(n.id.ID()) && !to.IsZero() {
				if err := writeParts(ctx, file, to, put); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// WriteStick writes a file that nodes read: the entries from a position on, and
// the cosigned checkpoints, and files that are on their way.
func (r *Relay) WriteStick(ctx context.Context, w io.Writer, from uint64) error {
	return r.writeStick(ctx, w, r.id, from, nil, func(put func(byte, []byte) error) error {
		all, err := r.tidy(ctx, "")
		if err != nil {
			return err
		}
		for _, c := range all {
			file := Sending{Parcel: c.Parcel, Open: func(context.Context) (io.ReadSeekCloser, error) { return os.Open(r.parcels.path(c.Parcel)) }}
			if err := writeParts(ctx, file, c.to, put); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *side) writeStick(ctx context.Context, w io.Writer, id *seal.Identity, from uint64, envelopes [][]byte, files func(put func(byte, []byte) error) error) error {
	sum := sha256.New()
	all := io.MultiWriter(w, sum)
	me, of := id.ID(), s.log.ID()
	if _, err := all.Write(append(append([]byte(stickMagic), of[:]...), me[:]...)); err != nil {
		return err
	}
	put := func(kind byte, b []byte) error {
		head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(b)))
		_, err := all.Write(append(head, b...))
		return err
	}
	for from < s.log.Head().Size {
		b, err := s.Page(ctx, from)
		if err != nil {
			return err
		}
		p, err := openPage(b)
		if err != nil {
			return err
		}
		if err := put(stickPage, b); err != nil {
			return err
		}
		from += uint64(len(p.Entries))
	}
	notes, err := s.Notes(ctx)
	if err != nil {
		return err
	}
	for _, b := range notes {
		if err := put(stickNote, b); err != nil {
			return err
		}
	}
	for _, b := range envelopes {
		if err := put(stickEnvelope, b); err != nil {
			return err
		}
	}
	if err := files(put); err != nil {
		return err
	}
	if _, err := all.Write([]byte{stickEnd}); err != nil {
		return err
	}
	_, err = w.Write(id.Sign(stickMessage(sum.Sum(nil))))
	return err
}

func stickMessage(sum []byte) []byte { return append([]byte(stickMagic), sum...) }

// readStick gives the parts of a stick in their order, once the whole file was
// checked: one that is cut off, altered or of another coalition changes nothing.
func (s *side) readStick(f io.ReadSeeker, fn func(by ledger.ID, kind byte, b []byte) error) error {
	if err := s.scanStick(f, func(ledger.ID, byte, []byte) error { return nil }); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.scanStick(f, fn)
}

// scanStick gives the parts of a stick in their order, and checks at the end
// that a node of the coalition, or its relay, has signed them.
func (s *side) scanStick(f io.Reader, fn func(by ledger.ID, kind byte, b []byte) error) error {
	sum := sha256.New()
	plain := bufio.NewReader(f)
	r := io.TeeReader(plain, sum)
	cut := fmt.Errorf("the file of the stick: %w", ErrFormat)
	head := make([]byte, len(stickMagic)+32)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(stickMagic)]) != stickMagic {
		return cut
	}
	if ledger.ID(head[len(stickMagic):]) != s.log.ID() {
		return fmt.Errorf("the file of the stick is of another coalition: %w", ErrFormat)
	}
	by := ledger.ID(head[len(stickMagic)+16:])
	key, ok := s.nodes[by]
	if by == ledger.ID(seal.IDOf(s.relay)) {
		key, ok = s.relay, true
	}
	if !ok {
		return fmt.Errorf("who wrote the stick: %w", ErrStranger)
	}
	for {
		var kind [1]byte
		if _, err := io.ReadFull(r, kind[:]); err != nil {
			return cut
		}
		if kind[0] == stickEnd {
			break
		}
		var length [4]byte
		if _, err := io.ReadFull(r, length[:]); err != nil || kind[0] < stickPage || kind[0] > stickFile {
			return cut
		}
		size := binary.BigEndian.Uint32(length[:])
		if uint64(size) > maxChunk {
			return cut
		}
		b, err := io.ReadAll(io.LimitReader(r, int64(size))) // grows with what is there
		if err != nil || uint32(len(b)) != size {
			return cut
		}
		if err := fn(by, kind[0], b); err != nil {
			return err
		}
	}
	signature := make([]byte, ed25519.SignatureSize)
	if _, err := io.ReadFull(plain, signature); err != nil || !ed25519.Verify(key, stickMessage(sum.Sum(nil)), signature) {
		return cut
	}
	if _, err := plain.ReadByte(); !errors.Is(err, io.EOF) {
		return cut
	}
	return nil
}

// ReadStick takes in what stands in a file of another node. One that was read
// before changes nothing, and neither does one that is not whole. A file that begins later
// than this replica ends is ledger.ErrGap: bring the one before.
func (n *Node) ReadStick(ctx context.Context, f io.ReadSeeker) error {
	return n.readStick(f, func(_ ledger.ID, kind byte, b []byte) error {
		switch kind {
		case stickPage:
			_, err := n.TakePage(ctx, b)
			return err
		case stickNote:
			return n.TakeNote(ctx, b)
		case stickFile:
			_, err := n.keepPart(ctx, b)
			return err
		default:
			return n.Carry(ctx, b)
		}
	})
}

// ReadStick hands in what stands in a file of a node, and keeps the checkpoints
// that nodes have cosigned. The nodes learn what became of it from the ledger.
func (r *Relay) ReadStick(ctx context.Context, f io.ReadSeeker) error {
	return r.readStick(f, func(by ledger.ID, kind byte, b []byte) error {
		switch kind {
		case stickNote:
			return r.Cosigned(ctx, b)
		case stickFile:
			_, _, err := r.TakePart(ctx, by, b)
			return err
		case stickEnvelope:
			_, err := r.Submit(ctx, b)
			return err
		}
		return nil
	})
}
