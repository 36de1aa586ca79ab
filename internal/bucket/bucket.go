// SPDX-License-Identifier: AGPL-3.0-or-later

package bucket

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// What can be in the way of a bucket. That a name is not there is fs.ErrNotExist.
var (
	// ErrOptions says that a bucket can't be meant.
	ErrOptions = errors.New("give the endpoint as https://host or https://host:port (http:// only on this machine), the bucket's name, an access key and its secret; a prefix has letters, digits and . _ - /")
	// ErrSignIn says that the store does not let this key in.
	ErrSignIn = errors.New("the store does not take the access key or its secret, or does not let it use this bucket")
	// ErrNoBucket says that there is no such bucket.
	ErrNoBucket = errors.New("there is no bucket of this name in the store: make it there first")
	// ErrKeeps says that the store does not take away what it was given.
	ErrKeeps = errors.New("the store does not take the file away: the bucket is locked (object lock), or the access key may not delete")
	// ErrSilent says that the store does not answer.
	ErrSilent = errors.New("the store does not answer: check the line and the endpoint")
	// ErrSource says that what is to be sent can't be read.
	ErrSource = errors.New("what is to be sent can't be read")
	// ErrAnswer says that the store answers what makes no sense.
	ErrAnswer = errors.New("the store answers something else than what it was asked")
)

// Options say which bucket, and who opens it.
type Options struct {
	Endpoint  string // https://host[:port], or http:// of this machine
	Bucket    string // its name
	Region    string // empty: the store says it
	Prefix    string // of the names of all objects, as it is written; may be empty
	AccessKey string
	Secret    string

	// Patience is how long the store may neither take nor give a byte; 0: a minute.
	Patience time.Duration
}

var (
	bucketNames = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixes    = regexp.MustCompile(`^([A-Za-z0-9._-]+/)*[A-Za-z0-9._-]*$`)
	regions     = regexp.MustCompile(`^[A-Za-z0-9-]{0,60}$`)
)

// check reads the endpoint: a host, and whether it is spoken to by TLS.
func (o Options) check() (host string, tls bool, err error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return "", false, fmt.Errorf("the endpoint is not one: %w", ErrOptions)
	}
	local := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !local):
		return "", false, fmt.Errorf("the endpoint is not one that is spoken to by https: %w", ErrOptions)
	case !bucketNames.MatchString(o.Bucket):
		return "", false, fmt.Errorf("the bucket's name is not one, which has 3 to 63 small letters, digits, . and -: %w", ErrOptions)
	case !regions.MatchString(o.Region) || len(o.Prefix) > 200 || !prefixes.MatchString(o.Prefix):
		return "", false, fmt.Errorf("the region or the prefix is not one: %w", ErrOptions)
	case o.AccessKey == "" || o.Secret == "" || strings.ContainsAny(o.AccessKey+o.Secret, " \r\n\x00"):
		return "", false, fmt.Errorf("the access key or its secret is missing, or has a space in it: %w", ErrOptions)
	}
	for part := range strings.SplitSeq(o.Prefix, "/") {
		if part == "." || part == ".." {
			return "", false, fmt.Errorf("the prefix has . or .. between its slashes: %w", ErrOptions)
		}
	}
	return u.Host, u.Scheme == "https", nil
}

// Bucket is a bucket. Its methods may be called concurrently.
type Bucket struct {
	core     minio.Core
	name     string
	prefix   string
	patience time.Duration
	partLen  int64 // tests have small ones
}

// How long the store may take, beyond Patience for each byte.
const (
	usualPatience = time.Minute
	dialTimeout   = 15 * time.Second
	tries         = 3
)

// Open makes ready to use a bucket. Nobody is asked yet.
func Open(o Options) (*Bucket, error) {
	host, tls, err := o.check()
	if err != nil {
		return nil, err
	}
	if o.Patience == 0 {
		o.Patience = usualPatience
	}
	client, err := minio.New(host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.Secret, ""), Secure: tls, Region: o.Region, MaxRetries: tries,
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: min(dialTimeout, o.Patience)}).DialContext,
			TLSHandshakeTimeout:   min(dialTimeout, o.Patience),
			ResponseHeaderTimeout: o.Patience,
			IdleConnTimeout:       o.Patience,
			MaxIdleConnsPerHost:   8,
			DisableCompression:    true,
		},
	})
	if err != nil {
		return nil, ErrOptions
	}
	return &Bucket{core: minio.Core{Client: client}, name: o.Bucket, prefix: o.Prefix, patience: o.Patience, partLen: partLen}, nil
}

// why says in our own words what was in the way. What the store says of it is
// not passed on, but for its code: it may be long, and anything.
func why(ctx context.Context, err error) error {
	var said minio.ErrorResponse
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), errStalled):
		return ErrSilent
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &said):
		return whySaid(said)
	case errors.Is(err, ErrAnswer), errors.Is(err, ErrKeeps), errors.Is(err, ErrSource), errors.Is(err, fs.ErrNotExist):
		return err
	}
	return fmt.Errorf("%w (%s)", ErrSilent, kind(err))
}

// kind is an error of the network in few words, without addresses.
func kind(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var to interface{ Timeout() bool }
	switch {
	case errors.As(err, &to) && to.Timeout():
		return "too late"
	case errors.As(err, &dns):
		return "there is no such host"
	case errors.As(err, &op):
		return op.Op + " failed"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it hung up"
	case strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: "):
		return "its certificate is not right"
	}
	return "no connection"
}

var codes = regexp.MustCompile(`^[A-Za-z0-9]{1,60}$`)

func whySaid(said minio.ErrorResponse) error {
	switch said.Code {
	case "NoSuchKey", "NoSuchVersion":
		return fs.ErrNotExist
	case "NoSuchBucket":
		return ErrNoBucket
	case "RequestTimeTooSkewed":
		return errors.New("the store says that the clock of this machine is wrong: set it")
	case "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AllAccessDisabled", "AccountProblem":
		return fmt.Errorf("%w (%s)", ErrSignIn, said.Code)
	}
	if !codes.MatchString(said.Code) {
		said.Code = "no code"
	}
	return fmt.Errorf("the store refuses: %s, HTTP %d", said.Code, said.StatusCode)
}

// lacks tells whether a store does not know a kind of question, or does not let
// this key ask it.
func lacks(err error) bool {
	switch minio.ToErrorResponse(err).Code {
	case "NotImplemented", "MethodNotAllowed", "AccessDenied", "NotSupported":
		return true
	}
	return false
}

// Size is how many bytes there are under a name.
func (b *Bucket) Size(ctx context.Context, name string) (int64, error) {
	ctx, p := b.patient(ctx)
	defer p.end()
	info, err := b.core.StatObject(ctx, b.name, b.prefix+name, minio.StatObjectOptions{})
	if err != nil {
		return 0, why(ctx, err)
	}
	return info.Size, nil
}

// Get reads length bytes, which is not 0, from an offset on.
func (b *Bucket) Get(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	ctx, p := b.patient(ctx)
	var o minio.GetObjectOptions
	err := o.SetRange(offset, offset+length-1)
	var body io.ReadCloser
	var info minio.ObjectInfo
	var header http.Header
	if err == nil {
		body, info, header, err = b.core.GetObject(ctx, b.name, b.prefix+name, o)
	}
	if err != nil {
		err = why(ctx, err)
		p.end()
		return nil, err
	}
	// A store that does not know ranges hands out all of it from the beginning.
	if from := fmt.Sprintf("bytes %d-%d/", offset, offset+length-1); info.Size != length || offset > 0 && !strings.HasPrefix(header.Get("Content-Range"), from) {
		body.Close()
		p.end()
		return nil, ErrAnswer
	}
	p.pause()
	return &reading{ctx: ctx, body: body, p: p}, nil
}

// reading is what is being read; the store is waited for only while somebody reads.
type reading struct {
	ctx  context.Context
	body io.ReadCloser
	p    *patience
}

func (r *reading) Read(to []byte) (int, error) {
	r.p.touch()
	n, err := r.body.Read(to)
	r.p.pause()
	if err != nil && !errors.Is(err, io.EOF) {
		err = why(r.ctx, err)
	}
	return n, err
}

func (r *reading) Close() error {
	r.p.end()
	return r.body.Close()
}

// Below is the same bucket as far as names in it begin with prefix, without it.
func (b *Bucket) Below(prefix string) *Bucket {
	below := *b
	below.prefix += prefix
	return &below
}

// Each calls f with every name there is, and how many bytes are under it; of what
// lies in a folder of its own below the prefix, with the name of the folder.
func (b *Bucket) Each(ctx context.Context, f func(name string, size int64) error) error {
	ctx, p := b.patient(ctx)
	defer p.end()
	for info := range b.core.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix}) {
		if info.Err != nil {
			return why(ctx, info.Err)
		}
		p.pause()
		if err := f(strings.TrimPrefix(info.Key, b.prefix), info.Size); err != nil {
			return err
		}
		p.touch()
	}
	return why(ctx, ctx.Err())
}

// Remove takes a name away, with all older versions that the bucket has kept of
// it and what came in of it and was never whole. Nothing there is no error.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	ctx, p := b.patient(ctx)
	defer p.end()
	key := b.prefix + name
	begun, err := b.begun(ctx, key)
	for _, id := range begun {
		p.touch()
		if failed := b.core.AbortMultipartUpload(ctx, b.name, key, id); minio.ToErrorResponse(failed).Code != "NoSuchUpload" {
			err = errors.Join(err, failed)
		}
	}
	if err != nil {
		return why(ctx, err)
	}
	versions, err := b.versions(ctx, p, key)
	if err != nil {
		return why(ctx, err)
	}
	if len(versions) == 0 || len(versions) == 1 && (versions[0] == "" || versions[0] == "null") {
		versions = []string{""}
	}
	for _, id := range versions {
		p.touch()
		if err := b.core.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{VersionID: id}); err != nil {
			if err = why(ctx, err); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !errors.Is(err, ErrSilent) && ctx.Err() == nil {
				err = fmt.Errorf("%w (%w)", ErrKeeps, err)
			}
			return err
		}
	}
	p.touch()
	if len(versions) > 1 || versions[0] != "" { // a lock may be told by nothing but that they stay
		left, err := b.versions(ctx, p, key)
		if err == nil && len(left) > 0 {
			err = ErrKeeps
		}
		return why(ctx, err)
	}
	_, err = b.core.StatObject(ctx, b.name, key, minio.StatObjectOptions{})
	if err == nil {
		return ErrKeeps
	}
	if err = why(ctx, err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// versions are the ids of all that a bucket keeps under a key, the marks that it
// was taken away among them; none where the store knows no versions.
func (b *Bucket) versions(ctx context.Context, p *patience, key string) ([]string, error) {
	var ids []string
	for info := range b.core.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: key, WithVersions: true}) {
		p.touch()
		if info.Err != nil {
			if lacks(info.Err) {
				return nil, nil
			}
			return nil, info.Err
		}
		if info.Key == key {
			ids = append(ids, info.VersionID)
		}
	}
	return ids, ctx.Err()
}

// Manner is how a bucket treats what it is given.
type Manner struct {
	Versions bool // it keeps older versions: taking away has to reach them too
	Locked   bool // it may keep what it was given for a time, whatever is asked of it
	Proves   bool // it answers with SHA-256 what it has; else all is read back once
}

// Try puts a few random bytes into a bucket, reads them and takes them away.
func (b *Bucket) Try(ctx context.Context) (m Manner, err error) {
	probe := make([]byte, 48)
	if _, err := rand.Read(probe); err != nil {
		return m, err
	}
	name := hex.EncodeToString(probe[:16])
	if m.Proves, err = b.Put(ctx, name, bytes.NewReader(probe), int64(len(probe))); err != nil {
		return m, err
	}
	defer func() {
		if err != nil { // what was put there is taken away whatever fails
			err = errors.Join(err, b.Remove(context.WithoutCancel(ctx), name))
		}
	}()
	r, err := b.Get(ctx, name, 16, 16)
	if err != nil {
		return m, err
	}
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return m, err
	}
	listed := false
	err = b.Each(ctx, func(is string, size int64) error {
		listed = listed || is == name && size == int64(len(probe))
		return nil
	})
	if err != nil {
		return m, err
	}
	if !bytes.Equal(got, probe[16:32]) || !listed {
		return m, ErrAnswer
	}
	within, p := b.patient(ctx)
	defer p.end()
	// A store that does not know the question does not keep them either.
	if v, err := b.core.GetBucketVersioning(within, b.name); err == nil {
		m.Versions = v.Enabled() || v.Suspended()
	}
	if lock, _, _, _, err := b.core.GetObjectLockConfig(within, b.name); err == nil {
		m.Locked = lock == "Enabled"
	}
	return m, b.Remove(ctx, name)
}
