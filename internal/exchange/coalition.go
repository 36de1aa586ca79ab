// SPDX-License-Identifier: AGPL-3.0-or-later

package exchange

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Card is what a node shows of itself to the relay and to the other nodes. The
// name is whatever its people call it; only the key counts.
type Card struct {
	Name string      `json:"name"`
	Key  seal.Public `json:"key"`
}

// Coalition is what a node must know of its coalition: it is the file that the
// relay writes. All of it is public; that it is the right one is seen by the
// fingerprint, told by another way.
type Coalition struct {
	Origin      string            `json:"origin"` // the relay's signed checkpoint before the first entry
	Relay       ed25519.PublicKey `json:"relay"`
	Address     string            `json:"address"`               // of the relay, as https://relay.example:8443
	Certificate []byte            `json:"certificate,omitempty"` // SHA-256 of the relay's certificate; none: a known authority vouches
	Nodes       []Card            `json:"nodes"`
}

// What is written at the beginning of a file of the coalition.
type coalitionFile struct {
	Coalition *Coalition `json:"kua_coalition,omitempty"`
	Card      *Card      `json:"kua_card,omitempty"`
}

// maxName is the greatest length of a node's name, in letters.
const maxName = 80

// maxNodes bounds a coalition.
const maxNodes = 1000

// ErrNode says that a name can't be a node's.
var ErrNode = fmt.Errorf("a node's name has 1 to %d letters, and no line breaks", maxName)

// ErrAddress says that an address can't be a relay's.
var ErrAddress = errors.New("the relay's address begins with https://, or with http:// for an onion service, and ends with host and port")

// Bytes is the card as a file.
func (c Card) Bytes() ([]byte, error) {
	return json.MarshalIndent(coalitionFile{Card: &c}, "", " ")
}

// Bytes is the coalition as a file.
func (c Coalition) Bytes() ([]byte, error) {
	return json.MarshalIndent(coalitionFile{Coalition: &c}, "", " ")
}

func (c Card) check() error {
	if len(c.Key.Signing()) != ed25519.PublicKeySize {
		return fmt.Errorf("the card of a node has no key: %w", ErrFormat)
	}
	if !ValidName(c.Name) {
		return ErrNode
	}
	return nil
}

// ValidName tells whether a node can have a name.
func ValidName(name string) bool {
	return name != "" && name == strings.TrimSpace(name) && utf8.RuneCountInString(name) <= maxName &&
		!strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == utf8.RuneError })
}

func open(b []byte) (coalitionFile, error) {
	var f coalitionFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || d.More() {
		return f, fmt.Errorf("the file: %w", ErrFormat)
	}
	return f, nil
}

// OpenCard reads the file of a card.
func OpenCard(b []byte) (Card, error) {
	f, err := open(b)
	if err != nil {
		return Card{}, err
	}
	if f.Card == nil {
		return Card{}, fmt.Errorf("the file is no card of a node ('kua exchange card' writes one): %w", ErrFormat)
	}
	return *f.Card, f.Card.check()
}

// OpenCoalition reads the file of a coalition, and checks that its relay has
// signed its beginning.
func OpenCoalition(b []byte) (Coalition, error) {
	f, err := open(b)
	if err != nil {
		return Coalition{}, err
	}
	if f.Coalition == nil {
		return Coalition{}, fmt.Errorf("the file is not of a coalition ('kua relay init' writes one): %w", ErrFormat)
	}
	return *f.Coalition, f.Coalition.Check()
}

// Check tells whether it can be worked with.
func (c Coalition) Check() error {
	if len(c.Relay) != ed25519.PublicKeySize || len(c.Certificate) != 0 && len(c.Certificate) != sha256.Size || len(c.Nodes) > maxNodes {
		return fmt.Errorf("the file of the coalition: %w", ErrFormat)
	}
	head, err := ledger.ParseCheckpoint([]byte(c.Origin), c.Relay)
	if err != nil || head.Size != 0 {
		return fmt.Errorf("the file of the coalition is not signed by its relay: %w", ErrFormat)
	}
	if err := CheckAddress(c.Address); err != nil {
		return err
	}
	seen := map[ledger.ID]bool{}
	for _, card := range c.Nodes {
		if err := card.check(); err != nil {
			return err
		}
		if id := ledger.ID(card.Key.ID()); seen[id] {
			return fmt.Errorf("the file of the coalition names a node twice: %w", ErrFormat)
		} else {
			seen[id] = true
		}
	}
	return nil
}

// CheckAddress answers ErrAddress where a relay can't have the address.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !strings.HasSuffix(u.Hostname(), ".onion")) {
		return ErrAddress
	}
	return nil
}

// Ledger is the id of the coalition's ledger.
func (c Coalition) Ledger() (ledger.ID, error) {
	head, err := ledger.ParseCheckpoint([]byte(c.Origin), c.Relay)
	return head.Ledger, err
}

// Node finds a node.
func (c Coalition) Node(id ledger.ID) (Card, bool) {
	for _, card := range c.Nodes {
		if ledger.ID(card.Key.ID()) == id {
			return card, true
		}
	}
	return Card{}, false
}

// With is the coalition with one more node, in the place of the one with the same key.
func (c Coalition) With(card Card) (Coalition, error) {
	next := c
	next.Nodes = nil
	for _, had := range c.Nodes {
		if had.Key.ID() != card.Key.ID() {
			next.Nodes = append(next.Nodes, had)
		}
	}
	next.Nodes = append(next.Nodes, card)
	return next, next.Check()
}

// Keys are the keys of the nodes.
func (c Coalition) Keys() (keys []ed25519.PublicKey) {
	for _, card := range c.Nodes {
		keys = append(keys, card.Key.Signing())
	}
	return keys
}

// Fingerprint is what is read out over the telephone to see that a key is the
// right one: 128 bits in groups of four.
func Fingerprint(key ed25519.PublicKey) string {
	sum := sha256.Sum256(append([]byte("kua/fingerprint/1\n"), key...))
	text := hex.EncodeToString(sum[:16])
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, " ")
}

// Client reaches the relay of a coalition, through the proxy of the environment
// where there is one. Who answers is told by signatures: the certificate, where
// one is named, only keeps those on the line from seeing what goes by.
func (c Coalition) Client() Client {
	config := &tls.Config{MinVersion: tls.VersionTLS13}
	if len(c.Certificate) > 0 {
		// No authority knows the relay: its very certificate is asked for instead.
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 {
				if sum := sha256.Sum256(s.PeerCertificates[0].Raw); bytes.Equal(sum[:], c.Certificate) {
					return nil
				}
			}
			return errors.New("what answers there has another certificate than this coalition's relay")
		}
	}
	return Client{URL: c.Address, HTTP: &http.Client{
		Timeout:       10 * time.Minute, // slow lines
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, TLSHandshakeTimeout: time.Minute, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}
