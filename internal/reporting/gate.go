// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/bits"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// What a request costs, in units. Somebody pays them with work, within what a
// source and all together may have in an hour.
const (
	costPiece  = 1
	costLook   = 4
	costReport = 64
	perWork    = 2 * costReport  // that one work pays: a report and 256 MiB of files
	perSource  = 30 * costReport // that one circuit or address may have in an hour
	plainShare = 10              // the part of the hour's reports that may come without script: a tenth
)

const (
	leastBits = 17              // 2^17 hashes: some seconds on an old phone
	workLasts = time.Hour       // how long a work may be asked for, done and used
	formLasts = 12 * time.Hour  // how long a form without script may be open
	formLeast = 5 * time.Second // how fast nobody fills it
	mostKept  = 1 << 17         // sources and works kept in memory
	tokenLen  = 8 + 1 + 12 + 16 // time, bits, drawn, seal
	sealLen   = 16
)

var (
	errWork  = errors.New("the work that keeps floods away is missing or used up")
	errMany  = errors.New("too many are sending")
	errEarly = errors.New("a form was sent faster than anybody writes")
)

// gate keeps floods away, and knows nobody: sources are kept for an hour, in
// memory, under a key that nobody has when the hour is over.
type gate struct {
	now    func() time.Time
	most   int // reports in an hour, from all together
	secret [32]byte

	mu      sync.Mutex
	hour    int64
	salt    [32]byte
	sources map[[16]byte]int // units of this hour
	all     int
	plain   int               // reports without script
	spent   map[[12]byte]used // of works
}

type used struct {
	units int
	until time.Time
}

func newGate(most int, now func() time.Time) *gate {
	g := &gate{now: now, most: most, spent: map[[12]byte]used{}}
	_, _ = rand.Read(g.secret[:]) // it never fails
	return g
}

// turn forgets the last hour. Called with mu held.
func (g *gate) turn() {
	now := g.now()
	if hour := now.Unix() / 3600; hour != g.hour || g.sources == nil {
		g.hour, g.all, g.plain, g.sources = hour, 0, 0, map[[16]byte]int{}
		_, _ = rand.Read(g.salt[:])
		for id, u := range g.spent {
			if now.After(u.until) {
				delete(g.spent, id)
			}
		}
	}
}

// bits is how much work is asked for: more, the fuller the hour.
func (g *gate) bits() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn()
	return leastBits + min(3, 4*g.all/max(1, g.most*costReport))
}

// token is a word of ours that a page was made at a time.
func (g *gate) token(work int) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(g.now().Unix()))
	b = append(b, byte(work))
	b = append(b, make([]byte, 12)...)
	_, _ = rand.Read(b[9:])
	return base64.RawURLEncoding.EncodeToString(append(b, g.mac("token", b)...))
}

func (g *gate) mac(of string, b []byte) []byte {
	m := hmac.New(sha256.New, g.secret[:])
	m.Write([]byte(of + "\x00"))
	m.Write(b)
	return m.Sum(nil)[:sealLen]
}

// read reads a token of ours: when it was made, the work it asks for, and its name.
func (g *gate) read(text string) (made time.Time, work int, id [12]byte, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != tokenLen || !hmac.Equal(g.mac("token", b[:tokenLen-sealLen]), b[tokenLen-sealLen:]) {
		return made, 0, id, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0), int(b[8]), [12]byte(b[9:21]), true
}

// worked tells whether the number after the token makes its hash begin with as
// many bits of zero as it asks for.
func worked(token, number string, work int) bool {
	sum := sha256.Sum256([]byte(token + "." + number))
	return len(number) <= 20 && bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:])) >= work
}

// pay takes units of what the work in the request allows: errWork where it is
// to be done anew, errMany where it can't be had this hour.
func (g *gate) pay(r *http.Request, units int) error {
	token, number, _ := strings.Cut(r.Header.Get("Kua-Work"), ".")
	made, work, id, ok := g.read(token)
	if !ok || work < leastBits || g.now().Sub(made) > workLasts || !worked(token, number, work) {
		return errWork
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn()
	u := g.spent[id]
	if u.units+units > perWork {
		return errWork
	}
	if err := g.take(sourceOf(r), units); err != nil {
		return err
	}
	if u.units == 0 && len(g.spent) >= mostKept {
		return errMany
	}
	g.spent[id] = used{u.units + units, made.Add(workLasts)}
	return nil
}

// take takes units of the hour. Called with mu held.
func (g *gate) take(source string, units int) error {
	if g.all+units > g.most*costReport {
		return errMany
	}
	if source != "" {
		m := hmac.New(sha256.New, g.salt[:])
		m.Write([]byte(source))
		key := [16]byte(m.Sum(nil))
		had, known := g.sources[key]
		if had+units > perSource || !known && len(g.sources) >= mostKept {
			return errMany
		}
		g.sources[key] = had + units
	}
	g.all += units
	return nil
}

// plainly takes units for a form without script. The time since its page was
// made stands in the place of work, and of those there are fewer in an hour.
func (g *gate) plainly(r *http.Request, units int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn()
	if units >= costReport && g.plain >= max(1, g.most/plainShare) {
		return errMany
	}
	if err := g.take(sourceOf(r), units); err != nil {
		return err
	}
	if units >= costReport {
		g.plain++
	}
	return nil
}

// form reads the token of a form without script, and gives what a receipt is
// made of: the same for the same form, so that who presses twice has one.
// errWork: it is too old, or of before the program was started.
func (g *gate) form(token string) (seed [sealLen]byte, err error) {
	made, _, id, ok := g.read(token)
	age := g.now().Sub(made)
	switch {
	case !ok || age > formLasts:
		return seed, errWork
	case age < formLeast:
		return seed, errEarly
	}
	return [sealLen]byte(g.mac("receipt", id[:])), nil
}

// sourceOf is the circuit or address of a request. Empty: what stands before
// this program has sent it, and everybody would be one.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.IsLoopback() {
		return ""
	}
	if ip.To4() == nil && !isCircuit(ip) { // one household has 2^64 addresses
		ip = ip.Mask(net.CIDRMask(64, 128))
	}
	return ip.String()
}
