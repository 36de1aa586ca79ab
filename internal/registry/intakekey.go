// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// What somebody who looks after an intake key can be told.
var (
	// ErrNoIntake says that nobody could open what would be sealed.
	ErrNoIntake = errors.New("nobody in this organisation has the intake role yet, so nobody could open what is sent: give it to a member first")
	// ErrNoIntakeKey says that an organisation takes no reports yet.
	ErrNoIntakeKey = errors.New("this organisation has no key for reports from outside yet: one of its administrators makes it with 'kua intake key new'")
	// ErrIntakeShut says that a member has the role and the key was not opened to them.
	ErrIntakeShut = errors.New("the key for reports from outside was not opened to you yet: a member of your organisation who has it does so with 'kua intake key share'")
	// ErrIntakeLabel says that a label can't be shown on the form.
	ErrIntakeLabel = errors.New("what the organisation is called on the public form has 1 to 160 letters")
)

// intakeBegins begins the name of the files with intake keys, in keysDir.
const intakeBegins = "intake-"

const (
	intakeFormat  = "kua intake key 1"
	intakePurpose = "intake"
	maxIntakeFile = 16 << 20 // bytes
)

// intakeFile is the intake key of an organisation: its public half stands in the
// clear and is read while the register is locked. The secret half of each is
// sealed to members with the intake role, and neither to the node nor to the
// recovery. An older one opens what was sealed before it was turned.
type intakeFile struct {
	Format string      `json:"format"`
	Org    string      `json:"org"`
	Label  string      `json:"label"`            // what the public form calls the organisation
	Closed bool        `json:"closed,omitempty"` // nobody has the role any more: nothing is sealed to it
	Keys   []intakeKey `json:"keys"`             // the newest last
}

type intakeKey struct {
	Made string          `json:"made"` // the day
	Key  json.RawMessage `json:"key"`  // a seal.Locked

	locked *seal.Locked
}

// IntakePublic is to whom a report from outside is sealed.
type IntakePublic struct {
	Org         string // id
	Name        string // what the organisation calls itself on the form
	Recipient   string // age hybrid recipient: age1pq1…
	Fingerprint string // to compare with paper
}

// IntakeFingerprint is by what people compare an intake key with paper: the
// first 128 bits of the recipient's SHA-256, as hexadecimal digits in fours.
func IntakeFingerprint(recipient string) string {
	sum := sha256.Sum256([]byte(recipient))
	text := hex.EncodeToString(sum[:16])
	var groups []string
	for i := 0; i < len(text); i += 4 {
		groups = append(groups, text[i:i+4])
	}
	return strings.Join(groups, " ")
}

// IntakePublic is to whom reports from outside are sealed, by name.
func (r *Registry) IntakePublic() ([]IntakePublic, error) { return IntakePublicAt(r.dir) }

// IntakePublicAt is Registry.IntakePublic of the register in dir, which may be locked.
func IntakePublicAt(dir string) ([]IntakePublic, error) {
	paths, err := filepath.Glob(filepath.Join(dir, keysDir, intakeBegins+"*.key"))
	if err != nil {
		return nil, err
	}
	var all []IntakePublic
	for _, path := range paths {
		f, err := readIntake(path)
		if err != nil {
			return nil, err
		}
		if !f.Closed {
			all = append(all, f.public())
		}
	}
	slices.SortStableFunc(all, func(a, b IntakePublic) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func (f *intakeFile) public() IntakePublic {
	recipient := f.newest().Public().Recipient()
	return IntakePublic{Org: f.Org, Name: f.Label, Recipient: recipient, Fingerprint: IntakeFingerprint(recipient)}
}

func (f *intakeFile) newest() *seal.Locked { return f.Keys[len(f.Keys)-1].locked }

func intakePath(org string) string { return filepath.Join(keysDir, intakeBegins+org+".key") }

// readIntake reads a file with intake keys.
func readIntake(path string) (*intakeFile, error) {
	bad := func(err error) (*intakeFile, error) {
		return nil, fmt.Errorf("%s: %w", filepath.Join(keysDir, filepath.Base(path)), err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("a key file can't be read: %w", err)
	}
	if info.Size() > maxIntakeFile {
		return bad(seal.ErrFormat)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("a key file can't be read: %w", err)
	}
	var f intakeFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || f.Format != intakeFormat || len(f.Keys) == 0 || filepath.Base(intakePath(f.Org)) != filepath.Base(path) {
		return bad(seal.ErrFormat)
	}
	for i, k := range f.Keys {
		if f.Keys[i].locked, err = seal.DecodeLocked(k.Key); err != nil {
			return bad(err)
		}
		if f.Keys[i].locked.Purpose() != intakePurpose {
			return bad(seal.ErrFormat)
		}
	}
	return &f, nil
}

// intakeOf reads the intake key of an organisation; nil: it has none.
func (r *Registry) intakeOf(org string) (*intakeFile, error) {
	f, err := readIntake(filepath.Join(r.dir, intakePath(org)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func (r *Registry) writeIntake(f *intakeFile) error {
	for i, k := range f.Keys {
		b, err := k.locked.Encode()
		if err != nil {
			return err
		}
		f.Keys[i].Key = b
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return r.writeKey(intakePath(f.Org), append(b, '\n'))
}

// takersIn are the members who may open what is sent to an organisation.
func takersIn(ro *roll, org string) (all []*MemberView) {
	for _, m := range ro.Members {
		if !m.Left && access.Decide(m.Member, access.OpenInbox, access.Thing{Org: org}) {
			all = append(all, m)
		}
	}
	return all
}

// turnIntake puts a new intake key after those that are there, sealed to those
// who have the role now.
func (r *Registry) turnIntake(ro *roll, f *intakeFile) error {
	takers := takersIn(ro, f.Org)
	if len(takers) == 0 {
		return ErrNoIntake
	}
	id, err := seal.NewIdentity()
	if err != nil {
		return err
	}
	locked, opened, err := seal.Lock(id, intakePurpose)
	if err != nil {
		return err
	}
	for _, m := range takers {
		public, err := r.publicOf(m.ID)
		if err != nil {
			return err
		}
		if err := locked.AddIdentity(opened, public); err != nil {
			return err
		}
	}
	f.Keys = append(f.Keys, intakeKey{Made: r.Today().String(), locked: locked})
	f.Closed = false
	return nil
}

// publicOf is the public half of a member, from their key file.
func (r *Registry) publicOf(member string) (seal.Public, error) {
	id, err := ledger.ParseID(member)
	if err != nil {
		return seal.Public{}, ErrNotFound
	}
	locked, err := r.readLocked(memberFile(id))
	if err != nil {
		return seal.Public{}, err
	}
	if locked.Public().ID() != [16]byte(id) {
		return seal.Public{}, fmt.Errorf("%s: its name and its content do not belong together: %w", memberFile(id), seal.ErrDamaged)
	}
	return locked.Public(), nil
}

// TurnIntake makes the intake key of an organisation, or, where it has one, a
// new one: what was sealed to the older ones still opens to those who could
// open it. label is what the public form calls the organisation, and stands in
// the clear; empty: as it is, or the organisation's name.
func (r *Registry) TurnIntake(ctx context.Context, s *access.Session, org, label string) (_ IntakePublic, err error) {
	defer r.refusal(ctx, s, "intake_key", "", &err)
	if !access.Decide(s.Member, access.MakeIntake, access.Thing{Org: org}) {
		return IntakePublic{}, ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return IntakePublic{}, ErrProof
	}
	if r.beside {
		return IntakePublic{}, ledger.ErrLocked
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.writing.ours(); err != nil {
		return IntakePublic{}, r.whyNot(err)
	}
	ro := r.roll()
	f, err := r.intakeOf(org)
	if err != nil {
		return IntakePublic{}, err
	}
	if f == nil {
		f = &intakeFile{Format: intakeFormat, Org: org, Label: ro.org(org).Name}
	}
	if label = strings.Join(strings.Fields(norm.NFC.String(label)), " "); label != "" {
		f.Label = label
	}
	if utf8.RuneCountInString(f.Label) > 160 {
		return IntakePublic{}, ErrIntakeLabel
	}
	if err := r.turnIntake(ro, f); err != nil {
		return IntakePublic{}, err
	}
	if err := r.intakeDone(ctx, s, f); err != nil {
		return IntakePublic{}, err
	}
	return f.public(), nil
}

// intakeDone writes down that an intake key was changed, then changes it.
func (r *Registry) intakeDone(ctx context.Context, s *access.Session, f *intakeFile) error {
	if err := r.audit(ctx, &line{act: actKeys, what: "intake_key", by: s.Keys.Identity}); err != nil {
		return fmt.Errorf("%w (%w)", ErrUnaudited, err)
	}
	return r.writeIntake(f)
}

// ShareIntake opens the intake keys of an organisation that the session's
// member can open to all others who have the role.
func (r *Registry) ShareIntake(ctx context.Context, s *access.Session, org string) (err error) {
	defer r.refusal(ctx, s, "intake_key", "", &err)
	if !access.Decide(s.Member, access.OpenInbox, access.Thing{Org: org}) {
		return ErrNotAllowed
	}
	if !r.sessions.Fresh(s) {
		return ErrProof
	}
	if r.beside {
		return ledger.ErrLocked
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.writing.ours(); err != nil {
		return r.whyNot(err)
	}
	f, err := r.intakeOf(org)
	if err != nil {
		return err
	}
	if f == nil {
		return ErrNoIntakeKey
	}
	opened := 0
	for _, k := range f.Keys {
		key, err := k.locked.OpenIdentity(s.Keys.Identity)
		if errors.Is(err, seal.ErrNotSealedToYou) {
			continue
		}
		if err != nil {
			return err
		}
		opened++
		for _, m := range takersIn(r.roll(), org) {
			public, err := r.publicOf(m.ID)
			if err != nil {
				return err
			}
			if slices.Contains(k.locked.Identities(), public.ID()) {
				continue
			}
			if err := k.locked.AddIdentity(key, public); err != nil {
				return err
			}
		}
	}
	if opened == 0 {
		return ErrIntakeShut
	}
	return r.intakeDone(ctx, s, f)
}

// IntakeKeyView is the intake key of an organisation as its members see it.
type IntakeKeyView struct {
	OrgName string
	Public  IntakePublic // zero: it has none, or nobody has the role
	Made    string       // the day on which the newest was made
	Older   int          // how many there were before
	Holders []string     // names of those to whom the newest is open
	Waiting []string     // names of those who have the role, and to whom one of the keys is not open
	MayTurn bool
	MayOpen bool // the newest is open to the member
}

// IntakeKeys are the intake keys of the organisations whose inbox the member
// opens, or of which they may make the key.
func (r *Registry) IntakeKeys(ctx context.Context, s *access.Session) (_ []IntakeKeyView, err error) {
	defer r.refusal(ctx, s, "intake_key", "", &err)
	ro := r.roll()
	var views []IntakeKeyView
	for _, org := range s.Member.Orgs {
		opens := access.Decide(s.Member, access.OpenInbox, access.Thing{Org: org})
		makes := access.Decide(s.Member, access.MakeIntake, access.Thing{Org: org})
		if !opens && !makes || ro.org(org) == nil {
			continue
		}
		f, err := r.intakeOf(org)
		if err != nil {
			return nil, err
		}
		v := IntakeKeyView{OrgName: ro.org(org).Name, MayTurn: makes, Public: IntakePublic{Org: org}}
		if f != nil {
			last := f.Keys[len(f.Keys)-1]
			if v.Made, v.Older = last.Made, len(f.Keys)-1; !f.Closed {
				v.Public = f.public()
			}
			v.MayOpen = slices.Contains(last.locked.Identities(), s.Keys.Identity.ID())
			for _, m := range takersIn(ro, org) {
				id := seal.IDOf(m.SignKey)
				if slices.Contains(last.locked.Identities(), id) {
					v.Holders = append(v.Holders, m.Name)
				}
				if slices.ContainsFunc(f.Keys, func(k intakeKey) bool { return !slices.Contains(k.locked.Identities(), id) }) {
					v.Waiting = append(v.Waiting, m.Name)
				}
			}
		}
		views = append(views, v)
	}
	if len(views) == 0 {
		return nil, ErrNotAllowed
	}
	slices.SortStableFunc(views, func(a, b IntakeKeyView) int { return cmp.Compare(a.OrgName, b.OrgName) })
	return views, nil
}

// sweepIntake takes intake keys from those who have the role no more, and turns
// those that they could open: what comes from now on is not for them. A slot
// that is the last one of its key stays: what it opens is somebody's report,
// and nobody else could read it any more.
func (r *Registry) sweepIntake(ro *roll) error {
	for _, o := range ro.Orgs {
		f, err := r.intakeOf(o.ID)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		takers := map[[16]byte]bool{}
		for _, m := range takersIn(ro, o.ID) {
			takers[seal.IDOf(m.SignKey)] = true
		}
		dropped, newest := false, false
		for i, k := range f.Keys {
			ids := k.locked.Identities()
			left := slices.ContainsFunc(ids, func(id [16]byte) bool { return takers[id] })
			for _, id := range ids {
				if takers[id] {
					continue
				}
				newest = newest || i == len(f.Keys)-1
				if left {
					k.locked.RemoveIdentity(id)
					dropped = true
				}
			}
		}
		switch {
		case newest && len(takers) > 0:
			err = r.turnIntake(ro, f)
		case len(takers) == 0 && !f.Closed:
			f.Closed = true
		case !dropped:
			continue
		}
		if err == nil {
			err = r.writeIntake(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// intakeIdentities are the intake identities of an organisation that the
// session's member can open, the newest first. They live as long as whoever
// asked uses them, and are kept nowhere.
func (r *Registry) intakeIdentities(s *access.Session, org string) ([]*seal.Identity, error) {
	if !access.Decide(s.Member, access.OpenInbox, access.Thing{Org: org}) {
		return nil, ErrNotAllowed
	}
	f, err := r.intakeOf(org)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return nil, ErrNoIntakeKey
	}
	var ids []*seal.Identity
	for _, k := range slices.Backward(f.Keys) {
		opened, err := k.locked.OpenIdentity(s.Keys.Identity)
		if errors.Is(err, seal.ErrNotSealedToYou) {
			continue
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, opened.Identity)
	}
	if len(ids) == 0 {
		return nil, ErrIntakeShut
	}
	return ids, nil
}

// intakeKeysOf is how many intake keys of organisations intakeIdentities would
// open with the session's keys. None is opened.
func (r *Registry) intakeKeysOf(s *access.Session, orgs []string) (n int, err error) {
	for _, org := range orgs {
		f, err := r.intakeOf(org)
		if err != nil {
			return 0, err
		}
		if f == nil {
			continue
		}
		for _, k := range f.Keys {
			if slices.Contains(k.locked.Identities(), s.Keys.Identity.ID()) {
				n++
			}
		}
	}
	return n, nil
}

// OpensInbox tells whether a member has an inbox to open, or its key to make.
func (r *Registry) OpensInbox(s *access.Session) bool {
	return slices.ContainsFunc(s.Member.Orgs, func(org string) bool {
		return access.Decide(s.Member, access.OpenInbox, access.Thing{Org: org}) || access.Decide(s.Member, access.MakeIntake, access.Thing{Org: org})
	})
}
