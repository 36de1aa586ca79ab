// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/submission"
)

// pieceTime is how long one piece may take on a slow line: 4 MiB at 2 kB a second.
const pieceTime = 35 * time.Minute

// maxBody is the longest of the other requests: a sealed message in Base64.
const maxBody = submission.MaxSealed*4/3 + 64<<10

// answer writes JSON.
func answer(w http.ResponseWriter, status int, with any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(with) // who has gone needs no answer
}

type nothing struct{}

func (s *server) work(w http.ResponseWriter, _ *http.Request) {
	bits := s.gate.bits()
	answer(w, http.StatusOK, struct {
		Token string `json:"token"`
		Bits  int    `json:"bits"`
	}{s.gate.token(bits), bits})
}

// slowly lets a request take its time: a slow line is not an attack.
func slowly(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	until := time.Now().Add(pieceTime)                                   //nolint:forbidigo // a deadline is by the machine's clock
	_ = errors.Join(c.SetReadDeadline(until), c.SetWriteDeadline(until)) // where it can't be set there is none
}

func uploadOf(text string) (u inbox.Upload, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(u) {
		return u, errAsked
	}
	return inbox.Upload(raw), nil
}

// pieces tells which pieces of an upload have arrived.
func (s *server) pieces(w http.ResponseWriter, r *http.Request) {
	u, err := uploadOf(r.PathValue("upload"))
	var all []int
	if err == nil {
		all, err = s.Inbox.Pieces(u)
	}
	if err != nil {
		answer(w, s.fault(err), nothing{})
		return
	}
	if all == nil {
		all = []int{}
	}
	answer(w, http.StatusOK, struct {
		Pieces []int `json:"pieces"`
	}{all})
}

func (s *server) putPiece(w http.ResponseWriter, r *http.Request) {
	slowly(w)
	u, err := uploadOf(r.PathValue("upload"))
	n, bad := strconv.Atoi(r.PathValue("number"))
	if err == nil && bad != nil {
		err = errAsked
	}
	if err == nil {
		err = s.gate.pay(r, costPiece)
	}
	if err != nil {
		answer(w, s.fault(err), nothing{})
		return
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, submission.MaxPiece))
	if err != nil {
		answer(w, http.StatusBadRequest, nothing{})
		return
	}
	err = s.Inbox.PutPiece(u, n, b)
	if errors.Is(err, inbox.ErrTaken) {
		err = nil // it was sealed anew after a cut line: the one that is there is as good
	}
	answer(w, s.fault(err), nothing{})
}

// sent is a message with its files, as the page sends it.
type sent struct {
	Door    string `json:"door"`    // hex: its SHA-256 where a report is new, else what opens it
	Answers string `json:"answers"` // of a new report
	Message []byte `json:"message"`
	Files   []struct {
		Upload string `json:"upload"`
		Pieces int    `json:"pieces"`
	} `json:"files"`
}

func read(w http.ResponseWriter, r *http.Request) (m sent, files []inbox.Attached, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	if d.Decode(&m) != nil || len(m.Files) > submission.MaxFiles {
		return m, nil, errAsked
	}
	for _, f := range m.Files {
		u, err := uploadOf(f.Upload)
		if err != nil {
			return m, nil, err
		}
		files = append(files, inbox.Attached{Upload: u, Pieces: f.Pieces})
	}
	return m, files, nil
}

// doorOf is the report that a door opens.
func doorOf(text string) (d inbox.Door, err error) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 16 {
		return d, errAsked
	}
	return sha256.Sum256(raw), nil
}

func (s *server) putReport(w http.ResponseWriter, r *http.Request) {
	m, files, err := read(w, r)
	if err == nil {
		_, err = submission.Recipients(m.Answers)
		if err != nil || len(m.Message) == 0 {
			err = errAsked
		}
	}
	raw, bad := hex.DecodeString(m.Door)
	if err == nil && (bad != nil || len(raw) != len(inbox.Door{})) {
		err = errAsked
	}
	if err == nil {
		err = s.gate.pay(r, costReport)
	}
	if err == nil {
		err = s.Inbox.Put(inbox.Door(raw), m.Answers, m.Message, files)
	}
	answer(w, s.fault(err), nothing{})
}

// answered is a message of a report, as its sender is shown it.
type answered struct {
	Day    string `json:"day"`
	Answer []byte `json:"answer,omitempty"` // sealed; none: they sent it themselves
}

// comeBack is the door of who comes back to a report, once it is paid for.
func (s *server) comeBack(w http.ResponseWriter, r *http.Request) (d inbox.Door, err error) {
	m, _, err := read(w, r)
	if err == nil {
		d, err = doorOf(m.Door)
	}
	if err == nil {
		err = s.gate.pay(r, costLook)
	}
	return d, err
}

func (s *server) look(w http.ResponseWriter, r *http.Request) {
	d, err := s.comeBack(w, r)
	var report inbox.Report
	if err == nil {
		report, err = s.Inbox.Get(d)
	}
	all := []answered{}
	for _, m := range report.Messages {
		a := answered{Day: m.Day}
		if m.Answer && err == nil {
			a.Answer, err = s.Inbox.Message(d, m)
		}
		all = append(all, a)
	}
	if err != nil {
		answer(w, s.fault(err), nothing{})
		return
	}
	answer(w, http.StatusOK, struct {
		Day       string     `json:"day"`
		Withdrawn bool       `json:"withdrawn"`
		Messages  []answered `json:"messages"`
	}{report.Day, report.Withdrawn != "", all})
}

func (s *server) addTo(w http.ResponseWriter, r *http.Request) {
	m, files, err := read(w, r)
	var d inbox.Door
	if err == nil {
		d, err = doorOf(m.Door)
	}
	if err == nil && len(m.Message) == 0 {
		err = errAsked
	}
	if err == nil {
		err = s.gate.pay(r, costReport)
	}
	if err == nil {
		err = s.Inbox.Add(d, m.Message, files)
	}
	answer(w, s.fault(err), nothing{})
}

func (s *server) withdraw(w http.ResponseWriter, r *http.Request) {
	d, err := s.comeBack(w, r)
	if err == nil {
		err = s.Inbox.Withdraw(d)
	}
	answer(w, s.fault(err), nothing{})
}
