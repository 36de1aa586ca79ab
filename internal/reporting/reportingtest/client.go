// SPDX-License-Identifier: AGPL-3.0-or-later

package reportingtest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/http"
	"strconv"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/submission"
)

// Client is somebody outside, at one browser. It is not shared.
type Client struct {
	Base string // where reports are taken, as http://127.0.0.1:8471
	HTTP http.Client
	// Cut is told that the line was cut, and says whether to go on (nil) or why
	// not. None: the error of the line ends it.
	Cut func(error) error

	work string
}

// Sealed is a report as it is sent; its files have gone before it.
type Sealed struct {
	Door    [32]byte
	Answers string // age recipient
	Message []byte
	Files   []submission.File
}

// Seal seals a message as a report of a door that is no other's.
func Seal(to []age.Recipient, m submission.Message) (Sealed, error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return Sealed{}, err
	}
	m.Answers = id.Recipient().String()
	r := Sealed{Answers: m.Answers, Files: m.Files}
	_, _ = rand.Read(r.Door[:]) // it never fails
	r.Message, err = submission.Seal(to, m)
	return r, err
}

// Send sends a report whose files have arrived.
func (c *Client) Send(r Sealed) error {
	files := []map[string]any{}
	for _, f := range r.Files {
		files = append(files, map[string]any{"upload": f.Upload, "pieces": f.Pieces})
	}
	body, err := json.Marshal(map[string]any{"door": hex.EncodeToString(r.Door[:]), "answers": r.Answers, "message": r.Message, "files": files})
	if err != nil {
		return err
	}
	for cut := false; ; cut = true {
		status, err := c.Ask(http.MethodPost, "/api/reports", body, nil)
		if err == nil && (status == http.StatusOK || cut && status == http.StatusConflict) { // it arrived before the cut
			return nil
		}
		if err == nil {
			return fmt.Errorf("a report was answered with %d", status)
		}
		if err := c.cut(err); err != nil {
			return err
		}
	}
}

// SendFile seals and sends a file of some length, one piece in memory.
func (c *Client) SendFile(to []age.Recipient, name string, content io.Reader, length int64) (submission.File, error) {
	f := submission.File{Name: name, Bytes: length, Upload: submission.NewUpload(), Pieces: submission.PiecesOf(length)}
	sum, piece := sha256.New(), make([]byte, submission.PieceBytes)
	for n := range f.Pieces {
		plain := piece[:f.PieceLen(n)]
		if _, err := io.ReadFull(content, plain); err != nil {
			return f, err
		}
		_, _ = sum.Write(plain) // it never fails
		sealed, err := submission.SealPiece(to, plain)
		if err != nil {
			return f, err
		}
		if err := c.PutPiece(f.Upload, n, sealed); err != nil {
			return f, fmt.Errorf("piece %d: %w", n, err)
		}
	}
	f.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f, nil
}

// PutPiece sends a piece until it has arrived. After a cut it asks first.
func (c *Client) PutPiece(upload string, n int, sealed []byte) error {
	for {
		status, err := c.Ask(http.MethodPut, fmt.Sprintf("/api/pieces/%s/%d", upload, n), sealed, nil)
		if err == nil && status == http.StatusOK {
			return nil
		}
		if err == nil {
			return fmt.Errorf("it was answered with %d", status)
		}
		for err != nil {
			if err := c.cut(err); err != nil {
				return err
			}
			var have struct{ Pieces []int }
			_, err = c.Ask(http.MethodGet, "/api/pieces/"+upload, nil, &have)
			for _, there := range have.Pieces {
				if there == n {
					return nil
				}
			}
		}
	}
}

func (c *Client) cut(err error) error {
	if c.Cut == nil {
		return err
	}
	return c.Cut(err)
}

// Ask asks once, with work done for it, and answers the status. An error says
// that the line was cut: it may have arrived or not.
func (c *Client) Ask(method, path string, body []byte, into any) (status int, err error) {
	for {
		if c.work == "" && method != http.MethodGet {
			if err := c.doWork(); err != nil {
				return 0, err
			}
		}
		r, err := http.NewRequest(method, c.Base+path, bytes.NewReader(body))
		if err != nil {
			return 0, err
		}
		r.Header.Set("Kua-Work", c.work)
		answer, err := c.HTTP.Do(r)
		if err != nil {
			return 0, err
		}
		b, err := io.ReadAll(answer.Body)
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return 0, err
		}
		if answer.StatusCode == http.StatusForbidden && method != http.MethodGet {
			c.work = "" // used up
			continue
		}
		if into != nil {
			err = json.Unmarshal(b, into)
		}
		return answer.StatusCode, err
	}
}

// doWork finds a number behind the token of which the SHA-256 of both begins
// with as many bits of zero as are asked for.
func (c *Client) doWork() error {
	var asked struct {
		Token string
		Bits  int
	}
	if status, err := c.Ask(http.MethodGet, "/api/work", nil, &asked); err != nil || status != http.StatusOK {
		return errors.Join(err, fmt.Errorf("no work is given: %d", status))
	}
	for n := uint64(0); ; n++ {
		work := asked.Token + "." + strconv.FormatUint(n, 10)
		sum := sha256.Sum256([]byte(work))
		if bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:])) >= asked.Bits {
			c.work = work
			return nil
		}
	}
}
