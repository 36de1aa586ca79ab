// SPDX-License-Identifier: AGPL-3.0-or-later

package submission

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// magic begins a sealed file.
const magic = "kua-report/1\n"

const maxHead = 8 << 10 // bytes of the head as JSON

// ErrFile says that a file is no sealed report, or that its end is missing.
var ErrFile = errors.New("this is not a sealed report, or not all of it: copy the file once more")

// Head stands in the clear at the beginning of a sealed file.
type Head struct {
	Door    [32]byte // SHA-256 of the door of its receipt
	Answers string   // the age recipient to whom answers are sealed
}

type headJSON struct {
	Door    string `json:"door"`
	Answers string `json:"answers"`
}

// Writer writes a sealed file: its pieces in any order, then its message.
type Writer struct {
	w   *bufio.Writer
	err error
}

// What a part of a sealed file is.
const (
	partPiece   = 'p'
	partMessage = 'm'
)

// WriteFile begins a sealed file.
func WriteFile(w io.Writer, h Head) (*Writer, error) {
	if _, err := age.ParseHybridRecipient(h.Answers); err != nil {
		return nil, ErrForm
	}
	b, err := json.Marshal(headJSON{hex.EncodeToString(h.Door[:]), h.Answers})
	if err != nil {
		return nil, err
	}
	out := &Writer{w: bufio.NewWriter(w)}
	out.put([]byte(magic))
	out.sized(b)
	return out, out.err
}

func (w *Writer) put(b []byte) {
	if w.err == nil {
		_, w.err = w.w.Write(b)
	}
}

func (w *Writer) sized(b []byte) {
	w.put(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	w.put(b)
}

// Piece writes a sealed piece of a file.
func (w *Writer) Piece(upload [16]byte, n int, sealed []byte) error {
	if len(sealed) > MaxPiece || n < 0 || n >= MaxPieces {
		return ErrTooLong
	}
	w.put([]byte{partPiece})
	w.put(upload[:])
	w.put(binary.BigEndian.AppendUint32(nil, uint32(n)))
	w.sized(sealed)
	return w.err
}

// Message writes the sealed message. It is the end of the file.
func (w *Writer) Message(sealed []byte) error {
	if len(sealed) > MaxSealed {
		return ErrTooLong
	}
	w.put([]byte{partMessage})
	w.sized(sealed)
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.err
}

// ReadFile reads a sealed file and hands over its pieces, each as it comes, one
// at a time in memory; what piece is given is its to keep. The message is
// returned when all of it was there: ErrFile where it is not.
func ReadFile(r io.Reader, head func(Head) error, piece func(upload [16]byte, n int, sealed []byte) error) (message []byte, err error) {
	in := bufio.NewReader(r)
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(in, start); err != nil || string(start) != magic {
		return nil, ErrFile
	}
	h, err := readHead(in)
	if err != nil {
		return nil, err
	}
	if err := head(h); err != nil {
		return nil, err
	}
	for range MaxFiles*MaxPieces + 1 {
		kind, err := in.ReadByte()
		switch {
		case err == nil && kind == partMessage:
			message, err := readSized(in, MaxSealed)
			if err != nil {
				return nil, err
			}
			if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
				return nil, ErrFile
			}
			return message, nil
		case err == nil && kind == partPiece:
			if err := readPiece(in, piece); err != nil {
				return nil, err
			}
		default:
			return nil, ErrFile
		}
	}
	return nil, ErrFile
}

func readPiece(in io.Reader, piece func([16]byte, int, []byte) error) error {
	var u [16]byte
	var n uint32
	if _, err := io.ReadFull(in, u[:]); err != nil {
		return ErrFile
	}
	if err := binary.Read(in, binary.BigEndian, &n); err != nil || n >= MaxPieces {
		return ErrFile
	}
	b, err := readSized(in, MaxPiece)
	if err != nil {
		return err
	}
	return piece(u, int(n), b)
}

func readSized(in io.Reader, most uint32) ([]byte, error) {
	var n uint32
	if err := binary.Read(in, binary.BigEndian, &n); err != nil || n > most {
		return nil, ErrFile
	}
	// Not made at once: a length is believed as far as its bytes come.
	b, err := io.ReadAll(io.LimitReader(in, int64(n)))
	if err != nil {
		return nil, fmt.Errorf("reading a sealed report: %w", err)
	}
	if len(b) != int(n) {
		return nil, ErrFile
	}
	return b, nil
}

func readHead(in io.Reader) (h Head, err error) {
	b, err := readSized(in, maxHead)
	if err != nil {
		return h, err
	}
	var j headJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return h, ErrFile
	}
	door, err := hex.DecodeString(j.Door)
	if err != nil || len(door) != len(h.Door) {
		return h, ErrFile
	}
	if _, err := age.ParseHybridRecipient(j.Answers); err != nil {
		return h, ErrFile
	}
	return Head{[32]byte(door), j.Answers}, nil
}
