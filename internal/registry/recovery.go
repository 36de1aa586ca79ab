// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// Recovery opens a register when nobody's passphrase does. A recovery identity
// has a slot in the key file of the node and in those of the organisations; the
// secret that opens its own key file is split among trustees, and kept nowhere.
// Which set of shares is the right one, the signed ledger says.
const (
	shareSetKind = "share_set"
	recoveryKind = "recovery"

	actRehearsal = "rehearsal"
	actRecovery  = "recovery"

	shareSetFormat = "kua share set 1"
)

// RehearseEvery is after how long a rehearsal is too long ago.
const RehearseEvery = 365 * 24 * time.Hour

// apartWords is how many words a trustee without an account keeps apart from
// the share: 40 bits, of which each guess costs a stretch, and the share.
const apartWords = 4

// What somebody who makes or uses shares can be told.
var (
	// ErrShares says how many shares there can be.
	ErrShares = fmt.Errorf("name 2 to %d trustees, each once, and say how many of them are needed: at least 2, at most all", seal.MostShares)
	// ErrSharesThere says that there is a set already.
	ErrSharesThere = errors.New("there are shares already: new ones replace them, and the old ones open nothing then; to do that: kua share replace")
	// ErrNoShares says that there is none.
	ErrNoShares = errors.New("there are no shares that could be replaced: kua share create makes the first ones")
	// ErrTrustee says that a member does not have the role.
	ErrTrustee = errors.New("one of these members does not have the role trustee: give it to them first, or name somebody who has no account")
	// ErrStarter says who can make shares.
	ErrStarter = errors.New("shares are made by an administrator who may start the register: what the trustees bring back is the key that starts it")
	// ErrOldShare says that a share is of no set that counts.
	ErrOldShare = errors.New("this share does not count here: its set was replaced by a newer one, or it is another register's")
	// ErrOtherSet says that a share is of another set than those before it.
	ErrOtherSet = errors.New("this share is of another set than the first one: shares of two sets open nothing together")
	// ErrSameShare says that a share was given before.
	ErrSameShare = errors.New("this share was given already: the next trustee, please")
	// ErrMoreShares says that not enough shares were given.
	ErrMoreShares = errors.New("these are not enough shares yet")
	// ErrShareSet says that what is kept of the shares was altered.
	ErrShareSet = errors.New("what is kept of the shares in the register's keys was altered, or belongs to another register: restore the keys from a backup; nothing was opened")
	// ErrNodeFile says that the node's key file is not the register's.
	ErrNodeFile = errors.New("keys/node.key is not the file that these shares were made for: it was replaced; restore it from a backup; nothing was opened")
)

// NewShares is a set of shares to be made.
type NewShares struct {
	// Trustees are members who have the role, by name or id, and people who
	// have no account, by any other name.
	Trustees []string
	Need     int
	Replace  bool // there is a set, and it shall count no longer
}

// Sheet is what one trustee gets. It is shown once, and kept nowhere.
type Sheet struct {
	Number  int      `json:"number"`
	Trustee string   `json:"trustee"`
	Member  bool     `json:"member"` // the share opens with their passphrase
	Words   []string `json:"words"`
	Text    string   `json:"text"`            // the same for a QR code
	Apart   string   `json:"apart,omitempty"` // the words that open the share, of who has no account: to be kept apart from it
}

// ShareSetView is a set of shares as the ledger has it.
type ShareSetView struct {
	ID       string // of the recovery identity
	Need, Of int
	Trustees []string
	Members  []string // ids of those of them who are members
	By       string   // id of the member who made it
	At       time.Time
	SignKey  ed25519.PublicKey

	Rehearsed       time.Time // zero: never
	RehearsedShares int
}

// shareSetFile is what is kept of a set of shares beside its key file.
type shareSetFile struct {
	Format    string           `json:"format"`
	Node      []byte           `json:"node"` // id
	Public    seal.Public      `json:"public"`
	Need      int              `json:"need"`
	Shares    []seal.ShareSlot `json:"shares"`
	Signature []byte           `json:"signature"`
}

// text is what the recovery identity signs of it.
func (f *shareSetFile) text() []byte {
	id := f.Public.ID()
	b := append([]byte("kua/share-set/v1\x00"), id[:]...)
	b = append(b, f.Node...)
	b = append(b, byte(f.Need), byte(len(f.Shares)))
	for _, s := range f.Shares {
		b = append(b, s.Number)
		for _, part := range [][]byte{s.Member, s.Sealed, s.Salt, s.Check} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
			b = append(b, part...)
		}
		work := seal.Stretch{}
		if s.Work != nil {
			work = *s.Work
		}
		b = binary.BigEndian.AppendUint32(b, work.MemoryKiB)
		b = binary.BigEndian.AppendUint32(b, work.Passes)
		b = append(b, work.Lanes)
	}
	return b
}

func recoveryFile(set seal.SetID, ending string) string {
	return filepath.Join(keysDir, "recovery-"+hex.EncodeToString(set[:])+ending)
}

// set is which files belong to the set.
func (v *ShareSetView) set() seal.SetID {
	id := seal.IDOf(v.SignKey)
	return seal.SetID(id[:8])
}

// putShareSet takes a set of shares in, and answers false where its author was
// not entitled to make it.
func (ro *roll) putShareSet(id string, c casefile.Entry) bool {
	key, err := hex.DecodeString(first(c.Fields["sign_key"]))
	need, err2 := strconv.Atoi(first(c.Fields["need"]))
	of, err3 := strconv.Atoi(first(c.Fields["of"]))
	if err != nil || err2 != nil || err3 != nil || len(key) != ed25519.PublicKeySize || ledger.ID(seal.IDOf(key)).String() != id ||
		need < 2 || of < need || of > seal.MostShares || !ro.member(c.Author).administers() ||
		slices.ContainsFunc(ro.ShareSets, func(v *ShareSetView) bool { return v.ID == id }) {
		return false
	}
	ro.ShareSets = append(ro.ShareSets, &ShareSetView{
		ID: id, Need: need, Of: of, Trustees: c.Fields["trustees"], Members: c.Fields["members"], By: c.Author, At: c.At, SignKey: key,
	})
	return true
}

// shareSet is the set that counts: the last that was made.
func (ro *roll) shareSet() *ShareSetView {
	if len(ro.ShareSets) == 0 {
		return nil
	}
	return ro.ShareSets[len(ro.ShareSets)-1]
}

// putRecovery takes in that a recovery was rehearsed or made.
func (ro *roll) putRecovery(c casefile.Entry) bool {
	set, author := ro.shareSet(), ro.member(c.Author)
	shares, err := strconv.Atoi(first(c.Fields["shares"]))
	if err != nil || set == nil || author == nil || author.Left || set.ID != first(c.Fields["set"]) || shares < set.Need || shares > set.Of {
		return false
	}
	switch first(c.Fields["what"]) {
	case actRehearsal:
		if !mayRehearse(author.Member) {
			return false
		}
	case actRecovery:
		if first(c.Fields["member"]) != author.ID || !author.Recovered {
			return false
		}
	default:
		return false
	}
	set.Rehearsed, set.RehearsedShares = c.At, shares
	return true
}

func mayRehearse(m access.Member) bool {
	return access.Decide(m, access.Administer, access.Thing{}) || access.Decide(m, access.Recover, access.Thing{})
}

// recoveredRoles are the roles of a member whom a recovery makes: those of the
// member with whom a register begins.
func recoveredRoles() []access.Role {
	return []access.Role{access.Coordinator, access.CaseWorker, access.Administrator}
}

// mayRecover tells whether a record makes a member by a recovery: the recovery
// identity of the set that counts has signed for them.
func (ro *roll) mayRecover(log ledger.ID, next MemberView, c casefile.Entry) bool {
	set := ro.shareSet()
	proof, err := hex.DecodeString(first(c.Fields["proof"]))
	return err == nil && set != nil && set.ID == first(c.Fields["recovery"]) && sameSet(next.Roles, recoveredRoles()) && !next.Left &&
		ed25519.Verify(set.SignKey, recoverText(log, next.SignKey), proof)
}

// recoverText is what the recovery identity signs for the member it makes.
func recoverText(log ledger.ID, signKey []byte) []byte {
	return append(append([]byte("kua/recover/v1\x00"), log[:]...), signKey...)
}

// CreateShares makes a recovery identity, opens the node and the organisations
// to it, and splits what opens it among the trustees. A set that was there is
// replaced: its shares open nothing from then on. What it answers is shown to
// the trustees and kept nowhere.
func (r *Registry) CreateShares(ctx context.Context, s *access.Session, n NewShares) (_ []Sheet, err error) {
	defer r.refusal(ctx, s, "recovery", "", &err)
	if err := r.mayLookAfter(s); err != nil {
		return nil, err
	}
	if r.beside {
		return nil, ledger.ErrLocked
	}
	if n.Need < 2 || len(n.Trustees) < n.Need || len(n.Trustees) > seal.MostShares {
		return nil, ErrShares
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	switch there := r.roll().shareSet() != nil; {
	case there && !n.Replace:
		return nil, ErrSharesThere
	case !there && n.Replace:
		return nil, ErrNoShares
	}
	sheets, holders, err := r.shareHolders(n.Trustees)
	if err != nil {
		return nil, err
	}
	identity, err := seal.NewIdentity()
	if err != nil {
		return nil, err
	}
	secret := seal.NewKey()
	locked, err := seal.LockKey(identity, "recovery", secret)
	if err != nil {
		return nil, err
	}
	shares, err := seal.SplitSecret(secret, identity.ID(), n.Need, holders)
	if err != nil {
		return nil, err
	}
	node := r.node.ID()
	kept := shareSetFile{Format: shareSetFormat, Node: node[:], Public: identity.Public(), Need: n.Need, Shares: shares.Slots}
	kept.Signature = identity.Sign(kept.text())
	text, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return nil, err
	}
	fields := casefile.Fields{
		"need": {strconv.Itoa(n.Need)}, "of": {strconv.Itoa(len(holders))}, "sign_key": {hex.EncodeToString(identity.Public().Signing())},
	}
	for i := range sheets {
		share := shares.Shares[i]
		sheets[i].Number, sheets[i].Words, sheets[i].Text = share.Number(), share.Words(), share.Text()
		fields["trustees"] = append(fields["trustees"], sheets[i].Trustee)
		if holders[i].Member != nil {
			fields["members"] = append(fields["members"], ledger.ID(holders[i].Member.ID()).String())
		}
	}
	if err := r.keepShares(identity.Public(), locked, append(text, '\n'), s); err != nil {
		return nil, errors.Join(err, r.sweep(false))
	}
	id := ledger.ID(identity.ID()).String()
	err = r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: shareSetKind, Fields: fields}}, source: "shares made"}})
	if set := r.roll().shareSet(); err != nil && (set == nil || set.ID != id) {
		return nil, errors.Join(err, r.sweep(false))
	}
	if err := r.sweep(false); err != nil { // done all the same: the next opening takes the old set away
		r.opt.Log.Error("a set of shares that was replaced could not be taken away", slog.Any("error", err))
	}
	return sheets, nil
}

// shareHolders finds who the trustees are.
func (r *Registry) shareHolders(trustees []string) ([]Sheet, []seal.ShareHolder, error) {
	var sheets []Sheet
	var holders []seal.ShareHolder
	seen := map[string]bool{}
	ro := r.roll()
	for _, name := range trustees {
		name = strings.Join(strings.Fields(name), " ")
		if name == "" || utf8.RuneCountInString(name) > 80 || seen[strings.ToLower(name)] {
			return nil, nil, ErrShares
		}
		seen[strings.ToLower(name)] = true
		sheet, holder := Sheet{Trustee: name}, seal.ShareHolder{Work: r.opt.Stretch}
		for _, m := range ro.Members {
			if m.Left || m.ID != name && !strings.EqualFold(m.Name, name) {
				continue
			}
			if !access.Decide(m.Member, access.Recover, access.Thing{}) {
				return nil, nil, ErrTrustee
			}
			locked, err := r.readLocked(memberFile(seal.IDOf(m.SignKey)))
			if err != nil {
				return nil, nil, err
			}
			public := locked.Public()
			if public.ID() != seal.IDOf(m.SignKey) {
				return nil, nil, seal.ErrDamaged
			}
			sheet.Trustee, sheet.Member, holder.Member = m.Name, true, &public
		}
		if holder.Member == nil {
			var err error
			if holder.Words, err = seal.Passphrase(apartWords); err != nil {
				return nil, nil, err
			}
			sheet.Apart = holder.Words
		}
		sheets, holders = append(sheets, sheet), append(holders, holder)
	}
	return sheets, holders, nil
}

// keepShares writes the files of a set and opens the node and what else the
// session opens to its identity. Cut short, the next sweep undoes it.
func (r *Registry) keepShares(public seal.Public, locked *seal.Locked, text []byte, s *access.Session) error {
	id := public.ID()
	set := seal.SetID(id[:8])
	if err := r.writeLocked(recoveryFile(set, ".key"), locked); err != nil {
		return err
	}
	if err := r.writeKey(recoveryFile(set, ".set"), text); err != nil {
		return err
	}
	var orgs []string
	for org := range s.Keys.Vaults {
		orgs = append(orgs, org)
	}
	slices.Sort(orgs)
	err := r.addSlots(s.Keys.Identity, public, orgs, true)
	if errors.Is(err, ErrGive) {
		return ErrStarter
	}
	return err
}

// recoveryPublic is the public half of the recovery identity, if there is one:
// the ledger says whose key it must be.
func (r *Registry) recoveryPublic() (seal.Public, bool) {
	v := r.roll().shareSet()
	if v == nil {
		return seal.Public{}, false
	}
	locked, err := r.readLocked(recoveryFile(v.set(), ".key"))
	if err != nil || locked.Public().ID() != seal.IDOf(v.SignKey) {
		r.opt.Log.Error("the key file of the recovery is missing or altered: make new shares with 'kua share replace'")
		return seal.Public{}, false
	}
	return locked.Public(), true
}

// openToRecovery opens the organisations of whoever has just signed in to the
// recovery identity, where they are not: those of other members than the one
// who made the shares. That it can't does not keep anybody out.
func (r *Registry) openToRecovery(keys *access.Keys) {
	if r.beside || len(keys.Vaults) == 0 || r.roll().shareSet() == nil {
		return
	}
	public, ok := r.recoveryPublic()
	if !ok {
		return
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	id := public.ID()
	for org := range keys.Vaults {
		locked, err := r.readLocked(orgFile(org, ".key"))
		if err == nil && !slices.Contains(locked.Identities(), id) {
			err = r.addSlots(keys.Identity, public, []string{org}, false)
		}
		if err != nil {
			r.opt.Log.Error("an organisation could not be opened to the recovery", slog.Any("error", err))
		}
	}
}

// RecoveryView says how it stands with recovery.
type RecoveryView struct {
	Need      int       `json:"need"` // 0: there are no shares
	Of        int       `json:"of"`
	Made      time.Time `json:"made"`
	Rehearsed time.Time `json:"rehearsed"` // zero: never
	Shares    int       `json:"shares"`    // that were there at the last rehearsal
	Trustees  []string  `json:"trustees"`  // for those who administer
	Warning   string    `json:"warning"`   // one of the warnings below
}

// What is to be done about recovery, the most pressing first.
const (
	RecoveryNone  = "none"  // there are no shares: make them
	RecoveryLeft  = "left"  // a trustee has left, and fewer than one more than needed are still here: replace the shares
	RecoveryNever = "never" // never rehearsed
	RecoveryOld   = "old"   // not rehearsed for a year
)

// Recovery says how it stands with recovery.
func (r *Registry) Recovery(s *access.Session) (RecoveryView, error) {
	administers := access.Decide(s.Member, access.Administer, access.Thing{})
	if !administers && !access.Decide(s.Member, access.Count, access.Thing{}) && !access.Decide(s.Member, access.Recover, access.Thing{}) {
		return RecoveryView{}, ErrNotAllowed
	}
	ro := r.roll()
	set := ro.shareSet()
	if set == nil {
		return RecoveryView{Warning: RecoveryNone}, nil
	}
	v := RecoveryView{Need: set.Need, Of: set.Of, Made: set.At, Rehearsed: set.Rehearsed, Shares: set.RehearsedShares}
	if administers {
		v.Trustees = set.Trustees
	}
	left := 0
	for _, id := range set.Members {
		if m := ro.member(id); m == nil || m.Left || !access.Decide(m.Member, access.Recover, access.Thing{}) {
			left++
		}
	}
	switch {
	case left > 0 && set.Of-left <= set.Need:
		v.Warning = RecoveryLeft
	case set.Rehearsed.IsZero():
		v.Warning = RecoveryNever
	case r.now().Sub(set.Rehearsed) > RehearseEvery:
		v.Warning = RecoveryOld
	}
	return v, nil
}

// Gathering is where trustees give their shares, one after another, at one
// machine. The register need not be open for it. It does not print itself.
type Gathering struct {
	r     *Registry
	set   *shareSetFile
	id    seal.SetID
	given []seal.OpenedShare
}

// Gather begins to gather shares of the register in dir.
func Gather(dir string, opt Options) (*Gathering, error) {
	opt = opt.orStandard()
	if err := isRegister(dir); err != nil {
		return nil, err
	}
	r, err := prepare(dir, opt)
	if err != nil {
		return nil, err
	}
	return &Gathering{r: r}, nil
}

func (g *Gathering) String() string             { return "[gathering]" }
func (g *Gathering) Format(f fmt.State, _ rune) { fmt.Fprint(f, g.String()) }

// Have is how many shares were given, and how many are needed: 0 before the first one.
func (g *Gathering) Have() (have, need int) {
	if g.set == nil {
		return 0, 0
	}
	return len(g.given), g.set.Need
}

// ByMember tells by what a share opens: the passphrase of the member it is for
// (true), or the words that its trustee keeps apart from it. ErrOldShare where
// the share counts for nothing here.
func (g *Gathering) ByMember(share seal.Share) (bool, error) {
	slot, err := g.slot(share)
	return err == nil && slot.Member != nil, err
}

// slot finds what is kept of a share; the first share says which set it is.
func (g *Gathering) slot(share seal.Share) (seal.ShareSlot, error) {
	set := g.set
	if set == nil {
		var err error
		if set, err = g.r.readShareSet(share.Set()); err != nil {
			return seal.ShareSlot{}, err
		}
	} else if share.Set() != g.id {
		return seal.ShareSlot{}, ErrOtherSet
	}
	if share.Number() > len(set.Shares) || share.Need() != set.Need {
		return seal.ShareSlot{}, seal.ErrShareText
	}
	g.set, g.id = set, share.Set()
	return set.Shares[share.Number()-1], nil
}

// readShareSet reads what is kept of a set, and sees that it is what the
// recovery identity, which every share names, has signed.
func (r *Registry) readShareSet(id seal.SetID) (*shareSetFile, error) {
	b, err := os.ReadFile(filepath.Join(r.dir, recoveryFile(id, ".set")))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrOldShare
	}
	if err != nil {
		return nil, fmt.Errorf("what is kept of the shares can't be read: %w", err)
	}
	var f shareSetFile
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil || f.Format != shareSetFormat {
		return nil, ErrShareSet
	}
	of := f.Public.ID()
	if seal.SetID(of[:8]) != id || len(f.Node) != 16 || f.Need < 2 || f.Need > len(f.Shares) || len(f.Shares) > seal.MostShares ||
		len(f.Public.Signing()) != ed25519.PublicKeySize || !ed25519.Verify(f.Public.Signing(), f.text(), f.Signature) {
		return nil, ErrShareSet
	}
	for i, s := range f.Shares {
		if int(s.Number) != i+1 || s.Member != nil && len(s.Member) != 16 {
			return nil, ErrShareSet
		}
	}
	return &f, nil
}

// Add opens a share and takes it in. opens is the trustee's passphrase, or the
// words kept apart from the share. It answers the number of the share: right.
// What is wrong is said at once, so that nobody looks for it among k shares.
func (g *Gathering) Add(share seal.Share, opens string) (int, error) {
	slot, err := g.slot(share)
	if err != nil {
		return 0, err
	}
	for _, o := range g.given {
		if o.Number() == share.Number() {
			return 0, ErrSameShare
		}
	}
	of := g.set.Public.ID()
	var opened seal.OpenedShare
	if slot.Member != nil {
		member, err := g.r.openMember(memberFile(ledger.ID(slot.Member)), opens)
		if err != nil {
			return 0, fmt.Errorf("share %d: %w", share.Number(), err)
		}
		opened, err = slot.OpenAsMember(share, of, member)
		if err != nil {
			return 0, fmt.Errorf("share %d: %w", share.Number(), err)
		}
	} else if opened, err = slot.OpenWithWords(share, of, opens, g.r.opt.Least); err != nil {
		return 0, fmt.Errorf("share %d: %w", share.Number(), err)
	}
	g.given = append(g.given, opened)
	return opened.Number(), nil
}

// identity is the recovery identity, of enough shares.
func (g *Gathering) identity() (*seal.Identity, error) {
	if have, need := g.Have(); g.set == nil || have < need {
		return nil, ErrMoreShares
	}
	secret, err := seal.JoinShares(g.given)
	if err != nil {
		return nil, err
	}
	locked, err := g.r.readLocked(recoveryFile(g.id, ".key"))
	if err != nil {
		return nil, err
	}
	if locked.Public().ID() != g.set.Public.ID() || locked.Purpose() != "recovery" {
		return nil, ErrShareSet
	}
	opened, err := locked.OpenKey(secret)
	if err != nil {
		return nil, ErrShareSet
	}
	return opened.Identity, nil
}

// Rehearsal is what a rehearsal found.
type Rehearsal struct {
	Shares int `json:"shares"` // that were given
	Need   int `json:"need"`
	Orgs   int `json:"orgs"`   // organisations that a recovery would open
	Closed int `json:"closed"` // those it would not: nobody of them has signed in since the shares were made
}

// Rehearse does with the shares that were gathered all that a recovery does,
// but keeps nothing of what they open and makes no member, and writes down that
// it was done and by how many.
func (r *Registry) Rehearse(ctx context.Context, s *access.Session, g *Gathering) (_ Rehearsal, err error) {
	defer r.refusal(ctx, s, "recovery", "", &err)
	if !mayRehearse(s.Member) {
		return Rehearsal{}, ErrNotAllowed
	}
	if r.beside {
		return Rehearsal{}, ledger.ErrLocked
	}
	identity, err := g.identity()
	if err != nil {
		return Rehearsal{}, err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	set := r.roll().shareSet()
	if set == nil || seal.IDOf(set.SignKey) != identity.ID() {
		return Rehearsal{}, ErrOldShare
	}
	locked, err := r.readLocked(nodeKeyFile)
	if err != nil {
		return Rehearsal{}, err
	}
	if locked.Public().ID() != r.node.ID() {
		return Rehearsal{}, ErrNodeFile
	}
	if _, err := locked.OpenIdentity(identity); err != nil {
		return Rehearsal{}, ErrNodeFile
	}
	found := Rehearsal{Shares: len(g.given), Need: g.set.Need}
	open, err := r.opensOrgs(identity)
	if err != nil {
		return Rehearsal{}, err
	}
	found.Orgs, found.Closed = len(open), len(r.roll().Orgs)-len(open)
	id := ledger.NewID().String()
	fields := casefile.Fields{"what": {actRehearsal}, "date": {r.Today().String()}, "set": {set.ID}, "shares": {strconv.Itoa(found.Shares)}}
	return found, r.write(ctx, s, []act{{stream: id, puts: []Put{{Record: id, Kind: recoveryKind, Fields: fields}}, source: "rehearsed by trustees"}})
}

// opensOrgs are the organisations whose key files an identity opens.
func (r *Registry) opensOrgs(identity *seal.Identity) ([]string, error) {
	keys, err := r.openVaults(identity)
	if err != nil {
		return nil, err
	}
	var orgs []string
	for org := range keys.Vaults {
		orgs = append(orgs, org)
	}
	slices.Sort(orgs)
	return orgs, nil
}

// Recovered is the member whom a recovery makes.
type Recovered struct {
	Name, Lang string
	Passphrase string // empty: one is made
}

// Recover opens the register with the shares that were gathered and makes a
// member who may do what the first member could, in all organisations that the
// recovery opens. It answers the passphrase where it made one. That it was done
// is an entry. Nobody else may have the register open: whoever was signed in is not.
func (g *Gathering) Recover(ctx context.Context, who Recovered) (*Registry, *access.Session, string, error) {
	fail := func(err error) (*Registry, *access.Session, string, error) { return nil, nil, "", err }
	recovery, err := g.identity()
	if err != nil {
		return fail(err)
	}
	name, err := memberName(who.Name)
	if err != nil {
		return fail(err)
	}
	var made string
	if who.Passphrase, made, err = ownOrMade(who.Passphrase, strings.Fields(name)); err != nil {
		return fail(err)
	}
	r := g.r
	if err := g.openNode(recovery); err != nil {
		return fail(err)
	}
	if err := r.openLedger(ctx, false); err != nil {
		return fail(r.whyNot(err))
	}
	s, err := r.recover(ctx, recovery, name, who, len(g.given))
	if err == nil {
		err = r.eraseAgain(ctx, s)
	}
	if err != nil {
		return fail(errors.Join(err, r.Close()))
	}
	return r, s, made, nil
}

// openNode opens the node that the shares were made for, and no other.
func (g *Gathering) openNode(recovery *seal.Identity) error {
	if err := g.r.openNode(recovery); err != nil {
		return ErrNodeFile
	}
	if node := g.r.node.ID(); !bytes.Equal(node[:], g.set.Node) {
		return ErrNodeFile
	}
	return nil
}

func (r *Registry) recover(ctx context.Context, recovery *seal.Identity, name string, who Recovered, shares int) (*access.Session, error) {
	r.writing.Lock()
	defer r.writing.Unlock()
	if err := r.sweep(true); err != nil {
		return nil, err
	}
	ro := r.roll()
	set := ro.shareSet()
	if set == nil || seal.IDOf(set.SignKey) != recovery.ID() {
		return nil, ErrOldShare
	}
	if ro.nameTaken(name, "", r.now()) {
		return nil, ErrNameTaken
	}
	if err := r.knownLanguage(who.Lang); err != nil {
		return nil, err
	}
	orgs, err := r.opensOrgs(recovery)
	if err != nil {
		return nil, err
	}
	identity, err := seal.NewIdentity()
	if err != nil {
		return nil, err
	}
	file, err := seal.LockPassphrase(identity, "member", who.Passphrase, r.opt.Stretch)
	if err != nil {
		return nil, err
	}
	id := ledger.ID(identity.ID())
	m := MemberView{
		Member:  access.Member{ID: id.String(), Name: name, Lang: who.Lang, Orgs: orgs, Roles: recoveredRoles()},
		SignKey: identity.Public().Signing(),
	}
	if err := r.writeLocked(memberFile(id), file); err != nil {
		return nil, err
	}
	if err := r.addSlots(recovery, identity.Public(), orgs, true); err != nil {
		return nil, err
	}
	fields := m.fields()
	fields["recovery"] = []string{set.ID}
	fields["proof"] = []string{hex.EncodeToString(recovery.Sign(recoverText(r.log.ID(), m.SignKey)))}
	keys, err := r.openVaults(identity)
	if err != nil {
		return nil, err
	}
	author := &access.Session{Member: m.Member, Keys: keys}
	act2 := ledger.NewID().String()
	err = r.write(ctx, author, []act{
		{stream: m.ID, puts: []Put{{Record: m.ID, Kind: memberKind, Fields: fields}}, source: "recovered by trustees"},
		{stream: act2, puts: []Put{{Record: act2, Kind: recoveryKind, Fields: casefile.Fields{
			"what": {actRecovery}, "date": {r.Today().String()}, "set": {set.ID}, "shares": {strconv.Itoa(shares)}, "member": {m.ID},
		}}}, source: "recovered by trustees"},
	})
	if err != nil && r.roll().member(m.ID) == nil {
		return nil, err
	}
	return r.sessions.Begin(m.Member, keys), nil
}
