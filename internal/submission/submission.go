// SPDX-License-Identifier: AGPL-3.0-or-later

package submission

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"
)

// Limits, in bytes unless it says otherwise.
const (
	MaxMessage = 256 << 10 // a message as JSON, with what rounds it up
	MaxText    = 100 << 10 // one field of it
	MaxFiles   = 50        // files of one message
	MaxName    = 255       // the name of a file
	maxKnown   = 1 << 10   // by what a member is known
	PieceBytes = 4 << 20   // every piece of a file but its last
	MaxFile    = 2 << 30   // a file
	MaxPieces  = MaxFile / PieceBytes
	MaxSealed  = MaxMessage + sealing   // a sealed message
	MaxPiece   = PieceBytes + sealing   // a sealed piece
	messageRow = 4 << 10                // to which messages are rounded up
	pieceRow   = 64 << 10               // to which the last piece of a file is
	sealing    = 8<<10 + PieceBytes>>12 // more than what age adds to a piece of that length
)

var (
	// ErrForm says that something is no message as this program writes it.
	ErrForm = errors.New("it is not written as a report is")
	// ErrOpen says that a seal does not open with the identity.
	ErrOpen = errors.New("it is not sealed to this identity, or was damaged on the way")
	// ErrTooLong says that more was written than one message holds.
	ErrTooLong = errors.New("it is too long for one message: send it in two")
)

// Message is what somebody tells, or what is answered: then only Language and
// Told are set. Empty is what they did not say.
type Message struct {
	Format   int      `json:"format"`   // 1; 2 with Conversation
	Language string   `json:"language"` // en, ru or kk: the one in which it was written
	Told     string   `json:"told,omitempty"`
	Who      string   `json:"who,omitempty"` // who is hurt
	Where    string   `json:"where,omitempty"`
	When     string   `json:"when,omitempty"`
	By       string   `json:"by,omitempty"`
	Wish     string   `json:"wish,omitempty"`     // what they want to happen
	Contact  string   `json:"contact,omitempty"`  // how they can be reached safely
	Consents []string `json:"consents,omitempty"` // codes of the codebook's list consent_purpose
	Answers  string   `json:"answers,omitempty"`  // the age recipient to whom answers are sealed
	Mark     string   `json:"mark,omitempty"`     // 32 hex digits of the receipt, the same in each message of a report
	Files    []File   `json:"files,omitempty"`
	// Conversation is there where a member took down what somebody told them. It
	// says so itself: nothing on a member's phone could vouch for it.
	Conversation *Conversation `json:"conversation,omitempty"`
}

// Conversation is what a member adds who takes down what somebody tells.
type Conversation struct {
	Day        string `json:"day"`                  // on which they spoke, as 2026-11-27
	Speaker    string `json:"speaker,omitempty"`    // who spoke: a code of the codebook's list person_role
	Known      string `json:"known,omitempty"`      // by what the organisation knows who took it down
	Complaint  string `json:"complaint,omitempty"`  // whether one was filed: yes, no or unknown
	Registered string `json:"registered,omitempty"` // whether it was registered
	Examined   string `json:"examined,omitempty"`   // whether a doctor examined them for the State
	State      string `json:"state,omitempty"`      // what else the State has done so far
}

// File is a file that came with a message.
type File struct {
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"` // as the sender's machine calls it: nobody has looked
	Bytes  int64  `json:"bytes"`
	Upload string `json:"upload"` // 32 hex digits: under which its pieces lie
	Pieces int    `json:"pieces"`
	SHA256 string `json:"sha256"` // of the whole file, in hex
}

// PiecesOf is how many pieces a file of n bytes has: at least one.
func PiecesOf(n int64) int { return max(1, int((n+PieceBytes-1)/PieceBytes)) }

// PieceLen is how many bytes of the file are in its piece n, from 0.
func (f File) PieceLen(n int) int {
	return int(min(PieceBytes, max(0, f.Bytes-int64(n)*PieceBytes)))
}

// Empty tells whether nothing is told: a report without words and files.
func (m Message) Empty() bool {
	for _, text := range m.texts() {
		if strings.TrimSpace(text) != "" {
			return false
		}
	}
	return len(m.Files) == 0
}

func (m Message) texts() []string {
	all := []string{m.Told, m.Who, m.Where, m.When, m.By, m.Wish, m.Contact}
	if c := m.Conversation; c != nil {
		all = append(all, c.State)
	}
	return all
}

// formed tells whether a message is what its format says.
func (m Message) formed() bool {
	if m.Conversation == nil {
		return m.Format == 1
	}
	c := *m.Conversation
	day, err := time.Parse(time.DateOnly, c.Day)
	for _, said := range []string{c.Complaint, c.Registered, c.Examined} {
		if said != "" && said != "yes" && said != "no" && said != "unknown" {
			return false
		}
	}
	return m.Format == 2 && m.Answers == "" && err == nil && day.Format(time.DateOnly) == c.Day && (c.Speaker == "" || isCode(c.Speaker)) &&
		len(c.Known) <= maxKnown && utf8.ValidString(c.Known)
}

// Write writes a message as JSON, rounded up with spaces.
func Write(m Message) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, err
	}
	for b.Len()%messageRow != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > MaxMessage {
		return nil, ErrTooLong
	}
	return b.Bytes(), nil
}

// Read reads a message, strictly: what it does not know, what stands twice and
// what does not fit together is ErrForm.
func Read(b []byte) (m Message, err error) {
	if len(b) > MaxMessage || !utf8.Valid(b) {
		return m, ErrForm
	}
	if err := once(b); err != nil {
		return m, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Message{}, ErrForm
	}
	if err := m.check(); err != nil {
		return Message{}, err
	}
	return m, nil
}

// once refuses what another reader would read as something else: names of
// fields that stand twice or with great letters, null, and what comes after.
func once(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := value(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrForm
	}
	return nil
}

func value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil || t == nil || depth > 4 {
		return ErrForm
	}
	names := map[string]bool{}
	for (t == json.Delim('{') || t == json.Delim('[')) && d.More() {
		if t == json.Delim('{') {
			k, err := d.Token()
			name, _ := k.(string)
			if err != nil || names[name] || name != strings.ToLower(name) {
				return ErrForm
			}
			names[name] = true
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	if t == json.Delim('{') || t == json.Delim('[') {
		if _, err := d.Token(); err != nil {
			return ErrForm
		}
	}
	return nil
}

func (m Message) check() error {
	if !m.formed() || m.Language != "en" && m.Language != "ru" && m.Language != "kk" || len(m.Files) > MaxFiles {
		return ErrForm
	}
	for _, text := range m.texts() {
		if len(text) > MaxText {
			return ErrTooLong
		}
		if !utf8.ValidString(text) {
			return ErrForm
		}
	}
	if m.Mark != "" && !isHex(m.Mark, 16) {
		return ErrForm
	}
	seen := map[string]bool{}
	for _, code := range m.Consents {
		if !isCode(code) || seen[code] {
			return ErrForm
		}
		seen[code] = true
	}
	if m.Answers != "" {
		if _, err := age.ParseHybridRecipient(m.Answers); err != nil {
			return ErrForm
		}
	}
	for _, f := range m.Files {
		if seen[f.Upload] || !f.good() {
			return ErrForm
		}
		seen[f.Upload] = true
	}
	return nil
}

func isCode(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func (f File) good() bool {
	return isHex(f.Upload, 16) && isHex(f.SHA256, 32) && isType(f.Type) && f.Name == FileName(f.Name) &&
		f.Bytes >= 0 && f.Bytes <= MaxFile && f.Pieces == PiecesOf(f.Bytes)
}

func isHex(s string, n int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == n && s == strings.ToLower(s)
}

func isType(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= 100
}

// programs are the endings of the names of files that run on the machine of who
// opens them.
var programs = []string{
	".apk", ".app", ".appimage", ".bat", ".cmd", ".com", ".cpl", ".deb", ".dll", ".exe", ".hta", ".ipa", ".jar", ".js", ".jse", ".lnk",
	".msi", ".msix", ".pif", ".ps1", ".reg", ".rpm", ".scr", ".sh", ".vbe", ".vbs", ".wsf", ".xapk",
}

// Programs are the endings of the names of files that are not taken.
func Programs() []string { return slices.Clone(programs) }

// IsProgram tells whether a file, by its name, runs on the machine of who opens
// it. Whoever sends one is told so and sends it not: it is no report, and would
// harm who reads. One under another name comes all the same, and is looked at as
// everything that comes from outside.
func IsProgram(name string) bool {
	return slices.Contains(programs, strings.ToLower(path.Ext(name)))
}

// FileName makes of what a machine calls a file the name that a message has:
// without folders and what is not seen, and never empty.
func FileName(s string) string {
	s = s[strings.LastIndexAny(s, `/\`)+1:]
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
	for len(s) > MaxName { // its end tells what it is
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
	}
	if s = strings.Trim(s, " ."); s == "" {
		return "file"
	}
	return s
}

// Seal seals a message to an intake, or an answer to who reported.
func Seal(to []age.Recipient, m Message) ([]byte, error) {
	b, err := Write(m)
	if err != nil {
		return nil, err
	}
	return sealed(to, b)
}

// Open opens what Seal made: ErrOpen or ErrForm where it can't.
func Open(with age.Identity, b []byte) (Message, error) {
	text, err := opened(with, b, MaxMessage)
	if err != nil {
		return Message{}, err
	}
	return Read(text)
}

// SealPiece seals a piece of a file: PieceBytes of it, or, the last one, what is left.
func SealPiece(to []age.Recipient, piece []byte) ([]byte, error) {
	if len(piece) > PieceBytes {
		return nil, ErrTooLong
	}
	rows := max(1, (len(piece)+pieceRow-1)/pieceRow)
	padded := make([]byte, rows*pieceRow)
	copy(padded, piece)
	return sealed(to, padded)
}

// OpenPiece opens piece n of a file, from 0. That it is the right one is not
// known before File.SHA256 is right.
func OpenPiece(with age.Identity, f File, n int, b []byte) ([]byte, error) {
	padded, err := opened(with, b, PieceBytes)
	if err != nil {
		return nil, err
	}
	if len(padded) < f.PieceLen(n) {
		return nil, ErrForm
	}
	return padded[:f.PieceLen(n)], nil
}

// Recipients reads age recipients, of the hybrid kind alone: of others what is
// sealed today may be opened in twenty years.
func Recipients(text ...string) (all []age.Recipient, err error) {
	for _, s := range text {
		r, err := age.ParseHybridRecipient(s)
		if err != nil {
			return nil, errors.New("the key to which reports are sealed can't be read: it begins with age1pq1")
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, errors.New("there is nobody to whom it could be sealed")
	}
	return all, nil
}

// NewUpload draws the name of an upload.
func NewUpload() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // it never fails
	return hex.EncodeToString(u[:])
}

func sealed(to []age.Recipient, b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to...)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return out.Bytes(), nil
}

func opened(with age.Identity, b []byte, most int64) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(b), with)
	if err != nil {
		return nil, ErrOpen
	}
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, ErrOpen
	}
	if int64(len(text)) > most {
		return nil, ErrForm
	}
	return text, nil
}
