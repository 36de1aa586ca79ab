// SPDX-License-Identifier: AGPL-3.0-or-later

package post

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/kua-registry/kua/internal/locale"
	"github.com/kua-registry/kua/internal/registry"
)

// Options are what the sending of letters needs of the world outside.
type Options struct {
	Now     func() time.Time
	Roots   *x509.CertPool // whose certificates are taken; nil: the system's
	Timeout time.Duration  // of connecting, and of everything a server is waited for; zero: Timeout
}

// Timeout is how long a mail server may take for all of a letter.
const Timeout = 30 * time.Second

// New answers what sends letters.
func New(words *locale.Catalogue, opt Options) registry.Post {
	if opt.Timeout == 0 {
		opt.Timeout = Timeout
	}
	return func(ctx context.Context, by registry.MailServer, l registry.Letter) error {
		msg, err := letter(words, opt.Now(), by, l)
		if err != nil {
			return &registry.MailError{Why: registry.MailRefused}
		}
		ctx, cancel := context.WithTimeout(ctx, opt.Timeout)
		defer cancel()
		return send(ctx, by, opt, msg)
	}
}

// letter writes a reminder. A letter without numbers only shows that it arrives.
func letter(words *locale.Catalogue, now time.Time, by registry.MailServer, l registry.Letter) (*mail.Msg, error) {
	lang, ok := words.Lookup(l.Lang)
	if !ok {
		lang = words.Languages()[0]
	}
	subject, body := lang.T("reminder.test"), lang.T("reminder.test.text")
	if l.Total() > 0 {
		period := "today"
		if l.Weekly {
			period = "week"
		}
		var parts []string
		for _, part := range []struct {
			key string
			n   int
		}{{"reminder.urgent", l.Urgent}, {"reminder.deadlines." + period, l.Deadlines}, {"reminder.tasks." + period, l.Tasks}, {"reminder.overdue", l.Overdue}} {
			if part.n > 0 {
				parts = append(parts, lang.N(part.key, part.n))
			}
		}
		subject, body = parts[0], strings.Join(parts, "\n")+"\n\n"+lang.T("reminder.more")
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithEncoding(mail.EncodingB64))
	if err := msg.From(by.From); err != nil {
		return nil, err
	}
	if err := msg.To(l.To); err != nil {
		return nil, err
	}
	msg.Subject(subject)
	msg.SetDateWithValue(now)
	id := make([]byte, 16)
	rand.Read(id)                                                             // never fails (crypto/rand)
	msg.SetMessageIDWithValue(hex.EncodeToString(id) + "@" + domain(by.From)) // not of this machine's name
	msg.SetGenHeader("Auto-Submitted", "auto-generated")                      // RFC 3834: no answer is wanted
	msg.SetBodyString(mail.TypeTextPlain, body+"\n")
	return msg, nil
}

func domain(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// send hands a message to a server, once.
func send(ctx context.Context, by registry.MailServer, opt Options, msg *mail.Msg) error {
	options := []mail.Option{
		mail.WithPort(by.Port), mail.WithTimeout(opt.Timeout), mail.WithHELO(domain(by.From)), // not this machine's name
		mail.WithTLSConfig(&tls.Config{ServerName: by.Host, RootCAs: opt.Roots, MinVersion: tls.VersionTLS12}),
		mail.WithoutNoop(),
	}
	switch by.TLS {
	case registry.WithTLS:
		options = append(options, mail.WithSSL())
	case registry.NoTLS:
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if by.User != "" {
		how := mail.SMTPAuthAutoDiscover
		if by.TLS == registry.NoTLS {
			how = mail.SMTPAuthPlainNoEnc // a server on this machine
		}
		options = append(options, mail.WithSMTPAuth(how), mail.WithUsername(by.User), mail.WithPassword(by.Password))
	}
	client, err := mail.NewClient(by.Host, options...)
	if err != nil {
		return &registry.MailError{Why: registry.MailRefused}
	}
	if err := client.DialWithContext(ctx); err != nil {
		return &registry.MailError{Why: whyNotReached(err)}
	}
	err = client.Send(msg)
	// Whether it is said goodbye to changes nothing: the message is taken, or not.
	_ = client.Close()
	if err == nil {
		return nil
	}
	var failed *mail.SendError
	switch {
	case !errors.As(err, &failed):
		return &registry.MailError{Why: registry.MailUnclear, Maybe: true}
	case failed.ErrorCode() >= 400: // the server said no
		return &registry.MailError{Why: registry.MailRefused}
	case failed.Reason == mail.ErrSMTPDataClose || failed.Reason == mail.ErrWriteContent || failed.Reason == mail.ErrSMTPReset:
		return &registry.MailError{Why: registry.MailUnclear, Maybe: true}
	case isTimeout(err):
		return &registry.MailError{Why: registry.MailUnreachable}
	}
	return &registry.MailError{Why: registry.MailRefused}
}

// whyNotReached says why no message could be begun. Nothing was sent by then.
func whyNotReached(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var said *textproto.Error
	switch {
	case errors.As(err, &unknown), errors.As(err, &name), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &record),
		strings.Contains(err.Error(), "STARTTLS"), strings.Contains(err.Error(), "tls: "):
		return registry.MailTLS
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return registry.MailUnreachable
	case errors.As(err, &said) && (said.Code == 530 || said.Code == 534 || said.Code == 535 || said.Code == 538), strings.Contains(err.Error(), "SMTP AUTH"), strings.Contains(err.Error(), "SMTP Auth"):
		return registry.MailSignIn
	case errors.As(err, &said):
		return registry.MailRefused
	}
	return registry.MailUnreachable
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
