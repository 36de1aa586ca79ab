// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/backup"
	"github.com/kua-registry/kua/internal/draft"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/index"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/ledger/sqlitestore"
	"github.com/kua-registry/kua/internal/seal"
)

// What somebody who makes backups can be told.
var (
	// ErrBackupPlace says that a place of backups can't be meant.
	ErrBackupPlace = errors.New("say where the backups are: a folder, or a bucket with --endpoint, --bucket, --access-key and --secret-file")
	// ErrBackupInside says that backups would lie in the register's own directory.
	ErrBackupInside = errors.New("backups must not lie in the register's directory or beside its forgetting keys: give a folder on another medium")
	// ErrBackupBusy says that another program makes backups there.
	ErrBackupBusy = backup.ErrBusy
	// ErrNoBackup says that there is no backup.
	ErrNoBackup = backup.ErrNone
	// ErrUnsteady says that the register's keys changed all the while.
	ErrUnsteady = errors.New("the register's keys changed while they were read, several times: try again in a moment; no backup was made")
)

// unsteady is how often a backup begins anew because keys changed meanwhile.
const unsteady = 5

// open makes the place ready. Nobody is asked yet.
func (p BackupPlace) open(now func() time.Time) (backup.Store, error) {
	switch {
	case p.Folder != "":
		return backup.OpenFolder(p.Folder, sqlitestore.Lock)
	case p.Bucket.Name != "":
		b, err := p.Bucket.open()
		if err != nil {
			return nil, err
		}
		return backup.OpenBucket(b, now), nil
	}
	return nil, ErrBackupPlace
}

// backupPlace is the place that is meant: the one that is given, with the secret
// that is remembered of it, or the one that was used last.
func (r *Registry) backupPlace(p BackupPlace) (BackupPlace, error) {
	kept, err := r.keptBackups()
	if err != nil {
		return p, err
	}
	if p == (BackupPlace{}) {
		if n := len(kept.Places); n > 0 {
			return kept.Places[n-1].At, nil
		}
		return p, ErrBackupPlace
	}
	if p.Folder != "" {
		if p.Folder, err = filepath.Abs(p.Folder); err != nil {
			return p, err
		}
	}
	if p.Bucket.Secret == "" {
		for _, old := range kept.Places {
			if old.At.Bucket.sameStore(p.Bucket) {
				p.Bucket.Secret = old.At.Bucket.Secret
			}
		}
	}
	return p, nil
}

// backupKeys are what opens and signs backups of the register: the same on all
// its machines, and in every copy of it.
func (r *Registry) backupKeys() backup.Keys {
	return backup.Keys{
		Key:  seal.Key(r.nodeKey("kua/backup key/v1")),
		Node: r.node, Signed: r.node.Public().Signing(),
	}
}

// backups opens the backups of a place, for who looks after the register.
func (r *Registry) backups(s *access.Session, p BackupPlace) (BackupPlace, backup.Store, *backup.Repo, error) {
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return p, nil, nil, ErrNotAllowed
	}
	p, err := r.backupPlace(p)
	if err != nil {
		return p, nil, nil, err
	}
	store, err := p.open(r.now)
	if err == nil && p.Folder != "" {
		err = r.notOwn(p.Folder, ErrBackupInside)
	}
	if err != nil {
		return p, nil, nil, err
	}
	repo, err := backup.Open(store, r.backupKeys())
	return p, store, repo, err
}

// BackupView is a backup, as administrators see it.
type BackupView struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Entries uint64    `json:"entries"`
	Root    string    `json:"root"`
	Files   int       `json:"files"`
	Ends    time.Time `json:"ends"`              // when its forgetting key is destroyed: it opens no more
	Proven  time.Time `json:"proven,omitzero"`   // it is the one that was proven last
	Damaged string    `json:"damaged,omitempty"` // its list can't be read, and why

	// Of one that was just made.
	Where   string   `json:"where,omitempty"`
	Written int      `json:"written,omitempty"` // pieces
	Bytes   int64    `json:"bytes,omitempty"`   // of them
	All     int64    `json:"all,omitempty"`     // bytes of all pieces it needs
	Missing []string `json:"missing,omitempty"` // sealed files that are not where they should be

	// SameDisk says that it lies on the disk on which the register is: what takes
	// the one takes the other.
	SameDisk bool `json:"same_disk,omitempty"`
}

func backupView(b *backup.Backup) BackupView {
	return BackupView{Name: b.Name, At: b.At, Entries: b.Ledger.Entries, Root: b.Ledger.Root, Files: len(b.Files), Ends: b.Ends}
}

// BackupOptions say how a backup is made.
type BackupOptions struct {
	Anew bool                   // write again what is there: some of it was found damaged
	Step func(done, all uint64) // told how many entries are done, of how many; may be nil
}

// BackUp makes a backup of the register as it is now, in the place that is given
// or else in the one used last, while others write. It counts once it answers:
// what was cut off before is gone on from by the next.
func (r *Registry) BackUp(ctx context.Context, s *access.Session, to BackupPlace, o BackupOptions) (_ BackupView, err error) {
	defer r.did(ctx, s, actBackup, "backup", &err)
	to, store, repo, err := r.backups(s, to)
	if err != nil {
		return BackupView{}, err
	}
	release, err := store.Lock(ctx)
	if err != nil {
		return BackupView{}, whyNotThere(ctx, err)
	}
	v, err := r.backUp(ctx, store, repo, o)
	if err = errors.Join(err, release()); err != nil {
		return BackupView{}, whyNotThere(ctx, err)
	}
	v.Where = to.Where()
	if there, known := device(to.Folder); known {
		here, ok := device(r.dir)
		v.SameDisk = ok && here == there
	}
	return v, r.remember(to, func(p *keptPlace) { p.Made = markOf(v) })
}

func markOf(v BackupView) backupMark {
	return backupMark{Name: v.Name, At: v.At, Entries: v.Entries, Root: v.Root}
}

// whyNotThere says what is in the way of a place of backups.
func whyNotThere(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no backup was made; what was written of it the next one goes on from, and those before are as they were (%w)", ctx.Err())
	}
	if isFull(err) {
		return fmt.Errorf("there is no room left where the backups are: make room, or let go of old ones with 'kua backup prune'; backups that were made before are as they were (%w)", err)
	}
	return err
}

// latest reads the newest backup there, to go on from; nil: there is none that
// can be read, and all is read anew.
func latest(ctx context.Context, store backup.Store, repo *backup.Repo) (*backup.Backup, error) {
	names, err := backup.Names(ctx, store)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Backward(names) {
		b, err := repo.Read(ctx, name)
		switch {
		case err == nil:
			return b, nil
		case ctx.Err() != nil:
			return nil, err
		case errors.Is(err, backup.ErrNewer): // what its pieces are this program does not know
			return nil, fmt.Errorf("%w. To make one with this version all the same, give another folder", err)
		}
	}
	return nil, nil
}

func (r *Registry) backUp(ctx context.Context, store backup.Store, repo *backup.Repo, o BackupOptions) (BackupView, error) {
	earlier, err := latest(ctx, store, repo)
	if err != nil {
		return BackupView{}, err
	}
	w, err := repo.Begin(ctx)
	if err != nil {
		return BackupView{}, err
	}
	w.Anew = o.Anew
	if earlier == nil {
		earlier = &backup.Backup{}
	}
	b := &backup.Backup{At: r.now()}
	// Keys and ledger are of one moment: what names a key and the key itself.
	var keys map[string][]byte
	for tries := 0; ; tries++ {
		if tries == unsteady {
			return BackupView{}, ErrUnsteady
		}
		if keys, err = r.smallFiles(); err != nil {
			return BackupView{}, err
		}
		if err := r.backUpLedgers(ctx, w, b, earlier, o.Step); err != nil {
			return BackupView{}, err
		}
		after, err := r.smallFiles()
		if err != nil {
			return BackupView{}, err
		}
		if maps.EqualFunc(keys, after, bytes.Equal) {
			break
		}
	}
	opens := backup.KeyFiles{}
	for _, file := range slices.Sorted(maps.Keys(keys)) {
		if opensBackup(file) {
			opens[file] = keys[file]
			continue
		}
		if err := addFile(ctx, w, b, file, r.Today().String(), bytes.NewReader(keys[file])); err != nil {
			return BackupView{}, err
		}
	}
	if err := r.backUpFiles(ctx, w, b); err != nil {
		return BackupView{}, err
	}
	missing, err := r.backUpSealed(ctx, w, b, earlier)
	if err != nil {
		return BackupView{}, err
	}
	if b.Figures, err = r.backedFigures(ctx); err != nil {
		return BackupView{}, err
	}
	erased, err := r.erasures()
	if err == nil {
		b.Erased, err = json.Marshal(erased)
	}
	if err != nil {
		return BackupView{}, err
	}
	if err = w.Finish(ctx, b, opens); err != nil {
		return BackupView{}, err
	}
	v := backupView(b)
	v.Written, v.Bytes, v.All, v.Missing = w.Put, w.Bytes, b.Size(), missing
	return v, nil
}

// backUpLedgers keeps the ledger, and what lies under the same forgetting key.
func (r *Registry) backUpLedgers(ctx context.Context, w *backup.Writer, b, earlier *backup.Backup, step func(done, all uint64)) error {
	l, err := w.AddLedger(ctx, r.log, &earlier.Ledger, step)
	if err != nil {
		return err
	}
	b.Ledger = *l
	// In this process or beside another: the key may have turned since.
	id, made, err := r.underKey(ctx)
	if err != nil {
		return err
	}
	b.Forgetting, b.Ends = id, made.Add(ForgetKeyLasts)
	if c := r.coalition; c != nil {
		if b.Replica, err = w.AddLedger(ctx, c.log, earlier.Replica, nil); err != nil {
			return err
		}
		if b.Replica.Entries == 0 {
			b.Replica.Checkpoint = c.Coalition.Origin
		}
	}
	b.Drafts = nil
	all, err := r.allDrafts(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	text, err := json.Marshal(all)
	if err == nil {
		b.Drafts, _, err = w.AddFile(ctx, bytes.NewReader(text))
	}
	return err
}

// underKey is the forgetting key under which the wrapped keys lie, and when it was made.
func (r *Registry) underKey(ctx context.Context) (id string, made time.Time, err error) {
	under, err := r.log.Under(ctx)
	if err != nil {
		return "", made, err
	}
	keys, err := r.readForgetting(r.forget.dir)
	if err != nil {
		return "", made, err
	}
	for _, k := range keys {
		if k.ID() == under {
			return hex.EncodeToString(under[:]), k.Made(), nil
		}
	}
	return "", made, r.whyForgotten(ledger.ErrForgetKey)
}

// allDrafts are the drafts, sealed; beside another process they are read from its file.
func (r *Registry) allDrafts(ctx context.Context) ([]draft.Draft, error) {
	if r.begun != nil {
		return r.begun.All(ctx)
	}
	key, err := r.sealedKey(draftsKey, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	store, err := draft.Open(r.draftsFile(), key)
	if err != nil {
		return nil, err
	}
	all, err := store.All(ctx)
	return all, errors.Join(err, store.Close())
}

// opensBackup tells whether a file is needed to open a backup: it lies in the
// open beside it, and is sealed by itself.
func opensBackup(file string) bool {
	return file == nodeKeyFile || file == nodeVault || strings.HasPrefix(file, keysDir+"/member-") || strings.HasPrefix(file, keysDir+"/recovery-")
}

// opensRegister tells whether a register does not open without a file.
func opensRegister(file string) bool {
	return strings.HasPrefix(file, keysDir+"/") && path.Ext(file) == ".vault"
}

// ownFile tells whether a file is of this machine and moment alone, or is
// backed up in another way. It is no part of a backup as a file.
func ownFile(file string) bool {
	switch file {
	case headName, replicaHead, rightsFile, storeFile, "keys/ledger.key", "keys/index.key", "keys/drafts.key", "keys/once.key", "keys/replica.key":
		return true
	}
	name := path.Base(file)
	return strings.HasPrefix(name, ".") || !strings.Contains(file, "/") && (strings.Contains(name, ".db") || strings.HasPrefix(name, "index")) || strings.HasSuffix(name, ".lock")
}

// smallFiles are the keys, and what else lies at the top of the register's directory.
func (r *Registry) smallFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, dir := range []string{"", keysDir} {
		entries, err := os.ReadDir(filepath.Join(r.dir, dir))
		if err != nil {
			return nil, fmt.Errorf("the register's directory can't be read: %w", err)
		}
		for _, e := range entries {
			file := path.Join(dir, e.Name())
			if !e.Type().IsRegular() || ownFile(file) {
				continue
			}
			b, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(file)))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("a file of the register can't be read: %w", err)
			}
			files[file] = b
		}
	}
	return files, nil
}

// backUpFiles keeps what lies in the other folders: reports from outside, what
// was published, what waits to be sent.
func (r *Registry) backUpFiles(ctx context.Context, w *backup.Writer, b *backup.Backup) error {
	return filepath.WalkDir(r.dir, func(at string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the register's directory can't be read: %w", err)
		}
		file, err := filepath.Rel(r.dir, at)
		if err != nil {
			return err
		}
		file = filepath.ToSlash(file)
		switch {
		case d.IsDir() && (file == keysDir || file == evidenceDir || file == shownDir):
			return fs.SkipDir
		case !d.Type().IsRegular() || !strings.Contains(file, "/") || ownFile(file):
			return nil
		}
		in, err := os.Open(at)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // taken away meanwhile
		}
		if err != nil {
			return fmt.Errorf("a file of the register can't be read: %w", err)
		}
		defer in.Close()
		info, err := in.Stat()
		if err != nil {
			return err
		}
		return addFile(ctx, w, b, file, info.ModTime().UTC().Format(time.DateOnly), in)
	})
}

// addFile keeps a file that was changed last on a day.
func addFile(ctx context.Context, w *backup.Writer, b *backup.Backup, file, day string, in io.Reader) error {
	pieces, size, err := w.AddFile(ctx, in)
	if err == nil {
		b.Files = append(b.Files, backup.File{Path: file, Day: day, Size: size, Pieces: pieces})
	}
	return err
}

// backUpSealed keeps the sealed files that stay, from the folder or the bucket.
// One that an earlier backup has is not read again: they never change. It
// answers those that are not where they should be.
func (r *Registry) backUpSealed(ctx context.Context, w *backup.Writer, b, earlier *backup.Backup) (missing []string, err error) {
	known := map[string]backup.File{}
	for _, f := range earlier.Files {
		known[f.Path] = f
	}
	err = r.files.All(func(id evidence.ID, comes bool) error {
		if comes {
			if named, err := r.cameToStay(ctx, id); err != nil || !named {
				return err
			}
		}
		file := path.Join(evidenceDir, id.String())
		if old, ok := known[file]; ok && !slices.ContainsFunc(old.Pieces, func(p backup.Piece) bool { return !w.Has(p) }) {
			b.Files = append(b.Files, old)
			return nil
		}
		in, err := r.files.Raw(ctx, id)
		if errors.Is(err, evidence.ErrMissing) {
			if there, hasErr := r.files.Has(id); hasErr == nil && there {
				missing = append(missing, file)
			}
			return nil // else it was erased meanwhile
		}
		if err != nil {
			return err
		}
		defer in.Close()
		return addFile(ctx, w, b, file, r.Today().String(), in)
	})
	return missing, err
}

// cameToStay tells whether a file that is coming in is named by an entry already.
func (r *Registry) cameToStay(ctx context.Context, id evidence.ID) (bool, error) {
	var begun begunFile
	note, err := r.files.NoteOf(id)
	if err == nil && note != nil {
		if begun, err = r.readBegun(id, note); err != nil {
			return false, nil //nolint:nilerr // nobody can go on with it
		}
	}
	if err != nil {
		return false, err
	}
	return r.namesFile(ctx, id, begun.Stream)
}

// backedFigures is what is counted when a backup is made, to be counted again in
// what is restored of it.
type backedFigures struct {
	AsOf    string              `json:"as_of"`
	KnownBy time.Time           `json:"known_by"`
	Rules   string              `json:"rules"` // hash of the figures' definitions
	Values  []index.FigureValue `json:"values"`
}

func (r *Registry) backedFigures(ctx context.Context) (json.RawMessage, error) {
	stats, err := r.index.Stats(ctx, allKnown, nil)
	if err != nil {
		return nil, err
	}
	day := r.Today()
	f := backedFigures{AsOf: day.String(), KnownBy: stats.Latest, Rules: r.figureRules()}
	if f.Values, err = r.index.Figures(ctx, Clock{AsOf: day, KnownBy: stats.Latest}, index.Coalition, false, nil); err != nil {
		return nil, err
	}
	return json.Marshal(f)
}

// figureRules is a hash of how figures are defined.
func (r *Registry) figureRules() string {
	text, err := json.Marshal(r.rules.Figures())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Backups are the backups of a place, the newest last.
func (r *Registry) Backups(ctx context.Context, s *access.Session, in BackupPlace) (_ []BackupView, err error) {
	defer r.refusal(ctx, s, "backup", "", &err)
	in, store, repo, err := r.backups(s, in)
	if err != nil {
		return nil, err
	}
	names, err := backup.Names(ctx, store)
	if err != nil {
		return nil, err
	}
	kept, err := r.keptBackups()
	if err != nil {
		return nil, err
	}
	proven := map[string]time.Time{}
	for _, p := range kept.Places {
		if p.At.Where() == in.Where() {
			proven[p.Proven.Name] = p.Proven.On
		}
	}
	views := []BackupView{}
	for _, name := range names {
		b, err := repo.Read(ctx, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		v := BackupView{Name: name, Damaged: fmt.Sprint(err)}
		if err == nil {
			v = backupView(b)
		}
		v.Proven = proven[name]
		views = append(views, v)
	}
	return views, nil
}

// BackupReport says what was found of the backups of a place.
type BackupReport = backup.Report

// VerifyBackups reads every piece that the backups of a place need, and names
// each that is not what was put there; quick sees only whether they are there.
func (r *Registry) VerifyBackups(ctx context.Context, s *access.Session, in BackupPlace, quick bool, step func(done, all int)) (_ BackupReport, err error) {
	defer r.refusal(ctx, s, "backup", "", &err)
	_, _, repo, err := r.backups(s, in)
	if err != nil {
		return BackupReport{}, err
	}
	return repo.Verify(ctx, quick, step)
}

// BackupKeep says which backups are kept.
type BackupKeep = backup.Keep

// BackupsPruned is what was taken away of backups.
type BackupsPruned = backup.Pruned

// PruneBackups takes away the backups that are not kept, and what only they
// needed. dry only says what would go.
func (r *Registry) PruneBackups(ctx context.Context, s *access.Session, in BackupPlace, keep BackupKeep, dry bool) (out BackupsPruned, err error) {
	act := actBackup
	if dry {
		act = ""
	}
	defer r.did(ctx, s, act, "backup_pruned", &err)
	_, store, repo, err := r.backups(s, in)
	if err != nil {
		return out, err
	}
	release, err := store.Lock(ctx)
	if err != nil {
		return out, err
	}
	out, err = repo.Prune(ctx, keep, r.now(), dry)
	return out, errors.Join(err, release())
}
