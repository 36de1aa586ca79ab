// SPDX-License-Identifier: AGPL-3.0-or-later

package post

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"mime"
	"net"
	"net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// server is a real SMTP server in this process.
type server struct {
	t       testing.TB
	host    string
	port    int
	roots   *x509.CertPool
	refuses string // the command that it refuses: MAIL, RCPT, DATA
	breaks  bool   // it ends the connection when a message is handed over, and says nothing

	mu    sync.Mutex
	mails []taken
	said  []string // names of machines that clients gave
	tls   bool     // the last message came by TLS
}

type taken struct {
	from string
	to   []string
	data string
}

const (
	mailUser     = "reminders"
	mailPassword = "seven good words"
)

// certificate makes a certificate for a name.
func certificate(t testing.TB, name string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

type kind struct {
	implicit bool   // TLS from the first byte
	plain    bool   // no TLS at all
	name     string // in the certificate
}

func serve(t testing.TB, k kind) *server {
	t.Helper()
	s := &server{t: t, host: "localhost"}
	back := smtp.NewServer(s)
	if k.name == "" {
		k.name = "localhost"
	}
	cert, roots := certificate(t, k.name)
	s.roots = roots
	conf := &tls.Config{Certificates: []tls.Certificate{cert}}
	if !k.plain {
		back.TLSConfig = conf
	}
	back.AllowInsecureAuth, back.Domain, back.ErrorLog = k.plain, "localhost", quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	if k.implicit {
		l = tls.NewListener(l, conf)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = back.Serve(l) }()
	t.Cleanup(func() { _ = back.Close(); <-done })
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

func (s *server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, c.Hostname())
	_, s.tls = c.TLSConnectionState()
	return &session{s: s, conn: c}, nil
}

type session struct {
	s      *server
	conn   *smtp.Conn
	signed bool
	mail   taken
}

func (x *session) refused(command string) error {
	if x.s.refuses == command {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "we do not want reader@example.org here"}
	}
	return nil
}

func (x *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != mailUser || password != mailPassword {
			return smtp.ErrAuthFailed
		}
		x.signed = true
		return nil
	}), nil
}

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	x.mail.from = from
	return x.refused("MAIL")
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.mail.to = append(x.mail.to, to)
	return x.refused("RCPT")
}

func (x *session) Data(r io.Reader) error {
	if err := x.refused("DATA"); err != nil {
		return err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.mail.data = string(text)
	x.s.mu.Lock()
	x.s.mails = append(x.s.mails, x.mail)
	x.s.mu.Unlock()
	if x.s.breaks {
		return errors.Join(x.conn.Close(), io.EOF)
	}
	return nil
}

func (x *session) Reset()        { x.mail = taken{} }
func (x *session) Logout() error { return nil }

func (s *server) taken() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]taken(nil), s.mails...)
}

func (s *server) by(how string) registry.MailServer {
	return registry.MailServer{Host: s.host, Port: s.port, TLS: how, User: mailUser, Password: mailPassword, From: "office@sample.example"}
}

var now = time.Date(2022, 6, 20, 7, 5, 0, 0, time.FixedZone("", 6*3600))

func (s *server) post(t testing.TB, by registry.MailServer, l registry.Letter) error {
	t.Helper()
	words, err := locale.Load()
	if err != nil {
		t.Fatal(err)
	}
	return New(words, Options{Now: func() time.Time { return now }, Roots: s.roots, Timeout: 5 * time.Second})(context.Background(), by, l)
}

var sample = registry.Letter{To: "reader@example.org", Lang: "en", Weekly: true, Deadlines: 3, Tasks: 1, Overdue: 2}

// TestLettersArrive hands letters to a server by each way and in each language,
// and reads what it took.
func TestLettersArrive(t *testing.T) {
	for how, k := range map[string]kind{registry.StartTLS: {}, registry.WithTLS: {implicit: true}, registry.NoTLS: {plain: true}} {
		s := serve(t, k)
		if err := s.post(t, s.by(how), sample); err != nil {
			t.Errorf("%s: %v", how, err)
			continue
		}
		mails := s.taken()
		if len(mails) != 1 || mails[0].from != "office@sample.example" || len(mails[0].to) != 1 || mails[0].to[0] != "reader@example.org" {
			t.Fatalf("%s: taken %+v", how, mails)
		}
		if s.tls != (how != registry.NoTLS) {
			t.Errorf("%s: by TLS: %v", how, s.tls)
		}
	}
	s := serve(t, kind{})
	for _, tt := range []struct {
		l             registry.Letter
		subject, body string
	}{
		{sample, "3 deadlines this week", "3 deadlines this week\n1 task this week\n2 overdue\n\nSign in to see which.\n"},
		{registry.Letter{To: "a@b.example", Lang: "ru", Deadlines: 2}, "2 срока сегодня", "2 срока сегодня\n\nЧтобы увидеть какие, войдите.\n"},
		{registry.Letter{To: "a@b.example", Lang: "kk", Weekly: true, Tasks: 5}, "Осы аптада 5 тапсырма", "Осы аптада 5 тапсырма\n\nҚайсысы екенін көру үшін кіріңіз.\n"},
		{registry.Letter{To: "a@b.example", Lang: "kk", Urgent: 2}, "2 шұғыл тапсырма", "2 шұғыл тапсырма\n\nҚайсысы екенін көру үшін кіріңіз.\n"},
		{registry.Letter{To: "a@b.example", Lang: "xx"}, "A test", "If you read this, reminders arrive.\n"},
	} {
		if err := s.post(t, s.by(registry.StartTLS), tt.l); err != nil {
			t.Fatal(err)
		}
		mails := s.taken()
		subject, body := read(t, mails[len(mails)-1].data)
		if subject != tt.subject || body != tt.body {
			t.Errorf("a letter of %+v says %q: %q", tt.l, subject, body)
		}
	}
}

// read reads a message as its reader does.
func read(t testing.TB, data string) (subject, body string) {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	if how := msg.Header.Get("Content-Transfer-Encoding"); how != "base64" {
		t.Fatalf("encoded as %q", how)
	}
	text, err := io.ReadAll(decoded(msg.Body))
	if err != nil {
		t.Fatal(err)
	}
	return subject, strings.ReplaceAll(string(text), "\r\n", "\n")
}

// TestLettersSayNothingElseRegression holds the whole of a message against what
// may stand in it: no name of this machine, of the program, of a member.
func TestLettersSayNothingElseRegression(t *testing.T) {
	s := serve(t, kind{})
	if err := s.post(t, s.by(registry.StartTLS), sample); err != nil {
		t.Fatal(err)
	}
	data := s.taken()[0].data
	msg, err := mail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name := range msg.Header {
		switch name {
		case "From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted":
		default:
			t.Errorf("a header too many: %s: %s", name, msg.Header.Get(name))
		}
	}
	if id := msg.Header.Get("Message-Id"); !strings.HasSuffix(id, "@sample.example>") {
		t.Errorf("Message-Id: %s", id)
	}
	if date := msg.Header.Get("Date"); date != "Mon, 20 Jun 2022 07:05:00 +0600" {
		t.Errorf("Date: %s", date)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, body := read(t, data)
	for _, word := range []string{"kua", "куә", "go-mail", "http", "K-1"} {
		if strings.Contains(strings.ToLower(data+body), word) {
			t.Errorf("the message holds %q", word)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, said := range s.said {
		if said != "sample.example" || said == host {
			t.Errorf("the client calls itself %q", said)
		}
	}
}

// TestHeadersCannotBeAddedRegression tries addresses that would add a header or
// a reader: the registry takes none of them, and were one kept, nothing is sent.
func TestHeadersCannotBeAddedRegression(t *testing.T) {
	s := serve(t, kind{})
	for _, bad := range []string{
		"a@b.example\r\nBcc: spy@example.org", "a@b.example\nSubject: x", "a@b.example, spy@example.org", "a@b.example>\r\nRCPT TO:<spy@example.org",
		"a@b.example\r\n.\r\nMAIL FROM:<x@y.example>", "\"a\r\nb\"@b.example",
	} {
		l := sample
		l.To = bad
		if err := s.post(t, s.by(registry.StartTLS), l); err == nil {
			t.Errorf("sent to %q", bad)
		}
		by := s.by(registry.StartTLS)
		by.From = bad
		if err := s.post(t, by, sample); err == nil {
			t.Errorf("sent from %q", bad)
		}
	}
	if n := len(s.taken()); n != 0 {
		t.Errorf("%d messages were taken", n)
	}
}

// TestWhyNot holds what is said of servers that do not take a letter, and
// whether it may have arrived nevertheless.
func TestWhyNot(t *testing.T) {
	type test struct {
		what  string
		s     *server
		by    func(*server) registry.MailServer
		why   string
		maybe bool
		takes int
	}
	starttls := func(s *server) registry.MailServer { return s.by(registry.StartTLS) }
	refusing := func(command string) *server {
		s := serve(t, kind{})
		s.refuses = command
		return s
	}
	broken := serve(t, kind{})
	broken.breaks = true
	stranger := serve(t, kind{})
	stranger.roots = x509.NewCertPool()
	closed := serve(t, kind{})
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.port = free.Addr().(*net.TCPAddr).Port
	free.Close()
	for _, tt := range []test{
		{"no TLS at a server that must have it", serve(t, kind{plain: true}), starttls, registry.MailTLS, false, 0},
		{"a certificate nobody knows", stranger, starttls, registry.MailTLS, false, 0},
		{"the certificate of another", serve(t, kind{name: "other.example"}), starttls, registry.MailTLS, false, 0},
		{"the certificate of another, TLS from the start", serve(t, kind{name: "other.example", implicit: true}), func(s *server) registry.MailServer { return s.by(registry.WithTLS) }, registry.MailTLS, false, 0},
		{"TLS from the start at a server that begins plain", serve(t, kind{}), func(s *server) registry.MailServer { return s.by(registry.WithTLS) }, registry.MailTLS, false, 0},
		{"a wrong password", serve(t, kind{}), func(s *server) registry.MailServer {
			by := s.by(registry.StartTLS)
			by.Password = "other"
			return by
		}, registry.MailSignIn, false, 0},
		{"a sender refused", refusing("MAIL"), starttls, registry.MailRefused, false, 0},
		{"a reader refused", refusing("RCPT"), starttls, registry.MailRefused, false, 0},
		{"a message refused", refusing("DATA"), starttls, registry.MailRefused, false, 0},
		{"broken off when it was handed over", broken, starttls, registry.MailUnclear, true, 1},
		{"nobody there", closed, starttls, registry.MailUnreachable, false, 0},
	} {
		err := tt.s.post(t, tt.by(tt.s), sample)
		var not *registry.MailError
		if !errors.As(err, &not) || not.Why != tt.why || not.Maybe != tt.maybe {
			t.Errorf("%s: %v %+v", tt.what, err, not)
			continue
		}
		if strings.Contains(err.Error(), "example") {
			t.Errorf("%s: the error says what the server said: %v", tt.what, err)
		}
		if n := len(tt.s.taken()); n != tt.takes {
			t.Errorf("%s: %d messages were taken", tt.what, n)
		}
	}
}

// TestHangingServers holds that a server that takes a connection and says
// nothing, at once or after a while, is not waited for without end.
func TestHangingServers(t *testing.T) {
	for what, greeting := range map[string]string{"from the start": "", "after its greeting": "220 localhost ESMTP\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var held []net.Conn
		var mu sync.Mutex
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				mu.Lock()
				held = append(held, c)
				mu.Unlock()
				_, _ = io.WriteString(c, greeting)
			}
		}()
		words, err := locale.Load()
		if err != nil {
			t.Fatal(err)
		}
		post := New(words, Options{Now: func() time.Time { return now }, Timeout: 300 * time.Millisecond})
		err = post(context.Background(), registry.MailServer{Host: "localhost", Port: l.Addr().(*net.TCPAddr).Port, TLS: registry.StartTLS, From: "office@sample.example"}, sample)
		var not *registry.MailError
		if !errors.As(err, &not) || not.Why != registry.MailUnreachable || not.Maybe {
			t.Errorf("%s: %v", what, err)
		}
		l.Close()
		<-done
		mu.Lock()
		for _, c := range held {
			c.Close()
		}
		mu.Unlock()
	}
}

func decoded(r io.Reader) io.Reader {
	text, _ := io.ReadAll(r)
	return bytes.NewReader(base64Text(text))
}

func base64Text(text []byte) []byte {
	plain, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "").Replace(string(text)))
	if err != nil {
		return []byte(err.Error())
	}
	return plain
}
