// SPDX-License-Identifier: AGPL-3.0-or-later

package inbox

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/wholefile"
)

// What somebody who sends can be told.
var (
	ErrNone    = errors.New("there is no such report: look at each word again")
	ErrTaken   = errors.New("there is a report with that receipt already")
	ErrFull    = errors.New("the inbox takes nothing more for now: what was sent before is safe; try again tomorrow")
	ErrTooLong = errors.New("that is too long for one piece")
	ErrMissing = errors.New("a piece of a file has not arrived: send it again")
	ErrGone    = errors.New("the report was withdrawn by who sent it")
)

// Limits of what is taken, in bytes.
const (
	MaxMessage = 1 << 20 // a sealed message
	MaxPiece   = 5 << 20 // a sealed piece of a file: 4 MiB and what sealing adds
	MaxPieces  = 520     // of a file: a little over 2 GB
	keptDays   = 3       // of an upload that never became part of a report
	fileMode   = 0o700   // of folders: their owner alone
	dayForm    = "2006-01-02"
)

// Door names a report: the SHA-256 of what its receipt opens.
type Door [32]byte

func (d Door) String() string { return hex.EncodeToString(d[:]) }

// Upload names a file that comes in pieces. Its sender draws it at random.
type Upload [16]byte

func (u Upload) String() string { return hex.EncodeToString(u[:]) }

// Report is what can be known of a report without opening it.
type Report struct {
	Door      Door
	Answers   string // the recipient to whom answers are sealed
	Day       string // on which it came
	Messages  []Message
	Withdrawn string // the day; empty: it was not
}

// Message is one sealed message of a report and the files that came with it.
type Message struct {
	Number  int  // from 1
	Answer  bool // from the register to the sender; else the other way
	Brought bool // it came in a sealed file, from where there was no line
	Day     string
	Bytes   int64
	Files   []File
}

// File is a file of a message, in sealed pieces.
type File struct {
	Upload Upload
	Pieces int
	Bytes  int64
}

// Store keeps reports in a folder. Its methods may be called concurrently.
type Store struct {
	dir    string
	most   int64
	free   func() (int64, error) // bytes the disk still has; nil: not known
	now    func() time.Time
	before func(step string) error // for tests: what fails or dies before a step on the disk
	where  [16]byte                // names the installation: receipts are bound to it

	adding sync.Mutex // one change of reports that are there at a time

	mu      sync.Mutex
	counted bool  // what follows has been
	used    int64 // bytes of all
	running int64 // bytes of uploads that are part of no report
}

// Options say how a store is opened.
type Options struct {
	Dir  string
	Most int64 // bytes that all reports and uploads may take
	// Free, where it is known, is how many bytes the disk still has. Reports
	// take no more than half of what there is for them, so that a flood leaves
	// the register room to write in, however small the disk.
	Free func() (int64, error)
	Now  func() time.Time
}

// head is the file of a report that says whose it is.
type head struct {
	Format  int    `json:"format"`
	Answers string `json:"answers"`
	Day     string `json:"day"`
}

// Open opens the store, makes it where it is missing, and sets right what a
// kill or a power cut has left half done. One program at a time does.
func Open(o Options) (*Store, error) { return openStore(o, true) }

// Beside opens the store while another program may have it open to take
// reports: what seems half done is left to that one. What is there is counted
// when something is put in, so that who reads need not wait.
func Beside(o Options) (*Store, error) { return openStore(o, false) }

func openStore(o Options, alone bool) (*Store, error) {
	s := &Store{dir: o.Dir, most: o.Most, free: o.Free, now: o.Now, before: func(string) error { return nil }}
	for _, dir := range []string{s.reports(), s.uploads()} {
		if err := os.MkdirAll(dir, fileMode); err != nil {
			return nil, fmt.Errorf("the inbox can't be opened: %w", err)
		}
	}
	if err := s.name(); err != nil {
		return nil, fmt.Errorf("the inbox can't be opened: %w", err)
	}
	if alone {
		err := s.mend()
		if err == nil {
			err = s.Tend()
		}
		if err != nil {
			return nil, fmt.Errorf("the inbox can't be opened: %w", err)
		}
	}
	return s, nil
}

// Installation names the installation: to it the receipts of its reports are
// bound, for as long as it has reports. It is no secret.
func (s *Store) Installation() [16]byte { return s.where }

// name reads the name of the installation, and draws it where there is none.
func (s *Store) name() error {
	path := filepath.Join(s.dir, installation)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, _ = rand.Read(s.where[:]) // it never fails
		return s.write(path, []byte(hex.EncodeToString(s.where[:])+"\n"))
	}
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(raw) != len(s.where) {
		return errors.New("its file \"installation\" is damaged: without it no receipt opens; bring it back from a backup")
	}
	copy(s.where[:], raw)
	return nil
}

func (s *Store) reports() string { return filepath.Join(s.dir, "reports") }
func (s *Store) uploads() string { return filepath.Join(s.dir, "uploads") }

func (s *Store) report(d Door) string   { return filepath.Join(s.reports(), d.String()) }
func (s *Store) upload(u Upload) string { return filepath.Join(s.uploads(), u.String()) }

func (s *Store) day() string { return s.now().UTC().Format(dayForm) }

// What stands before the name of a report's folder until all of it is there,
// and while it is taken away.
const (
	beginning = ".new-"
	ending    = ".gone-"
)

// mend takes back what was not finished: the files of a report that never got
// its name are uploads again, what was half written goes.
func (s *Store) mend() error {
	folders, err := os.ReadDir(s.reports())
	if err != nil {
		return err
	}
	for _, f := range folders {
		dir := filepath.Join(s.reports(), f.Name())
		if strings.HasPrefix(f.Name(), ending) {
			if err := os.RemoveAll(dir); err != nil {
				return err
			}
			continue
		}
		if err := s.takeBack(dir, strings.HasPrefix(f.Name(), beginning)); err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(dir, withdrawn)); err == nil {
			if err := s.empty(dir); err != nil {
				return err
			}
		}
	}
	running, err := os.ReadDir(s.uploads())
	if err != nil {
		return err
	}
	for _, f := range running {
		if err := dropHalf(filepath.Join(s.uploads(), f.Name())); err != nil {
			return err
		}
	}
	return nil
}

// takeBack makes uploads of the files in a report's folder whose message is not
// there, and of all where the report itself is not.
func (s *Store) takeBack(dir string, all bool) error {
	if err := dropHalf(dir); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), claimed) {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
		number, u, ok := filesOf(f.Name())
		if !ok {
			continue
		}
		if !all && (there(files, messageName(number, wayTold)) || there(files, messageName(number, wayBrought))) {
			continue
		}
		// Whoever was cut off may have begun to send it again: this one is whole.
		if err := os.RemoveAll(s.upload(u)); err != nil {
			return err
		}
		if err := os.Rename(filepath.Join(dir, f.Name()), s.upload(u)); err != nil {
			return err
		}
	}
	if err := wholefile.SyncDir(s.uploads()); err != nil {
		return err
	}
	if all {
		return os.RemoveAll(dir)
	}
	return nil
}

func there(files []fs.DirEntry, name string) bool {
	return slices.ContainsFunc(files, func(f fs.DirEntry) bool { return f.Name() == name })
}

// half is the pattern of the names of files that are being written.
const half = ".half-*"

func dropHalf(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".half-") {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Tend lets uploads go that have become part of no report for days, and counts
// what is there. Call it every few hours.
func (s *Store) Tend() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tend()
}

// tend is Tend with mu held.
func (s *Store) tend() error {
	running, err := os.ReadDir(s.uploads())
	if err != nil {
		return err
	}
	oldest := s.now().UTC().AddDate(0, 0, -keptDays)
	for _, f := range running {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is part of a report since
		}
		if err != nil {
			return err
		}
		if info.ModTime().Before(oldest) {
			if err := os.RemoveAll(filepath.Join(s.uploads(), f.Name())); err != nil {
				return err
			}
		}
	}
	if s.running, err = size(s.uploads()); err != nil {
		return err
	}
	kept, err := size(s.reports())
	s.used, s.counted = kept+s.running, err == nil
	return err
}

// size is how many bytes there are in a folder. What goes while it is counted is
// as if it had gone before.
func size(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return gone(err)
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return gone(err)
	})
	return n, err
}

// Used is how many bytes are kept, and how many may be.
func (s *Store) Used() (used, most int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.most
}

// room takes n bytes of what may be kept, or ErrFull. What is not running may
// take all; uploads that are part of nothing yet no more than a quarter, so
// that whoever sends no report can't keep others from sending theirs.
func (s *Store) room(n int64, running bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.counted {
		if err := s.tend(); err != nil {
			return err
		}
	}
	most := s.most
	if s.free != nil {
		free, err := s.free()
		if err != nil {
			return fmt.Errorf("how much room the disk has can't be seen: %w", err)
		}
		most = min(most, (s.used+free)/2)
	}
	if s.used+n > most || running && s.running+n > most/4 {
		return ErrFull
	}
	s.used += n
	if running {
		s.running += n
	}
	return nil
}

func (s *Store) giveBack(n int64, running bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
	if running {
		s.running -= n
	}
}

// write puts a file, whole, with the day in the place of the time.
func (s *Store) write(path string, b []byte) error {
	if err := s.before("write " + filepath.Base(path)); err != nil {
		return err
	}
	day := s.now().UTC().Truncate(24 * time.Hour)
	return wholefile.Write(path, half, func(f *os.File) error {
		if _, err := f.Write(b); err != nil {
			return err
		}
		return os.Chtimes(f.Name(), day, day)
	})
}

// dayOnly takes the hour from the times of folders.
func (s *Store) dayOnly(dirs ...string) error {
	day := s.now().UTC().Truncate(24 * time.Hour)
	for _, dir := range dirs {
		if err := os.Chtimes(dir, day, day); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *Store) rename(from, to string) error {
	if err := s.before("rename " + filepath.Base(to)); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// installation is the name of the file that names the installation.
const installation = "installation"

// Names in a report's folder.
const (
	headName  = "head"
	withdrawn = "withdrawn"
)

// Which way a message came: the ending of its name.
const (
	wayTold    = "told"
	wayAnswer  = "answer"
	wayBrought = "brought" // in a sealed file
)

// claimed begins the name of a folder that takes a number for a message that is
// being written: another program beside this one takes another.
const claimed = ".claim-"

func (m Message) name() string {
	switch {
	case m.Answer:
		return messageName(m.Number, wayAnswer)
	case m.Brought:
		return messageName(m.Number, wayBrought)
	}
	return messageName(m.Number, wayTold)
}

func messageName(n int, way string) string { return fmt.Sprintf("%06d.%s", n, way) }

func filesName(n int, u Upload) string { return fmt.Sprintf("%06d.%s", n, u) }

// filesOf reads the name of a folder of files: of which message, which upload.
func filesOf(name string) (n int, u Upload, ok bool) {
	number, id, found := strings.Cut(name, ".")
	raw, err := hex.DecodeString(id)
	if !found || err != nil || len(raw) != len(u) {
		return 0, u, false
	}
	n, err = strconv.Atoi(number)
	copy(u[:], raw)
	return n, u, err == nil
}

func messageOf(name string) (m Message, ok bool) {
	number, way, _ := strings.Cut(name, ".")
	n, err := strconv.Atoi(number)
	m = Message{Number: n, Answer: way == wayAnswer, Brought: way == wayBrought}
	return m, err == nil && name == m.name()
}

// List are the reports that are there, by their day.
func (s *Store) List() (all []Report, err error) {
	doors, err := s.Doors()
	if err != nil {
		return nil, err
	}
	for _, d := range doors {
		r, err := s.Get(d)
		if errors.Is(err, ErrNone) {
			continue // taken away meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(a, b Report) int { return strings.Compare(a.Day, b.Day) })
	return all, nil
}

// Get is a report by its door: ErrNone where there is none.
func (s *Store) Get(d Door) (Report, error) {
	dir := s.report(d)
	b, err := os.ReadFile(filepath.Join(dir, headName))
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, ErrNone
	}
	var h head
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if err != nil {
		return Report{}, fmt.Errorf("a report's head: %w", err)
	}
	r := Report{Door: d, Answers: h.Answers, Day: h.Day}
	files, err := os.ReadDir(dir)
	if err != nil {
		return Report{}, err
	}
	with := map[int][]File{}
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Report{}, err
		}
		day := info.ModTime().UTC().Format(dayForm)
		if f.Name() == withdrawn {
			r.Withdrawn = day
		}
		if n, u, ok := filesOf(f.Name()); ok {
			pieces, bytes, err := pieces(filepath.Join(dir, f.Name()))
			if err != nil {
				return Report{}, err
			}
			with[n] = append(with[n], File{u, len(pieces), bytes})
		}
		if m, ok := messageOf(f.Name()); ok {
			m.Day, m.Bytes = day, info.Size()
			r.Messages = append(r.Messages, m)
		}
	}
	r.inOrder(with)
	return r, nil
}

// inOrder puts the messages in their order, and to each its files.
func (r *Report) inOrder(with map[int][]File) {
	slices.SortFunc(r.Messages, func(a, b Message) int { return a.Number - b.Number })
	for i, m := range r.Messages {
		if !m.Answer {
			r.Messages[i].Files = with[m.Number]
		}
	}
}

// Message reads a sealed message of a report.
func (s *Store) Message(d Door, m Message) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(s.report(d), m.name()))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNone
	}
	return b, err
}

// Piece reads a sealed piece of a file, from 0.
func (s *Store) Piece(d Door, m Message, u Upload, n int) (io.ReadCloser, error) {
	f, err := os.Open(filepath.Join(s.report(d), filesName(m.Number, u), pieceName(n)))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNone
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
