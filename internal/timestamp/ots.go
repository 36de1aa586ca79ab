// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamp

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"
)

// otsMagic begins every proof file of OpenTimestamps.
const otsMagic = "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94"

// ErrNotProof says that something is no proof file of OpenTimestamps.
var ErrNotProof = errors.New("this is not a proof file of OpenTimestamps")

// The marks of who attests a digest in a proof.
const (
	otsBitcoin = "\x05\x88\x96\x0d\x73\xd7\x19\x01"
	otsPending = "\x83\xdf\xe3\x0d\x2e\xf9\x0c\x8e"
)

// Bounds of a proof that is read: those of real ones are far within them.
const (
	otsDeepest = 256
	otsLongest = 8192
)

// Proof is what a proof file of OpenTimestamps says of itself. Only the program
// that made it verifies it: that needs the block chain of Bitcoin.
type Proof struct {
	Hash    crypto.Hash
	Digest  []byte   // of what it is a proof of
	Blocks  []uint64 // heights of the Bitcoin blocks it leads to
	Pending bool     // a calendar has promised to enter it, and it is not complete
}

// Covers tells whether a proof is one of the data that have this digest.
func (p *Proof) Covers(digest []byte) bool { return bytes.Equal(p.Digest, digest) }

// ParseProof reads a proof file of OpenTimestamps, version 1, over a SHA-256.
// Its error is ErrNotProof.
func ParseProof(file []byte) (*Proof, error) {
	rest, ok := bytes.CutPrefix(file, []byte(otsMagic))
	if !ok || len(file) > MaxSize {
		return nil, ErrNotProof
	}
	r := otsReader{rest: rest}
	if version := r.number(); r.bad || version != 1 {
		return nil, fmt.Errorf("%w that is known here: it is of version %d", ErrNotProof, version)
	}
	if op := r.byte(); r.bad || op != 0x08 {
		return nil, fmt.Errorf("%w over a SHA-256", ErrNotProof)
	}
	p := &Proof{Hash: crypto.SHA256, Digest: slices.Clone(r.take(crypto.SHA256.Size()))}
	r.walk(p, 0)
	if r.bad || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: it is damaged or cut off", ErrNotProof)
	}
	slices.Sort(p.Blocks)
	p.Blocks = slices.Compact(p.Blocks)
	return p, nil
}

type otsReader struct {
	rest []byte
	bad  bool
}

func (r *otsReader) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.rest) {
		r.bad = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *otsReader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// number reads an unsigned LEB128.
func (r *otsReader) number() uint64 {
	var n uint64
	for shift := 0; shift < 63; shift += 7 {
		b := r.byte()
		n |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return n
		}
	}
	r.bad = true
	return 0
}

func (r *otsReader) text() []byte {
	n := r.number()
	if n > otsLongest {
		r.bad = true
		return nil
	}
	return r.take(int(n))
}

// walk reads the steps from a digest to those who attest it.
func (r *otsReader) walk(p *Proof, depth int) {
	if depth > otsDeepest {
		r.bad = true
	}
	for !r.bad {
		tag := r.byte()
		fork := tag == 0xff
		if fork {
			tag = r.byte()
		}
		switch tag {
		case 0x00:
			r.attested(p)
		case 0xf0, 0xf1: // append, prepend
			r.text()
			r.walk(p, depth+1)
		case 0xf2, 0xf3, 0x02, 0x03, 0x08, 0x67: // reverse, hexlify; SHA-1, RIPEMD-160, SHA-256, Keccak-256
			r.walk(p, depth+1)
		default:
			r.bad = true
		}
		if !fork {
			return
		}
	}
}

func (r *otsReader) attested(p *Proof) {
	mark := string(r.take(8))
	inner := otsReader{rest: r.text()}
	switch mark {
	case otsBitcoin:
		if height := inner.number(); !inner.bad && !r.bad {
			p.Blocks = append(p.Blocks, height)
		}
	case otsPending:
		p.Pending = true
	}
	r.bad = r.bad || inner.bad
}
