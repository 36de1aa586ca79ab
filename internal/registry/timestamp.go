// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/timestamp"
)

// The kinds of time stamps. They are written here alone, after they are verified.
const (
	authorityKind = "time_authority"
	stampKind     = "time_stamp"
	fileStampKind = "file_stamp"
)

// The forms of time stamps, codes of list time_stamp_form.
const (
	RFC3161        = "rfc3161"
	OpenTimestamps = "opentimestamps"
)

// ProofKept is the outcome of a proof of OpenTimestamps: it is of these data. That
// it leads to the header of a block is worked out here; that the header is so,
// anybody looks up.
const ProofKept = "kept"

// What somebody who handles time stamps can be told. Nothing was written.
var (
	ErrNoAuthority     = errors.New("no time-stamping authority with an address is set up: 'kua timestamp authority set' does so; or ask one yourself with 'kua timestamp request'")
	ErrAuthorityFields = errors.New("give the authority a name, its root certificates (PEM), and an address that begins with http:// or https://, or none")
	ErrNoDigest        = errors.New("this record has no SHA-256 of a file: add the file, or write its SHA-256 into the record")
	ErrNotCheckpoint   = errors.New("this is no checkpoint of this register: give the file that 'kua timestamp request' wrote, or proofs/checkpoint of a bundle")
)

// BadStampError says why a time stamp is not kept.
type BadStampError struct {
	Outcome string // a timestamp.Outcome
	Why     string
}

func (e *BadStampError) Error() string { return "the time stamp is not kept: " + e.Why }

// Ask sends a request for a time stamp to an address and gives the answer.
type Ask func(ctx context.Context, address string, query []byte) ([]byte, error)

// TimeAuthority is whose time stamps are trusted, and where they are asked for.
type TimeAuthority struct {
	ID      string
	Name    string
	Address string // empty: it is never asked
	Roots   string // certificates in PEM
}

// TimeStamp is a time stamp with what is to be said of it now.
type TimeStamp struct {
	ID         string
	Form       string    // code of list time_stamp_form
	Entries    uint64    // of a checkpoint: how many entries it covers
	Checkpoint string    // as it was signed; empty: it is of a file
	Evidence   string    // of a file: the record of evidence it belongs to, if any
	File       string    // of a file that is in the register: its record
	SHA256     string    // of a file
	Token      []byte    // as the authority gave it
	Added      time.Time // to the register
	At         time.Time // that it attests; zero: a proof that says none
	Authority  string    // that signed it, by its certificate
	Outcome    string    // a timestamp.Outcome, or ProofKept
	Why        string    // it is not good; empty: it is
	// Of a proof of OpenTimestamps: the headers of Bitcoin that it leads to, and
	// the calendars that have promised to complete it.
	Blocks    []timestamp.Block
	Calendars []string
	Chain     string   // of a good one: its certificates from the signer to the root, PEM
	Signers   []string // of a good one: whose certificates they are
}

// Bad tells whether a time stamp is not what it was when it was kept.
func (t TimeStamp) Bad() bool {
	return t.Outcome != string(timestamp.Good) && t.Outcome != string(timestamp.Unverified) && t.Outcome != ProofKept
}

// worthKeeping tells whether a time stamp is what it should be, or may once be
// found to be: one without its signer's certificate never is.
func (t TimeStamp) worthKeeping() bool {
	return !t.Bad() && (t.Form == OpenTimestamps || t.Authority != "")
}

// looksAtStamps tells whether a member may see what attests the register: it says
// nothing of a case.
func looksAtStamps(s *access.Session) bool {
	return access.Decide(s.Member, access.Verify, access.Thing{}) || access.Decide(s.Member, access.Administer, access.Thing{})
}

// MayStamp tells whether a member may ask for a time stamp of the register, and
// keep one: who looks after it may, and who writes what belongs to no case.
func (r *Registry) MayStamp(s *access.Session) bool {
	return access.Decide(s.Member, access.WriteOutside, access.Thing{}) || access.Decide(s.Member, access.Administer, access.Thing{})
}

// TimeAuthorities are the authorities that are set up, by name.
func (r *Registry) TimeAuthorities(ctx context.Context, s *access.Session) (_ []TimeAuthority, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !looksAtStamps(s) {
		return nil, ErrNotAllowed
	}
	return r.timeAuthorities(ctx)
}

func (r *Registry) timeAuthorities(ctx context.Context) ([]TimeAuthority, error) {
	records, err := r.index.Outside(ctx, authorityKind, allKnown)
	if err != nil {
		return nil, err
	}
	var all []TimeAuthority
	for _, rec := range records {
		all = append(all, TimeAuthority{ID: rec.ID, Name: rec.Get("name"), Address: rec.Get("address"), Roots: rec.Get("roots")})
	}
	slices.SortFunc(all, func(a, b TimeAuthority) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// SetTimeAuthority sets an authority up, in the place of one of the same name.
// Whoever says whose time stamps are trusted looks after the register.
func (r *Registry) SetTimeAuthority(ctx context.Context, s *access.Session, a TimeAuthority) (err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	a.Name, a.Address = strings.TrimSpace(a.Name), strings.TrimSpace(a.Address)
	certs, err := certificates(a.Roots)
	if err != nil || a.Name == "" || len(certs) == 0 {
		return ErrAuthorityFields
	}
	fields := casefile.Fields{"name": {a.Name}, "roots": {inPEM(certs)}}
	if a.Address != "" {
		u, err := url.Parse(a.Address)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return ErrAuthorityFields
		}
		fields["address"] = []string{a.Address}
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	all, err := r.timeAuthorities(ctx)
	if err != nil {
		return err
	}
	id := ledger.NewID().String()
	if i := slices.IndexFunc(all, func(old TimeAuthority) bool { return old.Name == a.Name }); i >= 0 {
		id = all[i].ID
	}
	return r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: authorityKind, Fields: fields}}}})
}

// RemoveTimeAuthority takes an authority away by its name: it is asked no more,
// and what it gave is unverified from then on.
func (r *Registry) RemoveTimeAuthority(ctx context.Context, s *access.Session, name string) (err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	all, err := r.timeAuthorities(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(a TimeAuthority) bool { return a.Name == name })
	if i < 0 {
		return ErrNotFound
	}
	return r.write(ctx, s, []act{{stream: all[i].ID, withdraws: []Put{{Record: all[i].ID, Kind: authorityKind}}}})
}

// Checkpoint is the newest signed checkpoint of the ledger: what a time stamp of
// the register is asked over. It says how many entries there are, and nothing of them.
func (r *Registry) Checkpoint(ctx context.Context, s *access.Session) (_ []byte, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !looksAtStamps(s) {
		return nil, ErrNotAllowed
	}
	return r.log.Head().Checkpoint, nil
}

// Query is a request for a time stamp over data, as an authority takes it: for
// those who carry it to another machine.
func (r *Registry) Query(s *access.Session, data []byte) ([]byte, error) {
	if !looksAtStamps(s) {
		return nil, ErrNotAllowed
	}
	q, err := newRequest(sha256.Sum256(data))
	if err != nil {
		return nil, err
	}
	return q.Bytes()
}

func newRequest(digest [sha256.Size]byte) (timestamp.Request, error) {
	random := make([]byte, 8)
	if _, err := rand.Read(random); err != nil {
		return timestamp.Request{}, err
	}
	return timestamp.NewRequest(digest, random), nil
}

// StampNow asks an authority for a time stamp over the newest checkpoint and
// keeps it. name is the authority's name or address; empty: the first that has an address.
func (r *Registry) StampNow(ctx context.Context, s *access.Session, name string, ask Ask) (_ TimeStamp, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !r.MayStamp(s) {
		return TimeStamp{}, ErrNotAllowed
	}
	checkpoint := r.log.Head().Checkpoint
	token, err := r.ask(ctx, name, sha256.Sum256(checkpoint), ask)
	if err != nil {
		return TimeStamp{}, err
	}
	return r.keepStamp(ctx, s, checkpoint, token)
}

// AddStamp keeps a time stamp that was made elsewhere over a checkpoint of this
// register: a token of RFC 3161 or a proof of OpenTimestamps.
func (r *Registry) AddStamp(ctx context.Context, s *access.Session, checkpoint, token []byte) (_ TimeStamp, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !r.MayStamp(s) {
		return TimeStamp{}, ErrNotAllowed
	}
	return r.keepStamp(ctx, s, checkpoint, token)
}

// ask asks an authority for a time stamp over a digest.
func (r *Registry) ask(ctx context.Context, name string, digest [sha256.Size]byte, ask Ask) ([]byte, error) {
	all, err := r.timeAuthorities(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(a TimeAuthority) bool {
		return a.Address != "" && (name == "" || a.Name == name || a.Address == name)
	})
	if i < 0 {
		return nil, ErrNoAuthority
	}
	q, err := newRequest(digest)
	if err != nil {
		return nil, err
	}
	query, err := q.Bytes()
	if err != nil {
		return nil, err
	}
	answer, err := ask(ctx, all[i].Address, query)
	if err != nil {
		return nil, err
	}
	token, err := q.Answer(answer)
	if err != nil {
		return nil, err
	}
	return token.Raw, nil
}

// keepStamp keeps a time stamp over a checkpoint, unless it is altered, of
// something else, or none.
func (r *Registry) keepStamp(ctx context.Context, s *access.Session, checkpoint, token []byte) (TimeStamp, error) {
	head, err := r.checkpoint(checkpoint)
	if err != nil {
		return TimeStamp{}, err
	}
	roots, err := r.timeRoots(ctx)
	if err != nil {
		return TimeStamp{}, err
	}
	stamp := judge(TimeStamp{Checkpoint: string(checkpoint), Token: token}, sha256.Sum256(checkpoint), checkpoint, roots)
	if why := r.checkpointFault(ctx, checkpoint); why != "" {
		return TimeStamp{}, &BadStampError{string(timestamp.Altered), why}
	}
	if !stamp.worthKeeping() {
		return TimeStamp{}, &BadStampError{stamp.Outcome, stamp.Why}
	}
	stamp.ID, stamp.Entries = ledger.NewID().String(), head.Size
	r.writing.Lock()
	defer r.writing.Unlock()
	err = r.write(ctx, s, []act{{stream: stamp.ID, puts: []Put{{Record: stamp.ID, Kind: stampKind, Fields: casefile.Fields{
		"form": {stamp.Form}, "entries": {strconv.FormatUint(head.Size, 10)}, "checkpoint": {string(checkpoint)},
		"token": {base64.StdEncoding.EncodeToString(stamp.Token)},
	}}}}})
	stamp.Added = r.last
	return stamp, err
}

// checkpointFault says why a checkpoint is not one that this ledger had; empty: it is.
func (r *Registry) checkpointFault(ctx context.Context, checkpoint []byte) string {
	head, err := r.checkpoint(checkpoint)
	if err != nil {
		return "its checkpoint was not signed by this register"
	}
	if there := r.log.Head().Size; there < head.Size {
		return fmt.Sprintf("the ledger has %d entries and had %d when this checkpoint was signed: an older copy of it was put back, and what was written since is missing; restore it from the newest backup", there, head.Size)
	}
	root, err := r.log.RootAt(ctx, head.Size)
	if err != nil || root != head.Root {
		return fmt.Sprintf("the first %d entries of the ledger are not those that this checkpoint was signed for: they were replaced, or it went on from an older copy of itself", head.Size)
	}
	return ""
}

// judge says of a time stamp over data what is to be said now. data may be nil
// where only their SHA-256 is at hand.
func judge(stamp TimeStamp, digest [sha256.Size]byte, data []byte, roots *x509.CertPool) TimeStamp {
	if proof, err := timestamp.ParseProof(stamp.Token); err == nil {
		stamp.Form, stamp.Outcome, stamp.Blocks, stamp.Calendars = OpenTimestamps, ProofKept, proof.Blocks, proof.Calendars
		if !proof.Covers(digest[:]) {
			stamp.Outcome, stamp.Why = string(timestamp.WrongData), "it is a proof of other data than these"
		}
		return stamp
	}
	stamp.Form = RFC3161
	token, err := timestamp.Parse(stamp.Token)
	if err != nil {
		stamp.Outcome, stamp.Why = string(timestamp.NotToken), err.Error()
		return stamp
	}
	sum := digest[:]
	if token.Hash != 0 && token.Hash.String() != "SHA-256" {
		if data == nil {
			stamp.Outcome, stamp.Why = string(timestamp.WrongData), "it covers the file by "+token.Hash.String()+": only one by SHA-256 can be held against what is known of the file"
			return stamp
		}
		h := token.Hash.New()
		h.Write(data)
		sum = h.Sum(nil)
	}
	v := token.Verify(sum, roots)
	stamp.Token, stamp.Outcome, stamp.Why, stamp.Authority, stamp.Chain = token.Raw, string(v.Outcome), v.Why, v.Authority, inPEM(v.Chain)
	for _, c := range v.Chain {
		stamp.Signers = append(stamp.Signers, timestamp.NameOf(c))
	}
	if !stamp.Bad() {
		stamp.At = token.Time
	}
	return stamp
}

// timeRoots are the roots of all authorities that are set up.
func (r *Registry) timeRoots(ctx context.Context) (*x509.CertPool, error) {
	all, err := r.timeAuthorities(ctx)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, a := range all {
		pool.AppendCertsFromPEM([]byte(a.Roots))
	}
	return pool, nil
}

// TimeStamps are the time stamps over checkpoints, the oldest checkpoint first,
// each verified now.
func (r *Registry) TimeStamps(ctx context.Context, s *access.Session) (_ []TimeStamp, err error) {
	defer r.refusal(ctx, s, "verifying", "", &err)
	if !looksAtStamps(s) {
		return nil, ErrNotAllowed
	}
	return r.timeStamps(ctx)
}

func (r *Registry) timeStamps(ctx context.Context) ([]TimeStamp, error) {
	records, err := r.index.Outside(ctx, stampKind, allKnown)
	if err != nil {
		return nil, err
	}
	roots, err := r.timeRoots(ctx)
	if err != nil {
		return nil, err
	}
	var all []TimeStamp
	for _, rec := range records {
		checkpoint := []byte(rec.Get("checkpoint"))
		stamp := TimeStamp{ID: rec.ID, Form: rec.Get("form"), Checkpoint: string(checkpoint), Added: rec.At}
		stamp.Entries, _ = strconv.ParseUint(rec.Get("entries"), 10, 64)
		stamp = judgeKept(stamp, rec, sha256.Sum256(checkpoint), checkpoint, roots)
		if why := r.checkpointFault(ctx, checkpoint); why != "" && !stamp.Bad() {
			stamp.Outcome, stamp.Why = string(timestamp.Altered), why
		}
		all = append(all, stamp)
	}
	slices.SortStableFunc(all, func(a, b TimeStamp) int { return int(a.Entries) - int(b.Entries) })
	return all, nil
}

// judgeKept judges a time stamp as its record has it.
func judgeKept(stamp TimeStamp, rec *casefile.Record, digest [sha256.Size]byte, data []byte, roots *x509.CertPool) TimeStamp {
	var err error
	if stamp.Token, err = base64.StdEncoding.DecodeString(rec.Get("token")); err != nil {
		stamp.Outcome, stamp.Why = string(timestamp.NotToken), "its record does not hold a time stamp"
		return stamp
	}
	form := stamp.Form
	if stamp = judge(stamp, digest, data, roots); stamp.Form != form && !stamp.Bad() {
		stamp.Outcome, stamp.Why = string(timestamp.Altered), "it is of another form than its record says"
	}
	return stamp
}

// StampFile asks an authority for a time stamp over a file and keeps it in the
// case: the file of that id, or the one whose SHA-256 stands in the record of
// evidence of that id. The authority learns the SHA-256 alone.
func (r *Registry) StampFile(ctx context.Context, s *access.Session, caseID, of, name string, ask Ask) (_ TimeStamp, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	f, err := r.stampable(ctx, s, caseID, of)
	if err != nil {
		return TimeStamp{}, err
	}
	token, err := r.ask(ctx, name, f.digest, ask)
	if err != nil {
		return TimeStamp{}, err
	}
	return r.keepFileStamp(ctx, s, f, token)
}

// AddFileStamp keeps a time stamp that was made elsewhere over a file, named as
// for StampFile: it must be over its SHA-256.
func (r *Registry) AddFileStamp(ctx context.Context, s *access.Session, caseID, of string, token []byte) (_ TimeStamp, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	f, err := r.stampable(ctx, s, caseID, of)
	if err != nil {
		return TimeStamp{}, err
	}
	return r.keepFileStamp(ctx, s, f, token)
}

// FileQuery is a request for a time stamp over a file, as an authority takes it:
// for those who carry it to another machine. It holds the SHA-256 alone.
func (r *Registry) FileQuery(ctx context.Context, s *access.Session, caseID, of string) (_ []byte, err error) {
	defer r.refusal(ctx, s, "writing", caseID, &err)
	f, err := r.stampable(ctx, s, caseID, of)
	if err != nil {
		return nil, err
	}
	q, err := newRequest(f.digest)
	if err != nil {
		return nil, err
	}
	return q.Bytes()
}

// stampedFile is what a time stamp of a file is over.
type stampedFile struct {
	caseID, evidence, file string
	digest                 [sha256.Size]byte
}

// stampable is a file that the member may write to.
func (r *Registry) stampable(ctx context.Context, s *access.Session, caseID, of string) (f stampedFile, err error) {
	clock := r.clock(Clock{})
	row, err := r.row(ctx, s, caseID, clock)
	if err != nil {
		return f, err
	}
	if !r.may(s.Member, access.WriteCase, row.ID) {
		return f, ErrNotAllowed
	}
	file, err := r.open(ctx, s, row.ID, clock)
	if err != nil {
		return f, err
	}
	rec, ok := file.Record(of)
	if !ok || rec.Withdrawn || rec.Kind != "evidence" && rec.Kind != fileKind {
		return f, ErrNotFound
	}
	f.caseID, f.evidence = row.ID, rec.ID
	if rec.Kind == fileKind {
		f.file, f.evidence = rec.ID, rec.Get("evidence")
	}
	if f.digest, ok = parseSHA256(rec.Get("sha256")); !ok {
		return f, ErrNoDigest
	}
	return f, nil
}

func parseSHA256(text string) (digest [sha256.Size]byte, ok bool) {
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != len(digest) {
		return digest, false
	}
	return [sha256.Size]byte(raw), true
}

func (r *Registry) keepFileStamp(ctx context.Context, s *access.Session, f stampedFile, token []byte) (TimeStamp, error) {
	roots, err := r.timeRoots(ctx)
	if err != nil {
		return TimeStamp{}, err
	}
	stamp := judge(TimeStamp{ID: ledger.NewID().String(), Evidence: f.evidence, File: f.file, SHA256: hex.EncodeToString(f.digest[:]), Token: token}, f.digest, nil, roots)
	if !stamp.worthKeeping() {
		return TimeStamp{}, &BadStampError{stamp.Outcome, stamp.Why}
	}
	fields := casefile.Fields{"form": {stamp.Form}, "sha256": {stamp.SHA256}, "token": {base64.StdEncoding.EncodeToString(stamp.Token)}}
	for field, id := range map[string]string{"evidence": f.evidence, "file": f.file} {
		if id != "" {
			fields[field] = []string{id}
		}
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	handed, after, err := r.lapsed(ctx, s, f.caseID)
	if err != nil {
		return TimeStamp{}, err
	}
	if err := r.write(ctx, s, []act{{stream: f.caseID, handed: handed, puts: []Put{{Record: stamp.ID, Kind: fileStampKind, Fields: fields}}}}); err != nil {
		return TimeStamp{}, err
	}
	stamp.Added = r.last
	return stamp, after()
}

// FileStamps are the time stamps over the files of a case, each verified now
// against the SHA-256 that the record of the file, or of its evidence, has.
func (r *Registry) FileStamps(ctx context.Context, s *access.Session, caseID string) (_ []TimeStamp, err error) {
	defer r.refusal(ctx, s, "case", caseID, &err)
	clock := r.clock(Clock{})
	row, err := r.row(ctx, s, caseID, clock)
	if err != nil {
		return nil, err
	}
	if !r.may(s.Member, access.ReadCase, row.ID) {
		return nil, ErrNotAllowed
	}
	file, err := r.open(ctx, s, row.ID, clock)
	if err != nil {
		return nil, err
	}
	roots, err := r.timeRoots(ctx)
	if err != nil {
		return nil, err
	}
	return fileStamps(file, roots), nil
}

func fileStamps(file *casefile.Case, roots *x509.CertPool) []TimeStamp {
	var all []TimeStamp
	for _, rec := range file.Records() {
		if rec.Kind != fileStampKind || rec.Get("token") == "" { // that part of the case is not open, or was erased
			continue
		}
		stamp := TimeStamp{ID: rec.ID, Form: rec.Get("form"), Evidence: rec.Get("evidence"), File: rec.Get("file"), SHA256: rec.Get("sha256"), Added: rec.At}
		digest, ok := parseSHA256(stamp.SHA256)
		stamp = judgeKept(stamp, rec, digest, nil, roots)
		of, there := file.Record(cmp.Or(stamp.File, stamp.Evidence))
		switch {
		case !ok && !stamp.Bad():
			stamp.Outcome, stamp.Why = string(timestamp.Altered), "its record does not say of which file it is"
		case there && of.Get("sha256") != "" && !strings.EqualFold(strings.TrimSpace(of.Get("sha256")), stamp.SHA256) && !stamp.Bad():
			stamp.Outcome, stamp.Why = string(timestamp.WrongData), "the record of the file has another SHA-256 now"
		}
		all = append(all, stamp)
	}
	return all
}

// stampFault is the first time stamp that is not what it was when it was kept, in
// one line; empty where there is none. deep looks at those of files too.
func (r *Registry) stampFault(ctx context.Context, deep bool) (checked int, problem string, err error) {
	all, err := r.timeStamps(ctx)
	if err != nil {
		return 0, "", err
	}
	for _, stamp := range all {
		if stamp.Bad() {
			return len(all), fmt.Sprintf("time stamp %s over the checkpoint of %d entries: %s", stamp.ID, stamp.Entries, stamp.Why), nil
		}
	}
	if !deep {
		return len(all), "", nil
	}
	roots, err := r.timeRoots(ctx)
	if err != nil {
		return 0, "", err
	}
	checked = len(all)
	for file, err := range r.index.Files(ctx, allKnown) {
		if err != nil {
			return 0, "", err
		}
		for _, stamp := range fileStamps(file, roots) {
			if checked++; stamp.Bad() && problem == "" {
				problem = fmt.Sprintf("time stamp %s over a file of case %s: %s", stamp.ID, file.ID, stamp.Why)
			}
		}
	}
	return checked, problem, nil
}

func certificates(text string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return all, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
}

func inPEM(certs []*x509.Certificate) string {
	var out bytes.Buffer
	for _, c := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out.String()
}
