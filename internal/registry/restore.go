// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/backup"
	"github.com/kua-registry/kua/internal/draft"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
)

// What is made while a register is restored or a restore is rehearsed, beside
// where it goes or the register itself.
const (
	restoringEnding = ".restoring"
	rehearsalEnding = ".rehearsal"
)

// RestoreOptions say what is restored.
type RestoreOptions struct {
	Backup string                 // its name; empty: the newest
	Keys   string                 // a folder with a copy of the forgetting keys; empty: those beside the register
	Step   func(done, all uint64) // told how many entries are done, of how many; may be nil

	// Free says how many bytes the disk of a folder has left; nil: it is not known,
	// and a disk that is too small is noticed when it is full.
	Free func(dir string) (int64, error)

	Trustees *Trustees // open it where nobody's passphrase does; nil: a passphrase does

	before func(step string) error // for tests: what fails or dies before a step on the disk
}

// on is called before a step on the disk.
func (o RestoreOptions) on(step string) error {
	if o.before == nil {
		return nil
	}
	return o.before(step)
}

// steps is told how far a ledger is.
func (o RestoreOptions) steps(done, all uint64) error {
	if o.Step != nil {
		o.Step(done, all)
	}
	return o.on("ledger")
}

// Trustees open a backup with their shares, those that counted when it was made.
type Trustees struct {
	// Gather takes their shares in, once the key files of the backup are at hand.
	Gather func(*Gathering) error
	// Who is the member whom the recovery makes in what is restored.
	Who Recovered

	given *Gathering
}

// Restored says what was restored, and what was found when it was looked at.
type Restored struct {
	Backup  BackupView   `json:"backup"`
	Check   Verification `json:"check"`
	Lost    []string     `json:"lost,omitempty"`    // files of the register of which a piece is damaged or missing
	Again   int          `json:"again"`             // erasures made after the backup, that were done again
	Figures int          `json:"figures"`           // that were counted again and are the same
	Why     string       `json:"why,omitempty"`     // figures were not compared, and why
	Differs []string     `json:"differs,omitempty"` // what is not as the backup says

	// Where trustees opened it.
	Recovery   *Rehearsal `json:"recovery,omitempty"`   // how many shares there were, and what they open
	Member     string     `json:"member,omitempty"`     // the name of the member whom the recovery made; none in a rehearsal
	Passphrase string     `json:"passphrase,omitempty"` // of that member, where it was made for them: it is kept nowhere
	Noted      bool       `json:"noted,omitempty"`      // that it was rehearsed is written down
}

// Sound tells whether all is as the backup says.
func (v Restored) Sound() bool {
	return v.Check.Problem == "" && len(v.Lost) == 0 && len(v.Differs) == 0
}

// Restore makes the register of a backup in dir, which must be new or empty, by
// the passphrase of somebody who could open it when the backup was made, or by
// trustees. It is there whole or not at all, and so are its forgetting keys.
// Then it is opened, which erases again what was erased since, and looked at.
// Its ledger is in its directory, wherever it was.
func Restore(ctx context.Context, from BackupPlace, dir string, unlock Unlock, how RestoreOptions, opt Options) (v Restored, err error) {
	opt, dir = opt.orStandard(), filepath.Clean(dir)
	if err := newDir(dir); err != nil {
		return Restored{}, err
	}
	if own, there := device(dir); there {
		if parent, ok := device(filepath.Dir(dir)); ok && own != parent {
			return Restored{}, fmt.Errorf("%s is a disk or a volume of its own, which what is restored can't take the place of: restore into a new directory on it, --to %s", dir, filepath.Join(dir, "register"))
		}
	}
	store, err := from.open(opt.Now)
	if err != nil {
		return Restored{}, err
	}
	work, release, err := workIn(dir + restoringEnding)
	if err != nil {
		return Restored{}, err
	}
	if opt.Forgetting == "" {
		if opt.Forgetting, err = forgettingBeside(dir); err != nil {
			return Restored{}, errors.Join(err, release())
		}
	}
	fill, err := refill(ctx, store, work, unlock, how, opt, false)
	if err == nil {
		err = fill.takePlace(work, dir, how)
	}
	if err != nil {
		err = errors.Join(fill.whyNot(ctx, err, from, filepath.Dir(dir)), fill.undo())
	} else if err = how.on("sync its name"); err == nil {
		err = syncDir(filepath.Dir(dir))
	}
	if err = errors.Join(err, release()); err != nil {
		return Restored{}, err
	}
	if v, err = fill.look(ctx, dir, unlock, how.Trustees, opt); err == nil && v.Recovery != nil {
		v.Member = how.Trustees.Who.Name
	}
	if isFull(err) || err != nil && diskFull(dir) {
		err = fmt.Errorf("it is restored, all of it, in %s, and only has no room to be opened and looked at there: %w. Then 'kua --registry %s verify --deep'", dir, ledger.ErrFull, dir)
	}
	return v, err
}

// takePlace puts what was restored where it goes: from then on it is there. Its
// forgetting keys come before it, and go again where it can't.
func (f *refilled) takePlace(work, dir string, how RestoreOptions) error {
	err := f.putKeys(how)
	if err == nil {
		err = how.on("make place")
	}
	if err == nil {
		if err = os.Remove(dir); errors.Is(err, fs.ErrNotExist) { // empty, or not there
			err = nil
		}
	}
	if err == nil {
		err = how.on("take the place")
	}
	if err == nil {
		err = os.Rename(work, dir)
	}
	return err
}

// open opens the node of a backup whose key files are there.
func (t *Trustees) open(r *Registry) error {
	// Said before anybody gives a share.
	name, err := memberName(t.Who.Name)
	if err == nil {
		_, _, err = ownOrMade(t.Who.Passphrase, strings.Fields(name))
	}
	if err != nil {
		return err
	}
	t.given = &Gathering{r: r}
	if err := t.Gather(t.given); err != nil {
		if errors.Is(err, ErrOldShare) {
			err = fmt.Errorf("%w; or the backup was made before or after that set: try another with --backup", err)
		}
		return err
	}
	recovery, err := t.given.identity()
	if err == nil {
		err = t.given.openNode(recovery)
	}
	return err
}

// recover opens what was restored with the shares that were gathered for it.
func (t *Trustees) recover(ctx context.Context, dir string, opt Options) (r *Registry, s *access.Session, made string, err error) {
	if t.given.r, err = prepare(dir, opt); err != nil {
		return nil, nil, "", err
	}
	return t.given.Recover(ctx, t.Who)
}

// needs is about how many bytes a register takes that is restored: its files, and
// its ledger as a database with an index beside it (docs/performance.md).
func needs(b *backup.Backup) (n int64) {
	for _, f := range b.Files {
		n += f.Size
	}
	for _, l := range []*backup.Ledger{&b.Ledger, b.Replica} {
		if l == nil {
			continue
		}
		for _, r := range l.Rows {
			n += ledgerGrows * r.Size / 2
		}
		for _, p := range l.Keys {
			n += ledgerGrows * p.Size / 2
		}
	}
	return n
}

// ledgerGrows is how many times as large as half its pieces a ledger is with its index.
const ledgerGrows = 5

// inMB is a number of bytes for people, rounded up.
func inMB(n int64) string { return fmt.Sprintf("%d MB", (n+1e6-1)/1e6) }

// room sees that there is room in a folder for what is restored, as far as that
// can be known before.
func (f *refilled) room(dir string, how RestoreOptions) error {
	if how.Free == nil {
		return nil
	}
	free, err := how.Free(dir)
	if need := needs(f.backup); err == nil && free < need {
		return fmt.Errorf("what is restored takes about %s in %s, where %s are free: make room there, or restore to another disk; nothing was changed", inMB(need), dir, inMB(free))
	}
	return nil // where it is not known it is noticed when the disk is full
}

// whyNot says what is in the way of a restore from a place into a folder, and
// what helps.
func (f *refilled) whyNot(ctx context.Context, err error, from BackupPlace, dir string) error {
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("nothing was restored, none of it was left behind, and the backup is as it was (%w)", ctx.Err())
	case errors.Is(err, ErrNoBackup) && f.name == "":
		return fmt.Errorf("%w, in %s. A folder of backups has folders in it that are named backups, keys and pieces: give the one that they are in", err, from.Where())
	case errors.Is(err, backup.ErrDamaged):
		next := "there is no older one there: try another copy of it"
		if n := len(f.older); n > 0 {
			next = "try another copy of it, or the one before: --backup " + f.older[n-1]
		}
		return fmt.Errorf("the backup %s in %s can't be restored: %w. Was all of it copied, and does the medium read well? None of it was left behind; %s", f.name, from.Where(), err, next)
	}
	full := isFull(err) || err != nil && f.backup != nil && diskFull(dir) // a database knows only that it could not write
	if !full {
		return err
	}
	takes := "what is restored"
	if f.backup != nil {
		takes += " takes about " + inMB(needs(f.backup))
	} else {
		takes += " has no room"
	}
	return fmt.Errorf("%s in %s, and %w. None of it was left behind, and the backup is as it was", takes, dir, ledger.ErrFull)
}

// forgettingBeside is where the forgetting keys of a register lie whose directory
// is to be made.
func forgettingBeside(dir string) (string, error) {
	parent, err := realPath(filepath.Dir(dir))
	if err != nil {
		return "", fmt.Errorf("the register's directory: %w", err)
	}
	return filepath.Join(parent, filepath.Base(dir)+forgettingEnding), nil
}

// workIn makes an empty folder to work in. What one that was cut off has left in
// it goes first, keys overwritten.
func workIn(dir string) (work string, release func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", nil, fmt.Errorf("nothing can be restored there, because this user may not make a folder beside it: give another place, or the folder above to this user (%w)", err)
	}
	lock, err := sqlitestore.Lock(filepath.Join(dir, "work"))
	if errors.Is(err, ledger.ErrLocked) {
		return "", nil, fmt.Errorf("another program restores into %s: wait until it has ended", dir)
	}
	if err != nil {
		return "", nil, err
	}
	release = func() error {
		err := wipe(dir)
		return errors.Join(err, lock.Close(), os.RemoveAll(dir))
	}
	if err := wipe(dir); err != nil {
		return "", nil, errors.Join(err, lock.Close())
	}
	return filepath.Join(dir, "register"), release, nil
}

// wipe takes away all that was made in a folder to work in, forgetting keys
// overwritten.
func wipe(dir string) error {
	keys, err := filepath.Glob(filepath.Join(dir, "forgetting", "*.key"))
	if err != nil {
		return err
	}
	for _, key := range keys {
		if err := overwriteAndRemove(key); err != nil {
			return err
		}
	}
	return errors.Join(os.RemoveAll(filepath.Join(dir, "forgetting")), os.RemoveAll(filepath.Join(dir, "register")))
}

// refilled is a register that is filled from a backup, and what is known of it.
type refilled struct {
	r      *Registry
	name   string         // of the backup
	older  []string       // the names of the backups before it, the newest last
	backup *backup.Backup // nil: not even its list was read
	lost   []string

	// The forgetting keys that come with it, and what was erased since. They are
	// put where they go when all else is there.
	keys   []*seal.ForgetKey
	erased []erasedCase
	made   []string // files that were put there, to go again where it fails
}

// refill fills a new directory with the register of a backup. opt.Forgetting is
// where its forgetting keys go. A trial is never served: what it could tell
// others, or take out of a bucket, is left out.
func refill(ctx context.Context, store backup.Store, work string, unlock Unlock, how RestoreOptions, opt Options, trial bool) (f *refilled, err error) {
	f = &refilled{}
	names, err := backup.Names(ctx, store)
	if err != nil {
		return f, err
	}
	name := how.Backup
	switch {
	case len(names) == 0:
		return f, ErrNoBackup
	case name == "":
		name = names[len(names)-1]
	case !slices.Contains(names, name):
		return f, fmt.Errorf("%w of the name %s: there are %s", ErrNoBackup, name, strings.Join(names, ", "))
	}
	f.name, f.older = name, names[:slices.Index(names, name)]
	opens, err := backup.KeysOf(ctx, store, name)
	if err != nil {
		return f, err
	}
	r, err := prepare(work, opt)
	if err != nil {
		return f, err
	}
	f.r = r
	if err = how.on("folder"); err == nil {
		err = os.MkdirAll(filepath.Join(work, keysDir), 0o700)
	}
	if err != nil {
		return f, err
	}
	for file, b := range opens {
		if !opensBackup(file) || !filepath.IsLocal(filepath.FromSlash(file)) || strings.Count(file, "/") != 1 {
			return f, fmt.Errorf("the key files of the backup: %w", backup.ErrDamaged)
		}
		if err = how.on("key file"); err == nil {
			err = writeFile(filepath.Join(work, filepath.FromSlash(file)), unfinished+"*", b)
		}
		if err != nil {
			return f, err
		}
	}
	if how.Trustees != nil {
		err = how.Trustees.open(r)
	} else if _, err = r.unlock(unlock); errors.Is(err, ErrUnlock) {
		err = fmt.Errorf("%w. The backup %s opens with a passphrase that somebody had when it was made: not with one that was chosen since", err, name)
	}
	if err != nil {
		return f, err
	}
	repo, err := backup.Open(store, r.backupKeys())
	if err != nil {
		return f, err
	}
	if f.backup, err = repo.Read(ctx, name); err != nil {
		return f, err
	}
	if err := f.room(filepath.Dir(filepath.Dir(work)), how); err != nil {
		return f, err
	}
	if err := f.findKeys(ctx, repo, names, how.Keys, opt.Forgetting); err != nil {
		return f, err
	}
	if err := f.refillLedgers(ctx, repo, how); err != nil {
		return f, err
	}
	if err = how.on("drafts"); err == nil {
		err = r.refillDrafts(ctx, repo, f.backup)
	}
	if err != nil {
		return f, err
	}
	for _, file := range f.backup.Files {
		if trial && (file.Path == placeFile || file.Path == mailFile) {
			continue
		}
		err := r.refillFile(ctx, repo, file, how)
		if errors.Is(err, backup.ErrDamaged) && !opensRegister(file.Path) {
			f.lost = append(f.lost, file.Path)
			continue
		}
		if err != nil {
			return f, err
		}
	}
	if err = how.on("sync the folders"); err == nil {
		err = syncTree(work)
	}
	return f, err
}

// refillLedgers makes the ledger anew, and a coalition's where there is one.
func (f *refilled) refillLedgers(ctx context.Context, repo *backup.Repo, how RestoreOptions) error {
	if err := f.r.refillLedger(ctx, repo, &f.backup.Ledger, ledgerFile, ledgerKey, "head", how, nil); err != nil || f.backup.Replica == nil {
		return err
	}
	how.Step = nil
	return f.r.refillLedger(ctx, repo, f.backup.Replica, replicaFile, replicaKey, replicaHead, how, marksReturned)
}

// findKeys finds the forgetting key that a backup needs, in a copy or where the
// restored register will look for it, and what was erased since, as far as that
// is known there and in newer backups.
func (f *refilled) findKeys(ctx context.Context, repo *backup.Repo, names []string, from, to string) error {
	r, b := f.r, f.backup
	r.forget = &forgetKeys{dir: to}
	var keys []*seal.ForgetKey
	var erased []erasedCase
	folders := []string{to}
	if from != "" {
		if info, err := os.Stat(from); err == nil && !info.IsDir() {
			return fmt.Errorf("%s, given with --keys, is a file: give the folder that the forgetting keys were copied to", from)
		}
		switch _, err := os.ReadDir(from); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the folder %s, given with --keys, is not there: see whether the medium is plugged in, and whether the name is right", from)
		case err != nil:
			return fmt.Errorf("the folder given with --keys can't be read: give it to the user who runs the program (%w)", err)
		}
		folders = append(folders, from, filepath.Join(from, copyFolder))
	}
	there := 0 // files that should be keys of this register
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, r.forgetPattern()))
		if err != nil {
			return err
		}
		there += len(files)
		more, err := r.readForgetting(folder)
		if err != nil {
			return err
		}
		for _, k := range more {
			if !slices.ContainsFunc(keys, func(is *seal.ForgetKey) bool { return is.ID() == k.ID() }) {
				keys = append(keys, k)
			}
		}
		known, err := r.erasuresIn(folder)
		if err != nil {
			return err
		}
		erased = append(erased, known...)
	}
	r.sortForgetting(keys)
	has := slices.ContainsFunc(keys, func(k *seal.ForgetKey) bool {
		id := k.ID()
		return hex.EncodeToString(id[:]) == b.Forgetting
	})
	switch {
	case !has && !r.now().Before(b.Ends):
		return fmt.Errorf("the backup %s can't be opened any more: its forgetting key ended on %s, which is what makes erasures final; restore a newer one", b.Name, b.Ends.Format(time.DateOnly))
	case !has:
		found := "no forgetting key of this register is there"
		if there > 0 {
			found = fmt.Sprintf("of this register %d can be read there, of %d, and it is not among them: the copy is older than the backup, or damaged", len(keys), there)
		}
		where := folders[0]
		if from != "" {
			where += " and " + from
		}
		return fmt.Errorf("the forgetting key under which the backup %s lies is not at hand: it is in no backup on purpose. Looked for in %s: %s. Give the folder of its copy with --keys FOLDER", b.Name, where, found)
	}
	for _, name := range names { // what newer backups know of erasures
		if name <= b.Name {
			continue
		}
		newer, err := repo.Read(ctx, name)
		if err != nil {
			continue // one that is damaged knows nothing
		}
		var known []erasedCase
		if err := json.Unmarshal(newer.Erased, &known); err == nil {
			erased = append(erased, known...)
		}
	}
	r.forget.keys = keys
	f.keys, f.erased = keys, erased
	return nil
}

// putKeys puts the forgetting keys where the restored register looks for them,
// and notes beside them what was erased since.
func (f *refilled) putKeys(how RestoreOptions) error {
	r := f.r
	dir := r.forget.dir
	put := func(step, file string, write func() error) error {
		err := how.on(step)
		if err != nil {
			return err
		}
		if _, statErr := os.Lstat(file); errors.Is(statErr, fs.ErrNotExist) {
			f.made = append(f.made, file)
		}
		return write()
	}
	err := put("forgetting folder", dir, r.makeForgettingDir)
	if err == nil && len(f.made) > 0 {
		f.made = append(f.made, filepath.Join(dir, "README.txt"))
	}
	for _, k := range f.keys {
		if err == nil {
			err = put("forgetting key", filepath.Join(dir, r.forgetFile(k)), func() error { return r.writeForget(dir, k) })
		}
	}
	if err == nil {
		err = put("erasures", r.erasedFile(dir), func() error { return r.addErasures(f.erased) })
	}
	return err
}

// undo takes away the forgetting keys that were put down for a register that is
// not there after all, overwritten.
func (f *refilled) undo() (err error) {
	for _, file := range slices.Backward(f.made) { // what a folder holds before the folder
		goneErr := error(nil)
		if filepath.Ext(file) == ".key" {
			goneErr = f.r.destroyForget(filepath.Dir(file), filepath.Base(file))
		} else {
			goneErr = os.Remove(file)
		}
		if !errors.Is(goneErr, fs.ErrNotExist) {
			err = errors.Join(err, goneErr)
		}
	}
	f.made = nil
	return err
}

// refillLedger makes a ledger anew, under a new key of its file.
func (r *Registry) refillLedger(ctx context.Context, repo *backup.Repo, l *backup.Ledger, file, keyName, headFile string, how RestoreOptions, then func(context.Context, ledger.Store) error) error {
	if err := how.on("key of a ledger"); err != nil {
		return err
	}
	key, err := r.sealedKey(keyName, true)
	if err == nil {
		err = how.on("file of a ledger")
	}
	if err != nil {
		return err
	}
	raw := [32]byte(key)
	store, err := sqlitestore.Open(ctx, filepath.Join(r.dir, file), sqlitestore.Options{Key: &raw, Create: true})
	if err != nil {
		return err
	}
	if err = repo.RestoreLedger(ctx, l, store, how.steps); err == nil && then != nil {
		err = then(ctx, store)
	}
	if err = errors.Join(err, store.Close()); err == nil {
		err = how.on("head")
	}
	if err != nil {
		return err
	}
	return ledger.WriteHeadFile(filepath.Join(r.dir, headFile), []byte(l.Checkpoint))
}

func (r *Registry) refillDrafts(ctx context.Context, repo *backup.Repo, b *backup.Backup) error {
	if len(b.Drafts) == 0 {
		return nil
	}
	text, err := repo.All(ctx, b.Drafts)
	var all []draft.Draft
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return fmt.Errorf("the drafts: %w", err)
	}
	store, err := r.newDrafts()
	if err != nil {
		return err
	}
	for _, d := range all {
		err = errors.Join(err, store.Keep(ctx, d))
	}
	return errors.Join(err, store.Close())
}

// refillFile writes a file: whole, or not at all.
func (r *Registry) refillFile(ctx context.Context, repo *backup.Repo, f backup.File, how RestoreOptions) (err error) {
	local := filepath.FromSlash(f.Path)
	if !filepath.IsLocal(local) || ownFile(f.Path) || opensBackup(f.Path) {
		return fmt.Errorf("%s: %w", f.Path, backup.ErrDamaged)
	}
	if err := how.on("file"); err != nil {
		return err
	}
	at := filepath.Join(r.dir, local)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	out, err := os.OpenFile(at, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	for _, p := range f.Pieces {
		var text []byte
		if text, err = repo.Get(ctx, p); err == nil {
			err = how.on("piece of a file")
		}
		if err == nil {
			_, err = out.Write(text)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(at))
	}
	if day, dayErr := time.Parse(time.DateOnly, f.Day); dayErr == nil {
		err = os.Chtimes(at, day, day)
	}
	return err
}

// syncTree makes the names of all that was written durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(at)
	})
}

// look opens what was restored, which erases again what was erased since, and
// compares it with what the backup says.
func (f *refilled) look(ctx context.Context, dir string, unlock Unlock, trustees *Trustees, opt Options) (v Restored, err error) {
	v.Backup, v.Lost = backupView(f.backup), f.lost
	opt.ReadOnly = false
	var r *Registry
	var s *access.Session
	if trustees != nil {
		if r, s, v.Passphrase, err = trustees.recover(ctx, dir, opt); err != nil {
			err = fmt.Errorf("%w ('kua recover' opens it)", err)
		}
	} else {
		r, s, err = Open(ctx, dir, unlock, opt)
	}
	if err != nil {
		return v, fmt.Errorf("it was restored, and does not open: %w", err)
	}
	if trustees != nil {
		orgs := len(s.Member.Orgs)
		v.Recovery = &Rehearsal{Shares: len(trustees.given.given), Need: trustees.given.set.Need, Orgs: orgs, Closed: len(r.roll().Orgs) - orgs}
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	v.Again = r.erasedAgain
	want := f.backup.Ledger
	root, err := hex.DecodeString(want.Root)
	if err != nil || len(root) != sha256.Size {
		return v, fmt.Errorf("the root of the backup: %w", backup.ErrDamaged)
	}
	same, err := r.log.Had(ctx, want.Entries, ledger.Hash(root))
	if err != nil {
		return v, err
	}
	if !same {
		v.Differs = append(v.Differs, fmt.Sprintf("the ledger at %d entries has another root than the backup says", want.Entries))
	}
	if access.Decide(s.Member, access.Verify, access.Thing{}) {
		if v.Check, err = r.verify(ctx, s, true, true, []byte(want.Checkpoint)); err != nil {
			return v, err
		}
	} else {
		v.Differs = append(v.Differs, "it was not verified: the passphrase is of a member whose role does not allow it")
	}
	return v, r.sameFigures(ctx, f.backup, &v)
}

// sameFigures counts again what was counted when the backup was made.
func (r *Registry) sameFigures(ctx context.Context, b *backup.Backup, v *Restored) error {
	var was backedFigures
	var day edtf.Day
	err := json.Unmarshal(b.Figures, &was)
	if err == nil {
		day, err = edtf.ParseDay(was.AsOf)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the figures of the backup: %w", backup.ErrDamaged)
	case v.Again > 0:
		v.Why = "what was erased since was erased again, and is counted no more"
		return nil
	case was.Rules != r.figureRules():
		v.Why = "this program counts by other definitions than the one that made the backup"
		return nil
	}
	is, err := r.index.Figures(ctx, Clock{AsOf: day, KnownBy: was.KnownBy}, index.Coalition, false, nil)
	if err != nil {
		return err
	}
	for i := range max(len(is), len(was.Values)) {
		if i >= len(is) || i >= len(was.Values) || is[i] != was.Values[i] {
			v.Differs = append(v.Differs, fmt.Sprintf("figure %d of %d is not what it was when the backup was made", i+1, len(is)))
			continue
		}
		v.Figures++
	}
	return nil
}

// RehearseRestore restores a backup beside the register as a trial, opens it, looks at
// all of it and takes it away again. Where all is as the backup says it is
// remembered as proven. The forgetting keys are those of the register, or those
// of a copy, which proves the copy too. Where trustees open it that is a
// rehearsal of the recovery, too; who it makes goes with the trial.
func (r *Registry) RehearseRestore(ctx context.Context, s *access.Session, from BackupPlace, unlock Unlock, how RestoreOptions) (v Restored, err error) {
	defer r.did(ctx, s, actBackup, "backup_proven", &err)
	from, store, _, err := r.backups(s, from)
	if err != nil {
		return v, err
	}
	own, err := realPath(r.dir)
	if err != nil {
		return v, err
	}
	work, release, err := workIn(own + rehearsalEnding)
	if err != nil {
		return v, err
	}
	opt := r.opt
	opt.Forgetting = filepath.Join(filepath.Dir(work), "forgetting")
	opt.Open, opt.Origin, opt.Database, opt.Coalition = nil, "", Database{}, nil
	if how.Keys == "" {
		how.Keys = r.forget.dir
	}
	if how.Trustees != nil {
		how.Trustees = &Trustees{Gather: how.Trustees.Gather, Who: Recovered{Name: "rehearsal " + ledger.NewID().String(), Lang: s.Member.Lang}}
	}
	fill, err := refill(ctx, store, work, unlock, how, opt, true)
	if err == nil {
		err = fill.putKeys(how)
	}
	if err == nil {
		v, err = fill.look(ctx, work, unlock, how.Trustees, opt)
		v.Passphrase = "" // of somebody who is gone with the trial
	}
	if err == nil && how.Trustees != nil && !r.beside && v.Sound() {
		switch _, noteErr := r.Rehearse(ctx, s, how.Trustees.given); {
		case noteErr == nil:
			v.Noted = true
		case !errors.Is(noteErr, ErrOldShare): // of a backup with an earlier set: it says nothing of this one
			err = noteErr
		}
	}
	if err = errors.Join(fill.whyNot(ctx, err, from, filepath.Dir(own)), release()); err != nil {
		return v, err
	}
	if !v.Sound() {
		return v, nil
	}
	return v, r.remember(from, func(p *keptPlace) {
		if mark := markOf(v.Backup); !mark.At.Before(p.Proven.At) {
			p.Proven = mark
			p.Proven.On = r.now().UTC().Truncate(time.Second)
		}
	})
}
