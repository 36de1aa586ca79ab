// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/kua-registry/kua/internal/ledger"
)

// The files of a stream that is handed over go beside the ledger, sealed as they
// are, piece by piece: to the relay, and from there to who owns the stream next.
// Both sides go on where the line was cut. The relay keeps them as long as the
// stream was handed over and its new owner has written nothing to it yet: the first
// entry of that one says that it has all.

// partLen is how much of a file goes at a time, in bytes.
const partLen = 4 << 20

// ErrPart says that a piece of a file does not go on where the last one ended.
var ErrPart = errors.New("the piece of the file does not go on where the last one ended")

// Parcel is a sealed file that goes with a stream.
type Parcel struct {
	Stream  ledger.ID
	Version uint64 // of the entry with which the stream was handed over
	File    ledger.ID
	Length  uint64 // of the sealed file, in bytes
}

// Sending is a parcel, and where it is read.
type Sending struct {
	Parcel
	Open func(context.Context) (io.ReadSeekCloser, error)
}

// Coming is a parcel, and how much of it is there.
type Coming struct {
	Parcel
	Have uint64
}

// Whole tells whether all of it is there.
func (c Coming) Whole() bool { return c.Have == c.Length }

const parcelLen = 16 + 8 + 16 + 8

func (p Parcel) bytes() []byte {
	b := binary.BigEndian.AppendUint64(append([]byte(nil), p.Stream[:]...), p.Version)
	return binary.BigEndian.AppendUint64(append(b, p.File[:]...), p.Length)
}

func (r *reader) parcel() Parcel {
	return Parcel{Stream: r.id(), Version: r.uint64(), File: r.id(), Length: r.uint64()}
}

// name is the file of a parcel in a folder, and how it is asked for.
func (p Parcel) name() string { return hex.EncodeToString(p.bytes()) }

func parcelOf(name string) (Parcel, error) {
	b, err := hex.DecodeString(name)
	if err != nil || len(b) != parcelLen || name != strings.ToLower(name) {
		return Parcel{}, fmt.Errorf("the name of a file: %w", ErrFormat)
	}
	r := reader{b: b}
	return r.parcel(), nil
}

// A part is a piece of a parcel, on its way: to whom it goes, the parcel, where the
// piece begins, and the piece.
type part struct {
	to     ledger.ID
	parcel Parcel
	offset uint64
	piece  []byte
}

func (p part) bytes() []byte {
	b := append(append([]byte(nil), p.to[:]...), p.parcel.bytes()...)
	return append(binary.BigEndian.AppendUint64(b, p.offset), p.piece...)
}

func openPart(b []byte) (part, error) {
	r := reader{b: b}
	p := part{to: r.id(), parcel: r.parcel(), offset: r.uint64()}
	p.piece = r.b
	if r.bad || len(p.piece) == 0 || len(p.piece) > partLen || p.parcel.Length > 1<<50 || p.offset > p.parcel.Length || p.offset+uint64(len(p.piece)) > p.parcel.Length {
		return part{}, fmt.Errorf("a piece of a file: %w", ErrFormat)
	}
	return p, nil
}

// parcels keeps sealed files while they come.
type parcels struct {
	dir folder
	mu  sync.Mutex
}

func (d *parcels) path(p Parcel) string { return filepath.Join(string(d.dir), p.name()) }

// have is how much of a parcel is there.
func (d *parcels) have(p Parcel) (uint64, error) {
	info, err := os.Stat(d.path(p))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

// add puts a piece behind what is there, durably, and answers how much that is
// then. A piece that is there already changes nothing.
func (d *parcels) add(p part) (have uint64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if have, err = d.have(p.parcel); err != nil {
		return 0, err
	}
	end := p.offset + uint64(len(p.piece))
	switch {
	case p.offset > have:
		return have, ErrPart
	case end <= have:
		return have, nil
	}
	if err := os.MkdirAll(string(d.dir), 0o700); err != nil {
		return have, err
	}
	f, err := os.OpenFile(d.path(p.parcel), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return have, err
	}
	_, err = f.WriteAt(p.piece[have-p.offset:], int64(have))
	if err == nil {
		err = f.Sync()
	}
	if err != nil { // what is not whole comes anew
		err = errors.Join(err, f.Truncate(int64(have)))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return have, err
	}
	return end, nil
}

// read gives a piece from a place on; none at the end of what is there.
func (d *parcels) read(p Parcel, from uint64) (_ []byte, err error) {
	f, err := os.Open(d.path(p))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return p.read(f, from)
}

// read gives a piece of the sealed file from a place on; none at its end.
func (p Parcel) read(f io.ReadSeeker, from uint64) ([]byte, error) {
	if _, err := f.Seek(int64(from), io.SeekStart); err != nil {
		return nil, err
	}
	b := make([]byte, min(partLen, p.Length-min(from, p.Length)))
	n, err := io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return b[:n], err
}

// all are the parcels that are there, or have begun to come; of is the text of a
// stream, or empty for those of any.
func (d *parcels) all(of string) (all []Coming, err error) {
	names, err := d.dir.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, of) {
			continue
		}
		p, err := parcelOf(name)
		if err != nil {
			continue // not of this program
		}
		have, err := d.have(p)
		if err != nil {
			return nil, err
		}
		all = append(all, Coming{p, have})
	}
	return all, nil
}

func (d *parcels) drop(p Parcel) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dir.drop(p.name())
}

// onWay tells of a parcel by whom and to whom its stream was handed over, and
// whether it still is on its way: nobody has written to it since.
func (s *side) onWay(ctx context.Context, p Parcel) (by, to ledger.ID, still bool, err error) {
	last, _, err := s.log.Last(ctx, p.Stream)
	if err != nil || last != p.Version || last == 0 {
		return by, to, false, err
	}
	claims, err := s.claims(ctx, p.Stream)
	if err != nil || len(claims) < 2 {
		return by, to, false, err
	}
	c := claims[len(claims)-1]
	return c.By, c.Owner, c.After == p.Version, nil
}

// TakePart keeps a piece of a file that a node sends, and answers how much there
// is then.
func (r *Relay) TakePart(ctx context.Context, from ledger.ID, b []byte) (Outcome, uint64, error) {
	p, err := openPart(b)
	if err != nil {
		return Unusable, 0, nil
	}
	by, to, still, err := r.onWay(ctx, p.parcel)
	if err != nil {
		return 0, 0, err
	}
	if !still || by != from || to != p.to {
		return NotOwner, 0, nil
	}
	have, err := r.parcels.add(p)
	if errors.Is(err, ErrPart) {
		return Early, have, nil
	}
	return Kept, have, err
}

// underway is a parcel at the relay, by whom it is sent, and to whom.
type underway struct {
	Coming
	by, to ledger.ID
}

// tidy takes away what is not on its way any more, of a stream or of all, and
// answers what still is.
func (r *Relay) tidy(ctx context.Context, of string) (left []underway, err error) {
	all, err := r.parcels.all(of)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		by, to, still, err := r.onWay(ctx, c.Parcel)
		if err != nil {
			return nil, err
		}
		if still {
			left = append(left, underway{c, by, to})
		} else if err := r.parcels.drop(c.Parcel); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// files are the parcels that a node sends, or that go to it.
func (r *Relay) files(ctx context.Context, node ledger.ID) (b []byte, err error) {
	all, err := r.tidy(ctx, "")
	for _, c := range all {
		if c.by == node || c.to == node {
			b = binary.BigEndian.AppendUint64(append(b, c.bytes()...), c.Have)
		}
	}
	return b, err
}

// file answers a piece of a parcel to the node to which it goes, or lets go of it
// where that node says that it is not what it should be.
func (r *Relay) file(q *http.Request, node ledger.ID, again bool) ([]byte, error) {
	p, err := parcelOf(q.URL.Query().Get("parcel"))
	if err != nil {
		return nil, err
	}
	_, to, still, err := r.onWay(q.Context(), p)
	if err != nil || !still || to != node {
		return nil, err
	}
	if again {
		return nil, r.parcels.drop(p)
	}
	from, err := strconv.ParseUint(q.URL.Query().Get("from"), 10, 50)
	if err != nil {
		return nil, err
	}
	return r.parcels.read(p, from)
}

// atRelay are the parcels at the relay that this node sends, or that go to it.
func (n *Node) atRelay(ctx context.Context, c Client) (all []Coming, err error) {
	b, err := c.do(ctx, n, http.MethodGet, "/files", nil)
	if err != nil {
		return nil, err
	}
	r := reader{b: b}
	for len(r.b) > 0 && !r.bad {
		all = append(all, Coming{r.parcel(), r.uint64()})
	}
	if r.bad {
		return nil, fmt.Errorf("the relay's answer: %w", ErrFormat)
	}
	return all, nil
}

// SendFiles hands in files of streams that were handed over, from where the relay
// has them on.
func (n *Node) SendFiles(ctx context.Context, c Client, files []Sending) error {
	if len(files) == 0 {
		return nil
	}
	there, err := n.atRelay(ctx, c)
	if err != nil {
		return err
	}
	have := map[Parcel]uint64{}
	for _, t := range there {
		have[t.Parcel] = t.Have
	}
	for _, file := range files {
		if have[file.Parcel] == file.Length {
			continue
		}
		if err := n.sendFile(ctx, c, file, have[file.Parcel]); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) sendFile(ctx context.Context, c Client, file Sending, from uint64) (err error) {
	_, to, still, err := n.onWay(ctx, file.Parcel)
	if err != nil || !still {
		return err
	}
	f, err := file.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for from < file.Length {
		piece, err := file.read(f, from)
		if err != nil {
			return err
		}
		if len(piece) == 0 {
			return fmt.Errorf("a file is shorter than it was: %w", io.ErrUnexpectedEOF)
		}
		b, err := c.do(ctx, n, http.MethodPost, "/file", part{to, file.Parcel, from, piece}.bytes())
		if err != nil {
			return err
		}
		r := reader{b: b}
		o, now := Outcome(r.byte()), r.uint64()
		switch {
		case r.bad || len(r.b) > 0 || now > file.Length:
			return fmt.Errorf("the relay's answer: %w", ErrFormat)
		case o == Early && now < from: // it has lost some
		case o != Kept || now <= from:
			return nil // it was taken, or handed back, meanwhile
		}
		from = now
	}
	return nil
}

// FetchFiles takes over what the relay has of files that go to this node.
func (n *Node) FetchFiles(ctx context.Context, c Client) error {
	wanted, err := n.again.names()
	if err != nil {
		return err
	}
	for _, name := range wanted {
		if _, err := c.do(ctx, n, http.MethodPost, "/again?parcel="+url.QueryEscape(name), nil); err != nil {
			return err
		}
		if err := n.again.drop(name); err != nil {
			return err
		}
	}
	if err := n.tidyFiles(ctx); err != nil {
		return err
	}
	there, err := n.atRelay(ctx, c)
	if err != nil {
		return err
	}
	for _, t := range there {
		if err := n.fetchFile(ctx, c, t); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) fetchFile(ctx context.Context, c Client, t Coming) error {
	_, to, still, err := n.onWay(ctx, t.Parcel)
	if err != nil || !still || to != ledger.ID(n.id.ID()) || t.Have > t.Length {
		return err
	}
	have, err := n.parcels.have(t.Parcel)
	for err == nil && have < t.Have {
		piece, err := c.do(ctx, n, http.MethodGet, "/file?parcel="+t.name()+"&from="+strconv.FormatUint(have, 10), nil)
		if err != nil || len(piece) == 0 {
			return err
		}
		now, err := n.keepPart(ctx, part{to, t.Parcel, have, piece}.bytes())
		if err != nil || now <= have { // it goes here no more
			return err
		}
		have = now
	}
	return err
}

// keepPart keeps a piece of a file that goes to this node; one that goes to
// another, or that came too late, is passed over.
func (n *Node) keepPart(ctx context.Context, b []byte) (uint64, error) {
	p, err := openPart(b)
	if err != nil {
		return 0, err
	}
	last, _, err := n.log.Last(ctx, p.parcel.Stream)
	if err != nil || p.to != ledger.ID(n.id.ID()) || last > p.parcel.Version {
		return 0, err
	}
	have, err := n.parcels.add(p)
	if errors.Is(err, ErrPart) { // the piece before is on another stick
		err = nil
	}
	return have, err
}

// tidyFiles takes away what goes to this node no more.
func (n *Node) tidyFiles(ctx context.Context) error {
	all, err := n.parcels.all("")
	if err != nil {
		return err
	}
	for _, c := range all {
		last, _, err := n.log.Last(ctx, c.Stream)
		if err != nil {
			return err
		}
		if last > c.Version {
			if err := n.parcels.drop(c.Parcel); err != nil {
				return err
			}
		}
	}
	return nil
}

// Coming are the files that go to this node, as far as they have come.
func (n *Node) Coming() ([]Coming, error) { return n.parcels.all("") }

// Path is where a file that has come lies until it is taken over.
func (n *Node) Path(p Parcel) string { return n.parcels.path(p) }

// Again lets go of a file that came and is not what it should be: it is sent anew.
func (n *Node) Again(p Parcel) error {
	return errors.Join(n.again.put(p.name(), []byte{}), n.parcels.drop(p))
}

// writeParts puts all of a file into a stick.
func writeParts(ctx context.Context, file Sending, to ledger.ID, put func(kind byte, b []byte) error) (err error) {
	f, err := file.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for from := uint64(0); from < file.Length; {
		piece, err := file.read(f, from)
		if err != nil || len(piece) == 0 {
			return err
		}
		if err := put(stickFile, part{to, file.Parcel, from, piece}.bytes()); err != nil {
			return err
		}
		from += uint64(len(piece))
	}
	return nil
}
