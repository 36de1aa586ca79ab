// SPDX-License-Identifier: AGPL-3.0-or-later

package backup

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/seal"
)

// The formats of what lies in a store.
const (
	backupFormat = "kua backup "
	backupNumber = "1"
	keysFormat   = "kua backup keys 1"

	pieceLabel = "kua/backup/piece/v1"
	nameLabel  = "kua/backup/name/v1"
	listLabel  = "kua/backup/list/v1"
	signLabel  = "kua/backup/v1"

	stampForm = "20060102T150405Z"
	overhead  = 16 // by how much a piece is longer when it is sealed
)

// Piece names a piece and says how long it is, unsealed.
type Piece struct {
	ID   string `json:"id"` // 64 hexadecimal digits
	Size int64  `json:"size"`
}

func (p Piece) name() string { return path.Join(kindPiece, p.ID) }

// File is a file of a register.
type File struct {
	Path   string  `json:"path"` // below the register's directory, with /
	Day    string  `json:"day"`  // on which it was changed last, 2006-01-02
	Size   int64   `json:"size"`
	Pieces []Piece `json:"pieces"`
}

// Rows is a piece with entries of a ledger.
type Rows struct {
	Piece
	First uint64 `json:"first"` // position of the first
	Count uint64 `json:"count"`
	Full  bool   `json:"full"` // nothing will be added to it
}

// Ledger is the state of a ledger at one moment.
type Ledger struct {
	ID         string  `json:"id"`
	Entries    uint64  `json:"entries"`
	Root       string  `json:"root"`       // hexadecimal
	Checkpoint string  `json:"checkpoint"` // of these entries, as it was signed
	Meta       []Piece `json:"meta"`       // what its store keeps under names
	Rows       []Rows  `json:"rows"`
	Keys       []Piece `json:"keys"` // the wrapped keys
}

// Backup is what one backup is made of.
type Backup struct {
	Name    string    `json:"-"` // below "backups/"
	At      time.Time `json:"at"`
	Ledger  Ledger    `json:"ledger"`
	Replica *Ledger   `json:"replica,omitempty"` // of a coalition's ledger, where there is one
	Drafts  []Piece   `json:"drafts,omitempty"`
	Files   []File    `json:"files"`

	// Forgetting is the forgetting key under which the wrapped keys lie, and Ends
	// the day on which it is destroyed: no such backup opens after that.
	Forgetting string    `json:"forgetting"`
	Ends       time.Time `json:"ends"`

	Figures json.RawMessage `json:"figures,omitempty"` // to be compared by who restores it
	Erased  json.RawMessage `json:"erased,omitempty"`  // to be erased again in older ones
	Keys    string          `json:"-"`                 // of the key files that open it
}

// Pieces calls f with every piece the backup needs, and what of it. One that it
// needs in several places comes as often.
func (b *Backup) Pieces(f func(p Piece, of string)) {
	of := func(l *Ledger, what string) {
		for _, r := range l.Rows {
			f(r.Piece, fmt.Sprintf("%s, entries %d to %d", what, r.First, r.First+r.Count-1))
		}
		for _, p := range l.Keys {
			f(p, what+", wrapped keys")
		}
		for _, p := range l.Meta {
			f(p, what+", what its store keeps")
		}
	}
	of(&b.Ledger, "ledger")
	if b.Replica != nil {
		of(b.Replica, "coalition's ledger")
	}
	for _, p := range b.Drafts {
		f(p, "drafts")
	}
	for _, file := range b.Files {
		for _, p := range file.Pieces {
			f(p, "file "+file.Path)
		}
	}
}

// Size is how many bytes all pieces are that the backup needs, sealed.
func (b *Backup) Size() (n int64) {
	seen := map[string]bool{}
	b.Pieces(func(p Piece, _ string) {
		if !seen[p.ID] {
			seen[p.ID] = true
			n += p.Size + overhead
		}
	})
	return n
}

// Keys is what opens backups: the key of the register's backups, and who signs.
type Keys struct {
	Key    seal.Key
	Node   *seal.Identity    // nil: for reading alone
	Signed ed25519.PublicKey // the node's
}

// Repo is the backups of a register in a store.
type Repo struct {
	store Store
	keys  Keys
	name  []byte // key of the names of pieces
}

// Open makes ready to use the backups in a store. Nobody is asked yet.
func Open(store Store, keys Keys) (*Repo, error) {
	name, err := hkdf.Key(sha256.New, keys.Key[:], nil, nameLabel, 32)
	if err != nil {
		return nil, err
	}
	return &Repo{store, keys, name}, nil
}

// KeyFiles is what must lie in the open beside backups, because it opens them:
// key files, each of which is sealed by itself.
type KeyFiles map[string][]byte

type keysText struct {
	Format string   `json:"format"`
	Files  KeyFiles `json:"files"`
}

// Names are the names of all backups there, the newest last.
func Names(ctx context.Context, s Store) ([]string, error) {
	names, err := sorted(ctx, s, kindBackup)
	for i, name := range names {
		names[i] = strings.TrimPrefix(name, kindBackup+"/")
	}
	return names, err
}

// parseBackupName reads when a backup was made, as its name says.
func parseBackupName(name string) (at time.Time, random string, err error) {
	stamp, random, ok := strings.Cut(name, "-")
	b, hexErr := hex.DecodeString(random)
	at, err = time.Parse(stampForm, stamp)
	if !ok || hexErr != nil || len(b) != 8 {
		err = ErrDamaged
	}
	return at, random, err
}

func randomName() string {
	b := make([]byte, 8)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// listed reads a backup's list: its head, and what is sealed of it.
func listed(ctx context.Context, s Store, name string) (head []byte, keys string, sealed []byte, err error) {
	if _, _, err := parseBackupName(name); err != nil {
		return nil, "", nil, fmt.Errorf("%s is not the name of a backup", name)
	}
	text, err := s.Get(ctx, path.Join(kindBackup, name))
	if err != nil {
		return nil, "", nil, err
	}
	first, rest, ok := bytes.Cut(text, []byte("\n"))
	number, ours := strings.CutPrefix(string(first), backupFormat)
	if !ok || !ours || number == "" || len(number) > 9 || strings.Trim(number, "0123456789") != "" {
		return nil, "", nil, fmt.Errorf("%s/%s: %w", kindBackup, name, ErrDamaged)
	}
	if number != backupNumber {
		return nil, "", nil, fmt.Errorf("the backup %s has format %s, this program knows %s: %w", name, number, backupNumber, ErrNewer)
	}
	second, sealed, ok := bytes.Cut(rest, []byte("\n"))
	if !ok || !named(kindKeys, path.Join(kindKeys, string(second))) {
		return nil, "", nil, fmt.Errorf("%s/%s: %w", kindBackup, name, ErrDamaged)
	}
	return text[:len(text)-len(sealed)], string(second), sealed, nil
}

// KeysOf reads the key files that open a backup. They are not to be trusted
// before one of them has opened with what its owner knows.
func KeysOf(ctx context.Context, s Store, name string) (KeyFiles, error) {
	_, keys, _, err := listed(ctx, s, name)
	if err != nil {
		return nil, err
	}
	return keyFiles(ctx, s, keys)
}

func keyFiles(ctx context.Context, s Store, name string) (KeyFiles, error) {
	at := path.Join(kindKeys, name)
	text, err := s.Get(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at, missing(err))
	}
	sum := sha256.Sum256(text)
	var in keysText
	if hex.EncodeToString(sum[:]) != name || json.Unmarshal(text, &in) != nil || in.Format != keysFormat {
		return nil, fmt.Errorf("%s: %w", at, ErrDamaged)
	}
	return in.Files, nil
}

// missingError says that what is not there should be: damage, in other words.
type missingError struct{}

func (missingError) Error() string        { return "it is missing" }
func (missingError) Is(target error) bool { return target == ErrDamaged }

var errMissing error = missingError{}

func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errMissing
	}
	return err
}

// Read opens the list of a backup, and sees that the register signed it.
func (r *Repo) Read(ctx context.Context, name string) (*Backup, error) {
	head, keys, sealed, err := listed(ctx, r.store, name)
	if err != nil {
		return nil, err
	}
	damaged := fmt.Errorf("%s/%s: %w", kindBackup, name, ErrDamaged)
	aead, err := r.cipher(nil, listLabel)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, damaged
	}
	about := append(bytes.Clone(head), name...)
	text, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], about)
	if err != nil || len(text) < ed25519.SignatureSize {
		return nil, damaged
	}
	signature, text := text[:ed25519.SignatureSize], text[ed25519.SignatureSize:]
	if !ed25519.Verify(r.keys.Signed, signed(name, text), signature) {
		return nil, damaged
	}
	b := &Backup{Name: name, Keys: keys}
	if err := json.Unmarshal(text, b); err != nil {
		return nil, damaged
	}
	return b, nil
}

func signed(name string, text []byte) []byte {
	return append([]byte(signLabel+"\x00"+name+"\x00"), text...)
}

// cipher is AES-256-GCM under a key of its own.
func (r *Repo) cipher(salt []byte, label string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, r.keys.Key[:], salt, label, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// idOf is the name of a piece: nobody without the key can tell by it what it holds.
func (r *Repo) idOf(text []byte) [32]byte {
	h := hmac.New(sha256.New, r.name)
	h.Write(text)
	return [32]byte(h.Sum(nil))
}

// Get reads a piece and sees that it is the one that is meant.
func (r *Repo) Get(ctx context.Context, p Piece) ([]byte, error) {
	sealed, err := r.store.Get(ctx, p.name())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name(), missing(err))
	}
	id, err := hex.DecodeString(p.ID)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name(), ErrDamaged)
	}
	aead, err := r.cipher(id, pieceLabel)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name(), ErrDamaged)
	}
	if is := r.idOf(text); !hmac.Equal(is[:], id) || int64(len(text)) != p.Size {
		return nil, fmt.Errorf("%s: %w", p.name(), ErrDamaged)
	}
	return text, nil
}

// All reads pieces that belong together.
func (r *Repo) All(ctx context.Context, pieces []Piece) ([]byte, error) {
	var all []byte
	for _, p := range pieces {
		text, err := r.Get(ctx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, text...)
	}
	return all, nil
}

// Writer makes one backup. Nothing of it counts before Finish.
type Writer struct {
	repo  *Repo
	there map[string]int64 // pieces of the store, and how long they are, sealed
	buf   []byte           // a piece of the file that is being read

	// Anew writes what is there already once more: some of it was found damaged.
	Anew bool

	Put   int   // pieces that were written
	Bytes int64 // of them, sealed
}

// Begin makes ready to make a backup. The store is locked.
func (r *Repo) Begin(ctx context.Context) (*Writer, error) {
	w := &Writer{repo: r, there: map[string]int64{}, buf: make([]byte, PieceLen)}
	return w, r.store.Each(ctx, kindPiece, func(name string, size int64) error {
		if named(kindPiece, name) {
			w.there[name] = size
		}
		return nil
	})
}

// Has tells whether a piece of an earlier backup is there in its length.
func (w *Writer) Has(p Piece) bool {
	size, ok := w.there[p.name()]
	return ok && size == p.Size+overhead && !w.Anew
}

// Add keeps a piece. The same bytes are the same piece, and sealed the same.
func (w *Writer) Add(ctx context.Context, text []byte) (Piece, error) {
	id := w.repo.idOf(text)
	p := Piece{hex.EncodeToString(id[:]), int64(len(text))}
	if w.Has(p) {
		return p, nil
	}
	aead, err := w.repo.cipher(id[:], pieceLabel)
	if err != nil {
		return p, err
	}
	// One key seals one piece: its nonce need not be drawn.
	sealed := aead.Seal(nil, make([]byte, aead.NonceSize()), text, nil)
	if err := w.repo.store.Put(ctx, p.name(), sealed); err != nil {
		return p, err
	}
	if !w.Anew {
		w.there[p.name()] = int64(len(sealed))
	}
	w.Put++
	w.Bytes += int64(len(sealed))
	return p, nil
}

// PieceLen is how much of a file is in one piece.
const PieceLen = 4 << 20

// AddFile keeps all that can be read, in pieces.
func (w *Writer) AddFile(ctx context.Context, r io.Reader) (pieces []Piece, size int64, err error) {
	for {
		n, err := io.ReadFull(r, w.buf)
		if n > 0 {
			p, err := w.Add(ctx, w.buf[:n])
			if err != nil {
				return nil, 0, err
			}
			pieces, size = append(pieces, p), size+p.Size
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return pieces, size, nil
		}
		if err != nil {
			return nil, 0, err
		}
	}
}

// Finish writes the key files and, last of all, the list: from then on the
// backup counts, and b has its name.
func (w *Writer) Finish(ctx context.Context, b *Backup, keys KeyFiles) error {
	text, err := json.Marshal(keysText{keysFormat, keys})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	b.Keys = hex.EncodeToString(sum[:])
	if err := w.repo.store.Put(ctx, path.Join(kindKeys, b.Keys), text); err != nil {
		return err
	}
	b.At = b.At.UTC().Truncate(time.Second)
	names, err := Names(ctx, w.repo.store)
	if err != nil {
		return err
	}
	if n := len(names); n > 0 { // the newest stands last, also where a clock was set back
		if last, _, err := parseBackupName(names[n-1]); err == nil && !b.At.After(last) {
			b.At = last.Add(time.Second)
		}
	}
	name := b.At.Format(stampForm) + "-" + randomName()
	if text, err = json.Marshal(b); err != nil {
		return err
	}
	text = append(w.repo.keys.Node.Sign(signed(name, text)), text...)
	head := []byte(backupFormat + backupNumber + "\n" + b.Keys + "\n")
	aead, err := w.repo.cipher(nil, listLabel)
	if err != nil {
		return err
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	sealed := aead.Seal(append(bytes.Clone(head), nonce...), nonce, text, append(bytes.Clone(head), name...))
	if err := w.repo.store.Put(ctx, path.Join(kindBackup, name), sealed); err != nil {
		return err
	}
	b.Name = name
	return nil
}
