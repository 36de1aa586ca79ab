// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/kua-registry/kua/internal/paper"
)

// Bundle is what is handed over. Its texts are in its language already.
type Bundle struct {
	Lang  string    // en, ru or kk
	Title string    // a line
	From  string    // who hands it over; may be empty
	For   string    // whom or what it is made for; may be empty
	Made  time.Time // written to the second, in UTC; from 1980 to 2107, as a zip can say it

	Cases    []Case
	Gaps     []Gap     // what is left out or lacks, and why
	Exhibits []Exhibit // numbered from 1, in this order
	Things   []Thing   // evidence that is no file of the bundle
	Forms    []Form    // documents filled from the cases, numbered from 1
	Entries  []Entry   // of the ledger, that the bundle rests on; numbered from 1
	Stamps   []Stamp   // numbered from 1
	Chained  []Chained // numbered from 1

	Checkpoint []byte            // of the register, as it was signed
	Key        ed25519.PublicKey // of the register: it signed the checkpoint
	Signer     note.Signer       // with the same key, under the name KeyName gives
}

// Case is one case of a bundle.
type Case struct {
	Number string
	Title  string // may be empty
	People []Person
	Events []Event
}

// Person is who plays a part in a case. A name that is left out is empty.
type Person struct{ Role, Name string }

// Gap is something that a bundle does not hold, told in a sentence.
type Gap struct {
	Case string // number; may be empty
	Text string
}

// Event is a line of a chronology.
type Event struct {
	When     string // as it is printed
	What     string
	Details  []string // each a line
	Sources  []string
	Exhibits []int // numbers
}

// Exhibit is a file of a bundle.
type Exhibit struct {
	Title  string
	Name   string // of the file as it was received; may be anything
	Case   string // number of its case; may be empty
	Media  string // media type; may be empty
	SHA256 [sha256.Size]byte
	Size   int64
	Open   func() (io.ReadCloser, error) // its bytes, asked for once
	Custody
}

// Thing is a piece of evidence that is not an exhibit: clothes, a telephone, a
// recording that others hold.
type Thing struct {
	Title string
	Case  string // number of its case; may be empty
	Custody
}

// Custody is who held something.
type Custody struct {
	Hands  []Handover
	Digest string // of the chain as the register has it, in hexadecimal; may be empty
}

// Handover is a line of the custody of a thing.
type Handover struct {
	When, What, From, To, How, Place, Seal, State string
	Gaps                                          []string // in the chain, each told in a few words
}

// Form is a document filled from the cases: a complaint, a communication. It is
// written as PDF and as DOCX.
type Form struct {
	Name     string // of its files, without number and ending
	Document paper.Document
}

// Entry is an entry of the ledger with its proof of inclusion (RFC 6962, 2.1.1)
// under the checkpoint of the bundle.
type Entry struct {
	Index uint64   // its position, from 0
	Leaf  [32]byte // SHA-256 of a zero byte and the entry as it is stored
	Proof [][32]byte
	About string // what the bundle rests on it for
}

// Stamp is a time stamp of RFC 3161. It is not verified here, but by whoever
// reads the bundle.
type Stamp struct {
	Exhibit   int       // what it is over: a number; 0: the checkpoint
	Token     []byte    // DER, without the answer around it
	Chain     []byte    // PEM: the certificates between signer and root; may be empty
	Root      []byte    // PEM: the authority's root
	Time      time.Time // in the token, in seconds
	Authority string
}

// Chained is a proof of OpenTimestamps (version 1, over SHA-256): what it is over
// was there before a block of Bitcoin. That the block is so is not verified here,
// nor by the script: it takes the block chain.
type Chained struct {
	Exhibit int    // what it is over: a number; 0: the checkpoint
	Proof   []byte // the whole file
	Blocks  []Block
}

// Block is a block of Bitcoin that a proof leads to. None: the proof has still to
// be completed by its calendars.
type Block struct {
	Height uint64
	Root   string // the Merkle root that must stand in its header, as block explorers write it; may be empty
}

const (
	otsHead    = "\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01\x08" // version 1, SHA-256
	ledgerName = "kua/ledger/"                                                                 // begins the first line of a checkpoint
	bundleName = "kua/bundle/"                                                                 // begins the first line of a signed list
	mostToken  = 256 << 10
)

// KeyName is the name under which bundles of a register are signed: that of
// its checkpoints, with another beginning, so that neither is taken for the
// other.
func KeyName(checkpoint []byte) (string, error) {
	origin, _, _ := strings.Cut(string(checkpoint), "\n")
	id, ok := strings.CutPrefix(origin, ledgerName)
	if !ok || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return "", fmt.Errorf("the checkpoint of the bundle is none of a register: ask the register for its newest")
	}
	return bundleName + id, nil
}

// check looks whether everything holds that the bundle says, but for the bytes
// of the exhibits: those are looked at while they are written.
func (b *Bundle) check() error {
	switch b.Lang {
	case "en", "ru", "kk":
	default:
		return fmt.Errorf("a bundle is written in en, ru or kk, not in %q", b.Lang)
	}
	if y := b.Made.UTC().Year(); y < 1980 || y > 2107 {
		return fmt.Errorf("a bundle can't be of the year %d: set the clock", y)
	}
	for i, e := range b.Exhibits {
		if e.Size < 0 || e.Open == nil {
			return fmt.Errorf("exhibit %d has no bytes: leave it out or store it again", i+1)
		}
	}
	for _, c := range b.Cases {
		for _, e := range c.Events {
			for _, n := range e.Exhibits {
				if n < 1 || n > len(b.Exhibits) {
					return fmt.Errorf("the chronology names exhibit %d of %d: number the exhibits again", n, len(b.Exhibits))
				}
			}
		}
	}
	if err := b.checkEntries(); err != nil {
		return err
	}
	for i, s := range b.Stamps {
		if s.Exhibit < 0 || s.Exhibit > len(b.Exhibits) {
			return fmt.Errorf("time stamp %d is over exhibit %d of %d: number the exhibits again", i+1, s.Exhibit, len(b.Exhibits))
		}
		if len(s.Token) < 2 || len(s.Token) > mostToken || s.Token[0] != 0x30 {
			return fmt.Errorf("time stamp %d is no token of RFC 3161: leave it out or ask for another", i+1)
		}
		if !certificates(s.Root) || len(s.Chain) > 0 && !certificates(s.Chain) {
			return fmt.Errorf("time stamp %d has no root certificate, or a chain that is not in PEM: set up its authority", i+1)
		}
	}
	for i, c := range b.Chained {
		if c.Exhibit < 0 || c.Exhibit > len(b.Exhibits) {
			return fmt.Errorf("proof %d of OpenTimestamps is over exhibit %d of %d: number the exhibits again", i+1, c.Exhibit, len(b.Exhibits))
		}
		over := sha256.Sum256(b.Checkpoint)
		if c.Exhibit > 0 {
			over = b.Exhibits[c.Exhibit-1].SHA256
		}
		if !bytes.HasPrefix(c.Proof, append([]byte(otsHead), over[:]...)) || len(c.Proof) > mostToken {
			return fmt.Errorf("proof %d of OpenTimestamps is none, or of other data: leave it out", i+1)
		}
	}
	return nil
}

func (b *Bundle) checkEntries() error {
	if len(b.Key) != ed25519.PublicKeySize {
		return fmt.Errorf("the bundle has no key of the register")
	}
	name, err := KeyName(b.Checkpoint)
	if err != nil {
		return err
	}
	if b.Signer == nil || b.Signer.Name() != name {
		return fmt.Errorf("the bundle has no signer under the name of its register")
	}
	size, root, err := b.head()
	if err != nil {
		return err
	}
	for i, e := range b.Entries {
		path := make(tlog.RecordProof, len(e.Proof))
		for j, h := range e.Proof {
			path[j] = tlog.Hash(h)
		}
		if e.Index >= uint64(size) || tlog.CheckRecord(path, size, root, int64(e.Index), tlog.Hash(e.Leaf)) != nil {
			return fmt.Errorf("entry %d of the bundle is not under its checkpoint: verify the register with kua verify", i+1)
		}
	}
	return nil
}

// head opens the checkpoint.
func (b *Bundle) head() (size int64, root tlog.Hash, err error) {
	bad := func(why string) (int64, tlog.Hash, error) {
		return 0, root, fmt.Errorf("the checkpoint of the bundle %s: verify the register with kua verify", why)
	}
	text, err := b.opened(b.Checkpoint, firstLine(b.Checkpoint))
	if err != nil {
		return bad("is not signed by the register's key alone")
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return bad("has not three lines")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return bad("has no size")
	}
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(hash) != len(root) {
		return bad("has no root")
	}
	return size, tlog.Hash(hash), nil
}

// opened is the text of a note that has exactly one signature: the register's
// under a name, in the one way to write it.
func (b *Bundle) opened(signed []byte, name string) (string, error) {
	key, err := note.NewEd25519VerifierKey(name, b.Key)
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", err
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return "", fmt.Errorf("signed by others too")
	}
	raw, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil || fmt.Sprintf("%s\n— %s %s\n", n.Text, name, base64.StdEncoding.EncodeToString(raw)) != string(signed) {
		return "", fmt.Errorf("written in another way")
	}
	return n.Text, nil
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// certificates tells whether something is certificates in PEM and nothing else.
func certificates(text []byte) bool {
	n := 0
	for ; len(text) > 0; n++ {
		block, rest := pem.Decode(text)
		if block == nil {
			return n > 0 && strings.TrimSpace(string(text)) == ""
		}
		if block.Type != "CERTIFICATE" {
			return false
		}
		text = rest
	}
	return n > 0
}
