// SPDX-License-Identifier: AGPL-3.0-or-later

package inbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/kua-registry/kua/internal/wholefile"
)

// Attached is a file of a message: all its pieces must have arrived.
type Attached struct {
	Upload Upload
	Pieces int
}

func pieceName(n int) string { return fmt.Sprintf("%06d", n) }

// PutPiece keeps a sealed piece of a file, from 0, durably. The same piece
// again is no error and changes nothing.
func (s *Store) PutPiece(u Upload, n int, b []byte) error {
	if len(b) > MaxPiece || n < 0 || n >= MaxPieces {
		return ErrTooLong
	}
	dir := s.upload(u)
	path := filepath.Join(dir, pieceName(n))
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, b) {
		return nil
	}
	if err == nil {
		return fmt.Errorf("another piece has that place: %w", ErrTaken)
	}
	if err := s.room(int64(len(b)), true); err != nil {
		return err
	}
	err = os.MkdirAll(dir, fileMode)
	if err == nil {
		err = s.write(path, b)
	}
	if err == nil {
		err = errors.Join(s.dayOnly(dir, s.uploads()), wholefile.SyncDir(s.uploads()))
	}
	if err != nil {
		s.giveBack(int64(len(b)), true)
	}
	return err
}

// Pieces are the numbers of the pieces of an upload that have arrived.
func (s *Store) Pieces(u Upload) ([]int, error) {
	all, _, err := pieces(s.upload(u))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return all, err
}

func pieces(dir string) (all []int, bytes int64, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, f := range files {
		n, err := strconv.Atoi(f.Name())
		if err != nil {
			continue // one that is being written
		}
		info, err := f.Info()
		if err != nil {
			return nil, 0, err
		}
		all = append(all, n)
		bytes += info.Size()
	}
	slices.Sort(all)
	return all, bytes, nil
}

// whole gives the size of the files of a message, or ErrMissing.
func (s *Store) whole(files []Attached) (n int64, err error) {
	for _, f := range files {
		got, bytes, err := pieces(s.upload(f.Upload))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if f.Pieces < 1 || len(got) != f.Pieces || got[len(got)-1] != f.Pieces-1 {
			return 0, ErrMissing
		}
		n += bytes
	}
	return n, nil
}

// Put keeps a new report: its first message, the files that came before it, and
// to whom answers are sealed. When it returns without an error, it is there.
func (s *Store) Put(d Door, answers string, message []byte, files []Attached) error {
	return s.begin(d, answers, message, files, wayTold)
}

func (s *Store) begin(d Door, answers string, message []byte, files []Attached, way string) error {
	if len(message) > MaxMessage || len(answers) > MaxMessage {
		return ErrTooLong
	}
	b, err := json.Marshal(head{Format: 1, Answers: answers, Day: s.day()})
	if err != nil {
		return err
	}
	added := int64(len(message) + len(b))
	if err := s.room(added, false); err != nil {
		return err
	}
	moved, err := s.put(d, b, message, files, way)
	if err != nil {
		s.giveBack(added, false)
		return err
	}
	s.arrived(moved)
	return nil
}

// arrived counts what is part of a report from now on.
func (s *Store) arrived(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running -= n
}

func (s *Store) put(d Door, head, message []byte, files []Attached, way string) (moved int64, err error) {
	if _, err := os.Stat(s.report(d)); err == nil {
		return 0, ErrTaken
	}
	moved, err = s.whole(files)
	if err != nil {
		return 0, err
	}
	// A name of its own: what a program left that ended meanwhile is in nobody's way.
	dir, err := os.MkdirTemp(s.reports(), beginning+d.String()+"-*")
	if err != nil {
		return 0, err
	}
	err = s.fill(dir, 1, message, files, way)
	if err == nil {
		err = s.write(filepath.Join(dir, headName), head)
	}
	if err == nil {
		err = s.dayOnly(dir)
	}
	if err == nil {
		err = s.rename(dir, s.report(d))
	}
	if err != nil {
		if _, there := os.Stat(s.report(d)); there == nil {
			err = ErrTaken // somebody sent it in the same moment
		} else if errors.Is(err, fs.ErrNotExist) {
			err = ErrMissing // somebody sends it in this moment, and has its files
		}
		return 0, errors.Join(err, s.takeBack(dir, true))
	}
	return moved, errors.Join(wholefile.SyncDir(s.reports()), s.dayOnly(s.reports(), s.uploads()))
}

// fill moves files into a report's folder and writes the message after them:
// files without their message are none.
func (s *Store) fill(dir string, number int, message []byte, files []Attached, way string) error {
	for _, f := range files {
		if err := s.rename(s.upload(f.Upload), filepath.Join(dir, filesName(number, f.Upload))); err != nil {
			return err
		}
	}
	if err := wholefile.SyncDir(dir); err != nil {
		return err
	}
	return s.write(filepath.Join(dir, messageName(number, way)), message)
}

// Add keeps a further message of a report's sender, with its files.
func (s *Store) Add(d Door, message []byte, files []Attached) error {
	return s.add(d, message, files, wayTold)
}

// Answer keeps a message to a report's sender, sealed to whom answers are.
func (s *Store) Answer(d Door, message []byte) error { return s.add(d, message, nil, wayAnswer) }

// Bring keeps what came in a sealed file: a new report, or a further message of
// one that is there. The same file twice is one: then fresh is false, and its
// files are where they were.
func (s *Store) Bring(d Door, answers string, message []byte, files []Attached) (fresh bool, err error) {
	has, err := s.Has(d, message)
	if errors.Is(err, ErrNone) {
		if err = s.begin(d, answers, message, files, wayBrought); !errors.Is(err, ErrTaken) {
			return err == nil, err
		}
		has, err = s.Has(d, message) // it came this moment, another way
	}
	if err != nil || has {
		return false, err
	}
	err = s.add(d, message, files, wayBrought)
	return err == nil, err
}

// Has tells whether a report has a message of its sender, byte for byte.
func (s *Store) Has(d Door, message []byte) (bool, error) {
	r, err := s.Get(d)
	if err == nil && r.Withdrawn != "" {
		err = ErrGone
	}
	for _, m := range r.Messages {
		if m.Answer || m.Bytes != int64(len(message)) {
			continue
		}
		b, err := s.Message(d, m)
		if err != nil && !errors.Is(err, ErrNone) || bytes.Equal(b, message) {
			return err == nil, err
		}
	}
	return false, err
}

func (s *Store) add(d Door, message []byte, files []Attached, way string) error {
	if len(message) > MaxMessage {
		return ErrTooLong
	}
	if err := s.room(int64(len(message)), false); err != nil {
		return err
	}
	moved, err := s.addTo(d, message, files, way)
	if err != nil {
		s.giveBack(int64(len(message)), false)
		return err
	}
	s.arrived(moved)
	return nil
}

func (s *Store) addTo(d Door, message []byte, files []Attached, way string) (moved int64, err error) {
	s.adding.Lock()
	defer s.adding.Unlock()
	r, err := s.Get(d)
	if err != nil {
		return 0, err
	}
	if r.Withdrawn != "" {
		return 0, ErrGone
	}
	moved, err = s.whole(files)
	if err != nil {
		return 0, err
	}
	dir := s.report(d)
	number, letGo, err := s.claim(dir, r)
	if err != nil {
		return 0, err
	}
	err = s.fill(dir, number, message, files, way)
	if err == nil {
		err = s.stays(dir, messageName(number, way))
	}
	if err != nil {
		err = errors.Join(err, s.uploadsAgain(dir, number, files))
	}
	if err = errors.Join(err, letGo()); err != nil {
		return 0, err
	}
	return moved, s.dayOnly(dir, s.uploads())
}

// uploadsAgain makes uploads again of the files of a message that is not there.
func (s *Store) uploadsAgain(dir string, number int, files []Attached) error {
	for _, f := range files {
		if err := gone(os.Rename(filepath.Join(dir, filesName(number, f.Upload)), s.upload(f.Upload))); err != nil {
			return err
		}
	}
	return wholefile.SyncDir(s.uploads())
}

// claim takes the number of the next message, which nobody else has taken.
func (s *Store) claim(dir string, r Report) (number int, letGo func() error, err error) {
	number = 1
	for _, m := range r.Messages {
		number = max(number, m.Number+1)
	}
	for {
		path := filepath.Join(dir, fmt.Sprintf("%s%06d", claimed, number))
		err := os.Mkdir(path, fileMode)
		if errors.Is(err, fs.ErrExist) {
			number++
			continue
		}
		if err != nil {
			return 0, nil, err
		}
		// Whoever let go of it meanwhile has written a message with it.
		taken := slices.ContainsFunc([]string{wayTold, wayAnswer, wayBrought}, func(way string) bool {
			_, err := os.Stat(filepath.Join(dir, messageName(number, way)))
			return err == nil
		})
		if !taken {
			return number, func() error { return gone(os.Remove(path)) }, nil
		}
		if err := os.Remove(path); err != nil {
			return 0, nil, err
		}
		number++
	}
}

// stays takes a message back whose report was withdrawn while it was written, by
// another program.
func (s *Store) stays(dir, name string) error {
	if _, err := os.Stat(filepath.Join(dir, withdrawn)); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return errors.Join(ErrGone, gone(os.Remove(filepath.Join(dir, name))))
}

// gone is an error of taking something away that may have gone already.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Withdraw takes a report back for its sender: what was in it goes, that there
// was one and on which day it went stays.
func (s *Store) Withdraw(d Door) error {
	s.adding.Lock()
	defer s.adding.Unlock()
	r, err := s.Get(d)
	if err != nil || r.Withdrawn != "" {
		return err
	}
	dir := s.report(d)
	if err := s.write(filepath.Join(dir, withdrawn), nil); err != nil {
		return err
	}
	return s.clear(dir)
}

// Remove takes a report away, for the register: what it told is elsewhere.
func (s *Store) Remove(d Door) error {
	s.adding.Lock()
	defer s.adding.Unlock()
	if _, err := s.Get(d); err != nil {
		return err
	}
	had, err := size(s.report(d))
	if err != nil {
		return err
	}
	dir := filepath.Join(s.reports(), ending+d.String())
	if err := s.rename(s.report(d), dir); err != nil {
		return err
	}
	s.giveBack(had, false)
	return errors.Join(os.RemoveAll(dir), wholefile.SyncDir(s.reports()), s.dayOnly(s.reports()))
}

// clear empties a report's folder and counts what has gone.
func (s *Store) clear(dir string) error {
	had, err := size(dir)
	if err != nil {
		return err
	}
	err = s.empty(dir)
	left, sized := size(dir)
	if sized == nil {
		s.giveBack(had-left, false)
	}
	return errors.Join(err, sized)
}

// empty takes away what was told and answered in a report.
func (s *Store) empty(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name() == headName || f.Name() == withdrawn {
			continue
		}
		if err := s.before("remove " + f.Name()); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(dir, f.Name())); err != nil {
			return err
		}
	}
	return errors.Join(wholefile.SyncDir(dir), s.dayOnly(dir))
}
