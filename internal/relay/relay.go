// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/exchange"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
	"github.com/kua-registry/kua/internal/wholefile"
)

// The files of a relay's folder.
const (
	keyFile    = "relay.key"      // the relay's identity, opened by its passphrase
	settings   = "relay.settings" // address, certificate and nodes, sealed to the relay
	ledgerFile = "ledger.db"
	ledgerKey  = "ledger.key"
	headFile   = "head"
	filesDir   = "files" // of cases that are on their way, sealed
)

const (
	purpose       = "relay"
	settingsLabel = "kua/relay/v1"
)

// Options are what a relay needs of the world outside.
type Options struct {
	Now     func() time.Time
	Stretch seal.Stretch // how the passphrase is stretched; zero: seal.StandardStretch
	Least   seal.Stretch // the least the key file may ask for; zero: seal.LeastStretch
}

func (o Options) orStandard() Options {
	if o.Stretch == (seal.Stretch{}) {
		o.Stretch = seal.StandardStretch()
	}
	if o.Least == (seal.Stretch{}) {
		o.Least = seal.LeastStretch()
	}
	return o
}

// ErrPassphrase says that a passphrase does not open the relay.
var ErrPassphrase = errors.New("the passphrase does not open this relay: check the words and their order")

// kept is the file of the settings.
type kept struct {
	Address     string          `json:"address"`
	Certificate []byte          `json:"certificate,omitempty"` // DER; none: something in front of the relay has one
	Key         []byte          `json:"key,omitempty"`         // PKCS #8
	Origin      string          `json:"origin"`
	Nodes       []exchange.Card `json:"nodes"`
}

// Relay is an open relay. Its methods may be called concurrently.
type Relay struct {
	dir   string
	now   func() time.Time
	id    *seal.Identity
	log   *ledger.Log
	store ledger.Store

	mu    sync.RWMutex // held for reading while a node is answered
	kept  kept
	stamp string // of the settings as they were read
	order *exchange.Relay
}

// Create makes a relay in dir, which must be new or empty. The address is where
// the nodes reach it. plain leaves the certificate to what stands in front of
// it, or to an onion service.
func Create(ctx context.Context, dir, passphrase, address string, plain bool, o Options) (*Relay, error) {
	o = o.orStandard()
	if err := exchange.CheckAddress(address); err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: a relay is made in a directory that is new or empty", dir)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("the relay can't be made: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the relay can't be made: %w", err)
	}
	id, err := seal.NewIdentity()
	if err != nil {
		return nil, err
	}
	r := &Relay{dir: dir, now: o.Now, id: id, kept: kept{Address: address}}
	if !plain && strings.HasPrefix(address, "https:") {
		if r.kept.Certificate, r.kept.Key, err = certificate(o.Now()); err != nil {
			return nil, err
		}
	}
	locked, err := seal.LockPassphrase(id, purpose, passphrase, o.Stretch)
	if err != nil {
		return nil, err
	}
	b, err := locked.Encode()
	if err != nil {
		return nil, err
	}
	if err := r.openLedger(ctx, true); err != nil {
		return nil, err
	}
	origin, err := r.log.Origin()
	if err == nil {
		r.kept.Origin = string(origin)
		err = r.save()
	}
	if err == nil { // last: with it the relay is whole
		err = wholefile.WriteBytes(filepath.Join(dir, keyFile), ".new-*", b)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.renew()
	return r, nil
}

// Open opens the relay in dir.
func Open(ctx context.Context, dir, passphrase string, o Options) (*Relay, error) {
	r, err := unlock(dir, passphrase, o.orStandard())
	if err != nil {
		return nil, err
	}
	if err := r.openLedger(ctx, false); err != nil {
		return nil, err
	}
	r.renew()
	return r, nil
}

// unlock opens the keys and reads the settings, and not the ledger: a relay that
// serves has that.
func unlock(dir, passphrase string, o Options) (*Relay, error) {
	b, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is no relay: there is no %s in it; 'kua relay init' makes one", dir, keyFile)
	}
	if err != nil {
		return nil, err
	}
	locked, err := seal.DecodeLocked(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	if locked.Purpose() != purpose {
		return nil, fmt.Errorf("%s is not the key of a relay", keyFile)
	}
	opened, err := locked.OpenPassphrase(passphrase, o.Least)
	if errors.Is(err, seal.ErrPassphrase) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, err
	}
	r := &Relay{dir: dir, now: o.Now, id: opened.Identity}
	return r, r.load()
}

func (r *Relay) openLedger(ctx context.Context, create bool) error {
	var key seal.Key
	path := filepath.Join(r.dir, ledgerKey)
	if create {
		key = seal.NewKey()
		sealed, err := seal.SealIndexKey(r.id, key)
		if err != nil {
			return err
		}
		if err := wholefile.WriteBytes(path, ".new-*", sealed); err != nil {
			return err
		}
	} else {
		sealed, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("a key of the relay is missing: %w", err)
		}
		if key, err = seal.OpenIndexKey(r.id, sealed); err != nil {
			return fmt.Errorf("%s: %w", ledgerKey, err)
		}
	}
	raw := [32]byte(key)
	store, err := sqlitestore.Open(ctx, filepath.Join(r.dir, ledgerFile), sqlitestore.Options{Key: &raw, Create: create})
	if err != nil {
		return err
	}
	open := ledger.Open
	if create {
		open = ledger.Create
	}
	if r.log, err = open(ctx, store, ledger.Options{Signer: r.id, HeadFile: filepath.Join(r.dir, headFile)}); err != nil {
		return errors.Join(err, store.Close())
	}
	r.store = store
	return nil
}

// renew makes what orders anew, with the nodes that are known now.
func (r *Relay) renew() {
	c := exchange.Coalition{Nodes: r.kept.Nodes}
	r.order = exchange.NewRelay(r.log, r.store, r.id, c.Keys(), filepath.Join(r.dir, filesDir))
}

// stampOf tells one state of the settings' file from another.
func (r *Relay) stampOf() string {
	info, err := os.Stat(filepath.Join(r.dir, settings))
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

func (r *Relay) load() error {
	stamp := r.stampOf()
	sealed, err := os.ReadFile(filepath.Join(r.dir, settings))
	if err != nil {
		return fmt.Errorf("the settings of the relay can't be read: %w", err)
	}
	text, err := r.id.OpenOwn(settingsLabel, sealed)
	if err != nil {
		return fmt.Errorf("%s: %w", settings, err)
	}
	var next kept
	if err := json.Unmarshal(text, &next); err != nil {
		return fmt.Errorf("%s: %w", settings, err)
	}
	r.kept, r.stamp = next, stamp
	return nil
}

func (r *Relay) save() error {
	text, err := json.Marshal(r.kept)
	if err != nil {
		return err
	}
	sealed, err := r.id.SealOwn(settingsLabel, text)
	if err != nil {
		return err
	}
	if err := wholefile.WriteBytes(filepath.Join(r.dir, settings), ".new-*", sealed); err != nil {
		return err
	}
	r.stamp = r.stampOf()
	return nil
}

// Close closes the relay.
func (r *Relay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Close()
}

// Coalition is what the nodes are given.
func (r *Relay) Coalition() exchange.Coalition {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := exchange.Coalition{Origin: r.kept.Origin, Relay: r.id.Public().Signing(), Address: r.kept.Address, Nodes: r.kept.Nodes}
	if len(r.kept.Certificate) > 0 {
		sum := sha256.Sum256(r.kept.Certificate)
		c.Certificate = sum[:]
	}
	return c
}

// Add makes nodes known to the relay in dir, one that serves too: it looks
// before it answers.
func Add(dir, passphrase string, o Options, cards ...exchange.Card) (exchange.Coalition, error) {
	r, err := unlock(dir, passphrase, o.orStandard())
	if err != nil {
		return exchange.Coalition{}, err
	}
	c := r.Coalition()
	for _, card := range cards {
		if c, err = c.With(card); err != nil {
			return exchange.Coalition{}, err
		}
	}
	r.kept.Nodes = c.Nodes
	return c, r.save()
}

// Known is what the relay in dir gives its nodes.
func Known(dir, passphrase string, o Options) (exchange.Coalition, error) {
	r, err := unlock(dir, passphrase, o.orStandard())
	if err != nil {
		return exchange.Coalition{}, err
	}
	return r.Coalition(), nil
}

// current reads the settings again where they have changed.
func (r *Relay) current() error {
	r.mu.RLock()
	same := r.stampOf() == r.stamp
	r.mu.RUnlock()
	if same {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.load(); err != nil {
		return err
	}
	r.renew()
	return nil
}

// Handler answers the nodes.
func (r *Relay) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if err := r.current(); err != nil {
			http.Error(w, "the settings of the relay can't be read", http.StatusServiceUnavailable)
			return
		}
		r.mu.RLock()
		defer r.mu.RUnlock()
		r.order.Handler(r.now).ServeHTTP(w, q)
	})
}

// Serve answers the nodes until the context ends.
func (r *Relay) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{Handler: r.Handler(), ReadHeaderTimeout: time.Minute, ReadTimeout: 15 * time.Minute, WriteTimeout: 15 * time.Minute, IdleTimeout: 5 * time.Minute}
	if len(r.kept.Certificate) > 0 {
		key, err := x509.ParsePKCS8PrivateKey(r.kept.Key)
		if err != nil {
			return fmt.Errorf("the key of the certificate: %w", err)
		}
		l = tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2", "http/1.1"},
			Certificates: []tls.Certificate{{Certificate: [][]byte{r.kept.Certificate}, PrivateKey: key}}})
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		end, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer stop()
		if server.Shutdown(end) != nil {
			return server.Close()
		}
		return nil
	}
}

// ReadStick hands in what a node wrote to a stick.
func (r *Relay) ReadStick(ctx context.Context, f io.ReadSeeker) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order.ReadStick(ctx, f)
}

// WriteStick writes a file for nodes: the entries from a position on.
func (r *Relay) WriteStick(ctx context.Context, w io.Writer, from uint64) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.order.WriteStick(ctx, w, from)
}

// Head is how far the relay has come.
func (r *Relay) Head() ledger.Head { return r.log.Head() }

// certificate makes a certificate that says nothing: it is known by its hash.
func certificate(now time.Time) (der, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: now.Add(-24 * time.Hour).UTC(), NotAfter: now.AddDate(50, 0, 0).UTC(), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if der, err = x509.CreateCertificate(rand.Reader, t, t, private.Public(), private); err != nil {
		return nil, nil, err
	}
	key, err = x509.MarshalPKCS8PrivateKey(private)
	return der, key, err
}

// Port is the port of the address that the nodes were given, as net.Listen
// reads it: on all of the machine's networks.
func (r *Relay) Port() (string, error) {
	u, err := url.Parse(r.kept.Address)
	if err != nil {
		return "", err
	}
	return ":" + cmp.Or(u.Port(), "443"), nil
}
