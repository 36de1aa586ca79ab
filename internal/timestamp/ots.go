// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ripemd160" //nolint:staticcheck // proofs of 2015 and 2016 go over it
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

// Bounds of a proof that is read. Those of messages, payloads and addresses are
// the format's own.
const (
	otsDeepest  = 256
	otsLongest  = 8192 // payload of who attests
	otsMessage  = 4096
	otsCalendar = 1000 // address of a calendar
)

// Proof is what a proof file of OpenTimestamps leads to. No more is said of it
// than can be worked out without a network: which value must stand in the header
// of which block. Whether it does stand there, and so when the data was there, is
// looked up in the block chain of Bitcoin, by anybody.
type Proof struct {
	Hash      crypto.Hash
	Digest    []byte   // of what it is a proof of
	Blocks    []Block  // of Bitcoin, by height
	Calendars []string // addresses of those that have promised to enter it: not complete there
	Others    int      // ways that end at somebody who is not known here
}

// Block is the header of a block of Bitcoin that a proof leads to.
type Block struct {
	Height uint64
	// Root is the Merkle root that must stand in it, as it is usually written
	// (64 hexadecimal digits, the last byte first); empty: the way there can't be
	// worked out here.
	Root string
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
	r.walk(p, p.Digest, 0)
	if r.bad || len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: it is damaged or cut off", ErrNotProof)
	}
	slices.SortFunc(p.Blocks, func(a, b Block) int {
		if a.Height != b.Height {
			if a.Height < b.Height {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Root, b.Root)
	})
	p.Blocks = slices.Compact(p.Blocks)
	slices.Sort(p.Calendars)
	p.Calendars = slices.Compact(p.Calendars)
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

// text reads bytes that are preceded by their number.
func (r *otsReader) text(least, most uint64) []byte {
	n := r.number()
	if n < least || n > most {
		r.bad = true
		return nil
	}
	return r.take(int(n))
}

// walk reads the steps from a message to those who attest it, and takes them.
// message is nil where it can't be worked out any more.
func (r *otsReader) walk(p *Proof, message []byte, depth int) {
	if depth > otsDeepest {
		r.bad = true
	}
	for !r.bad {
		tag := r.byte()
		fork := tag == 0xff
		if fork {
			tag = r.byte()
		}
		if tag == 0x00 {
			r.attested(p, message)
		} else if next := r.step(tag, message); !r.bad {
			r.walk(p, next, depth+1)
		}
		if !fork {
			return
		}
	}
}

// step takes one step. Hash functions in which collisions are found are no
// fault here: that two files were there does not make either of them younger.
func (r *otsReader) step(tag byte, message []byte) []byte {
	known := message != nil
	var next []byte
	switch tag {
	case 0xf0:
		next = slices.Concat(message, r.text(1, otsMessage))
	case 0xf1:
		next = slices.Concat(r.text(1, otsMessage), message)
	case 0xf2:
		next = slices.Clone(message)
		slices.Reverse(next)
	case 0xf3:
		next = []byte(hex.EncodeToString(message))
	case 0x02:
		sum := sha1.Sum(message)
		next = sum[:]
	case 0x03:
		h := ripemd160.New()
		h.Write(message)
		next = h.Sum(nil)
	case 0x08:
		sum := sha256.Sum256(message)
		next = sum[:]
	case 0x67: // Keccak-256, which no way to Bitcoin takes
		return nil
	default:
		r.bad = true
	}
	if !known {
		return nil
	}
	r.bad = r.bad || len(next) > otsMessage
	return next
}

// attested reads who attests a message.
func (r *otsReader) attested(p *Proof, message []byte) {
	mark := string(r.take(8))
	inner := otsReader{rest: r.text(0, otsLongest)}
	switch mark {
	case otsBitcoin:
		block := Block{Height: inner.number()}
		if len(message) == sha256.Size {
			root := slices.Clone(message)
			slices.Reverse(root)
			block.Root = hex.EncodeToString(root)
		}
		inner.bad = inner.bad || message != nil && block.Root == "" // what has another length is no root
		p.Blocks = append(p.Blocks, block)
	case otsPending:
		address := string(inner.text(0, otsCalendar))
		inner.bad = inner.bad || strings.Trim(address, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/:") != ""
		p.Calendars = append(p.Calendars, address)
	default:
		p.Others++
		return
	}
	r.bad = r.bad || inner.bad || len(inner.rest) > 0
}
