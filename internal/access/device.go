// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// Devices makes and knows the tokens that a browser keeps once a member has
// signed in with it. A token opens nothing: whoever brings one with the name
// of its member stands in the lane of those who are known (see Line), and an
// attack on the name does not hold them up. It names nobody: only with the
// name in hand, and the key that only the open node can make, is it known.
//
// The same way: OWASP, Device cookies against online password guessing.
type Devices struct{ key [sha256.Size]byte }

// DeviceLasts is how long a token is known; each sign-in gives a new one.
const DeviceLasts = 180 * 24 * time.Hour

const (
	deviceID    = 16
	deviceStamp = 8
	deviceMAC   = 32
)

// NewDevices keeps the key that tokens are made with.
func NewDevices(key [sha256.Size]byte) *Devices { return &Devices{key} }

// Token makes a token for the device of a member, by the member's name. known
// is the device where it has one already: its budget of failures goes with it.
func (d *Devices) Token(name, known string, now time.Time) string {
	b := make([]byte, deviceID, deviceID+deviceStamp+deviceMAC)
	if id, err := hex.DecodeString(known); err == nil && len(id) == deviceID {
		copy(b, id)
	} else {
		rand.Read(b) // never fails (crypto/rand)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(now.Unix()))
	return base64.RawURLEncoding.EncodeToString(append(b, d.mac(name, b)...))
}

// Known is the device of a token, where it was made for a member of that name
// and has not ended.
func (d *Devices) Known(name, token string, now time.Time) (device string, known bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != deviceID+deviceStamp+deviceMAC {
		return "", false
	}
	said, mac := b[:deviceID+deviceStamp], b[deviceID+deviceStamp:]
	if !hmac.Equal(mac, d.mac(name, said)) {
		return "", false
	}
	since := time.Unix(int64(binary.BigEndian.Uint64(said[deviceID:])), 0)
	if age := now.Sub(since); age > DeviceLasts || age < -time.Hour {
		return "", false
	}
	return hex.EncodeToString(said[:deviceID]), true
}

func (d *Devices) mac(name string, said []byte) []byte {
	h := hmac.New(sha256.New, d.key[:])
	h.Write([]byte("kua/device/v1\x00"))
	h.Write(said)
	h.Write([]byte(FoldName(name)))
	return h.Sum(nil)
}

// FoldName is a member's name as it is compared at the sign-in.
func FoldName(name string) string {
	return strings.ToLower(strings.Join(strings.Fields(norm.NFKC.String(name)), " "))
}
