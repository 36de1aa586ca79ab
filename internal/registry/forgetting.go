// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/seal"
)

// ForgetKeyLasts is the retention: so long after it was made a forgetting key
// is destroyed, and with it every older copy of the table of wrapped keys. What
// was erased while it was in use can be brought back from no backup after that.
const ForgetKeyLasts = 35 * 24 * time.Hour

// clockSlack is how far ahead of the clock a key may have been made before the
// clock of that time is taken to have been wrong.
const clockSlack = 24 * time.Hour

const (
	forgettingEnding = ".forgetting" // of the directory beside the register's
	copiesLabel      = "kua/forget-copies/v1"
	copyFolder       = "kua-forgetting"
)

// What somebody who looks after the forgetting keys can be told.
var (
	// ErrCopyInside says that a copy would lie in the register's own directory.
	ErrCopyInside = errors.New("a copy of the forgetting keys must not lie in the register's directory or beside its own keys: a backup that holds both brings back what was erased; give a folder on another medium")
	// ErrNoCopyFolder says that the folder for a copy is not there.
	ErrNoCopyFolder = errors.New("the folder for the copy is not there: is the medium plugged in?")
	// ErrNoForgetKeys says that a folder holds no forgetting key of this register.
	ErrNoForgetKeys = errors.New("there is no forgetting key of this register in that folder")
)

// forgetKeys are the forgetting keys of an open register. They lie in a
// directory beside the register's, never in it: a copy of the register's
// directory leaves them out, whoever makes it and with whatever program.
type forgetKeys struct {
	mu   sync.Mutex
	dir  string
	keys []*seal.ForgetKey // the newest last; the older ones are kept for backups alone

	ended map[seal.ForgetID]bool // those that another machine has ended, until they have here
}

// forgettingDir is where the forgetting keys of the register lie.
func (r *Registry) forgettingDir() (string, error) {
	if r.opt.Forgetting != "" {
		return filepath.Abs(r.opt.Forgetting)
	}
	dir, err := realPath(r.dir)
	if err != nil {
		return "", fmt.Errorf("the register's directory: %w", err)
	}
	return dir + forgettingEnding, nil
}

// realPath is the path of what is there, with no link in it.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	return path, err
}

// readForgetting reads the forgetting keys of the node from a folder. One that
// can't be opened counts as not there.
func (r *Registry) readForgetting(dir string) ([]*seal.ForgetKey, error) {
	files, err := filepath.Glob(filepath.Join(dir, r.forgetPattern()))
	if err != nil {
		return nil, err
	}
	var keys []*seal.ForgetKey
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("a forgetting key can't be read: %w", err)
		}
		key, err := seal.OpenForgetKey(r.node, b)
		if err != nil || r.forgetFile(key) != filepath.Base(f) {
			r.opt.Log.Warn("a forgetting key is damaged and does not count", slog.String("file", filepath.Base(f)))
			continue
		}
		keys = append(keys, key)
	}
	r.sortForgetting(keys)
	return keys, nil
}

// sortForgetting puts the newest last. One made by a clock that was ahead
// stands first: it is replaced at once.
func (r *Registry) sortForgetting(keys []*seal.ForgetKey) {
	made := func(k *seal.ForgetKey) time.Time {
		if r.ahead(k) {
			return time.Time{}
		}
		return k.Made()
	}
	slices.SortFunc(keys, func(a, b *seal.ForgetKey) int {
		x, y := a.ID(), b.ID()
		return cmp.Or(made(a).Compare(made(b)), slices.Compare(x[:], y[:]))
	})
}

func (r *Registry) ahead(k *seal.ForgetKey) bool { return k.Made().After(r.now().Add(clockSlack)) }

// over tells whether the retention of a key has ended.
func (r *Registry) over(k *seal.ForgetKey) bool {
	return r.ahead(k) || !r.now().Before(k.Made().Add(ForgetKeyLasts))
}

// due tells whether a new key must be made in the place of the newest.
func (r *Registry) due(k *seal.ForgetKey) bool {
	y, m, _ := k.Made().Date()
	year, month, _ := r.now().UTC().Date()
	return r.ahead(k) || year > y || year == y && month > m
}

// nodeName tells the files of registers apart that share a folder.
func (r *Registry) nodeName() string {
	id := r.node.ID()
	return hex.EncodeToString(id[:4])
}

func (r *Registry) forgetFile(k *seal.ForgetKey) string {
	id := k.ID()
	return k.Made().Format("2006-01") + "-" + r.nodeName() + "-" + hex.EncodeToString(id[:]) + ".key"
}

func (r *Registry) forgetPattern() string { return "????-??-" + r.nodeName() + "-*.key" }

// openForgetting reads the forgetting keys before the ledger is opened.
func (r *Registry) openForgetting(create bool) error {
	dir, err := r.forgettingDir()
	if err != nil {
		return err
	}
	r.forget = &forgetKeys{dir: dir}
	if r.forget.keys, err = r.readForgetting(dir); err != nil {
		return err
	}
	if create {
		return r.newForgetKey()
	}
	return nil
}

// whyForgotten says what to do where the forgetting key is missing.
func (r *Registry) whyForgotten(err error) error {
	if !errors.Is(err, ledger.ErrForgetKey) {
		return err
	}
	return fmt.Errorf("%w: it belongs in %s, which a backup of the register leaves out on purpose; bring it back from its copy with 'kua forget restore FOLDER'; nothing was changed", err, r.forget.dir)
}

// newForgetKey makes a forgetting key and keeps it. Called with forget.mu held, or by the only one.
func (r *Registry) newForgetKey() error {
	if err := r.makeForgettingDir(); err != nil {
		return err
	}
	key := seal.NewForgetKey(r.now())
	if err := r.writeForget(r.forget.dir, key); err != nil {
		return err
	}
	r.forget.keys = append(r.forget.keys, key)
	return nil
}

func (r *Registry) writeForget(dir string, key *seal.ForgetKey) error {
	sealed, err := key.Seal(r.node)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, r.forgetFile(key)), unfinished+r.nodeName()+"-*", sealed)
}

// makeForgettingDir makes the directory of the forgetting keys, unless what is
// beside the register's directory would not outlive it.
func (r *Registry) makeForgettingDir() error {
	if _, err := os.Stat(r.forget.dir); err == nil {
		return nil
	}
	const elsewhere = "say where they may lie with --forgetting DIR (or KUA_FORGETTING): a directory that stays, outside the register's and outside its backups"
	if r.opt.Forgetting == "" {
		own, ok := device(r.dir)
		parent, ok2 := device(filepath.Dir(r.forget.dir))
		if ok && ok2 && own != parent {
			return fmt.Errorf("the register's directory is a disk of its own, and the forgetting keys must not lie on it; %s", elsewhere)
		}
	}
	if err := os.MkdirAll(r.forget.dir, 0o700); err != nil {
		return fmt.Errorf("the forgetting keys lie beside the register, and there they can't be made: %w; %s", err, elsewhere)
	}
	return writeFile(filepath.Join(r.forget.dir, "README.txt"), unfinished+"*", []byte(forgettingReadme))
}

const forgettingReadme = `Forgetting keys of a Kua register. Without them the register beside this folder
can't be opened. Do not put them into the same backup as the register: that
would bring back what was erased. Keep a copy on another medium, kept apart:
    kua --registry DIR forget copy FOLDER

Ключи забвения реестра Kua. Без них реестр рядом с этой папкой не открыть.
Не кладите их в ту же резервную копию, что и реестр: она вернула бы стёртое.
Держите копию на другом носителе, отдельно:
    kua --registry DIR forget copy FOLDER

Kua тізілімінің ұмыту кілттері. Оларсыз осы қалтаның жанындағы тізілім ашылмайды.
Оларды тізіліммен бір сақтық көшірмеге салмаңыз: өшірілген нәрсе қайта оралар еді.
Көшірмесін бөлек, басқа тасымалдағышта сақтаңыз:
    kua --registry DIR forget copy FOLDER
`

// turnForgetting does what the calendar asks for: a new key in a new month,
// all wrapped keys put under it, the old keys destroyed once their retention
// has ended. At once makes a new key whatever the month and destroys all
// others. It can be cut short anywhere: the next time goes on.
func (r *Registry) turnForgetting(ctx context.Context, atOnce bool) error {
	end, err := r.keysTurn(ctx) // another machine may have made the new key already
	if err != nil {
		return err
	}
	defer end()
	f := r.forget
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := r.finishDestroying(f.dir); err != nil {
		return err
	}
	turned := false
	if len(f.keys) == 0 || r.due(f.keys[len(f.keys)-1]) || atOnce {
		if err := r.newForgetKey(); err != nil {
			return err
		}
		turned = true
	}
	if turned && r.nodes != nil { // before anything lies under it
		if err := r.handForgetting(ctx, f.keys); err != nil {
			return err
		}
	}
	left, err := r.log.Rewrap(ctx, f.keys)
	if err != nil {
		return r.whyNot(err)
	}
	if left > 0 {
		r.opt.Log.Error("wrapped keys can't be opened by any forgetting key and were left as they are: 'kua verify --deep' says which", slog.Int("keys", left))
	}
	if err := r.turnDrafts(ctx, f.keys); err != nil {
		return r.whyNot(err)
	}
	newest := f.keys[len(f.keys)-1]
	var kept []*seal.ForgetKey
	for _, k := range f.keys {
		if k == newest || !atOnce && !r.over(k) && !f.ended[k.ID()] {
			kept = append(kept, k)
			continue
		}
		if err := r.destroyForget(f.dir, r.forgetFile(k)); err != nil {
			return err
		}
		turned = true
	}
	f.keys = kept
	if _, err := r.log.Rewrap(ctx, []*seal.ForgetKey{newest}); err != nil { // lets go of the others
		return err
	}
	if turned {
		r.followCopies()
	}
	if atOnce && r.nodes != nil { // so that the others destroy theirs
		return r.handForgetting(ctx, kept)
	}
	return nil
}

// destroyForget overwrites and removes a key. It is renamed first, so that one
// half overwritten is never taken for a damaged key.
func (r *Registry) destroyForget(dir, name string) error {
	ending := filepath.Join(dir, ".ending-"+r.nodeName()+"-"+name)
	err := os.Rename(filepath.Join(dir, name), ending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err == nil {
		err = overwriteAndRemove(ending)
	}
	if err != nil {
		return fmt.Errorf("an old forgetting key can't be destroyed: %w", err)
	}
	return nil
}

// finishDestroying does away with what an interrupted writing or destroying left.
func (r *Registry) finishDestroying(dir string) error {
	for _, begins := range []string{".ending-", unfinished} {
		left, err := filepath.Glob(filepath.Join(dir, begins+r.nodeName()+"-*"))
		if err != nil {
			return err
		}
		for _, f := range left {
			if err := overwriteAndRemove(f); err != nil {
				return fmt.Errorf("an old forgetting key can't be destroyed: %w", err)
			}
		}
	}
	return nil
}

func overwriteAndRemove(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = errors.Join(overwrite(f), f.Close())
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

// Tend does what the clock asks for of a register that stays open: call it
// every few minutes.
func (r *Registry) Tend(ctx context.Context) error {
	r.finishAudit(ctx)
	r.writing.Lock()
	defer r.writing.Unlock()
	if r.beside {
		return nil
	}
	if err := r.tendUploads(); err != nil {
		return err
	}
	f := r.forget
	f.mu.Lock()
	newest := f.keys[len(f.keys)-1]
	idle := !r.due(newest) && !slices.ContainsFunc(f.keys, func(k *seal.ForgetKey) bool { return k != newest && r.over(k) })
	f.mu.Unlock()
	if idle {
		return nil
	}
	return r.turnForgetting(ctx, false)
}

// ErasureFinal is when an erasure of today can't be undone from any backup any
// more, if the register is opened then or runs: the retention of the newest
// forgetting key ends.
func (r *Registry) ErasureFinal() time.Time {
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	if len(r.forget.keys) == 0 { // beside a program that has not yet made one
		return r.now().Add(ForgetKeyLasts)
	}
	return r.forget.keys[len(r.forget.keys)-1].Made().Add(ForgetKeyLasts)
}

// ForgettingView says how it stands with the forgetting keys.
type ForgettingView struct {
	Dir    string          `json:"dir"`
	Keys   []ForgetKeyView `json:"keys"`   // the newest last
	Copies []CopyView      `json:"copies"` // as far as this register made them
	Final  time.Time       `json:"final"`  // see ErasureFinal
}

// ForgetKeyView is a forgetting key that has not been destroyed.
type ForgetKeyView struct {
	Month string    `json:"month"` // 2006-01, in which it was made
	Made  time.Time `json:"made"`
	Ends  time.Time `json:"ends"` // is destroyed, if another is in use by then
}

// CopyView is a place where a copy of the forgetting keys was made.
type CopyView struct {
	Folder string    `json:"folder"`
	At     time.Time `json:"at"` // when it was last made
	There  bool      `json:"there"`
	// Stale: it lacks the newest key. Without a copy of it, a backup made now
	// can't be restored once this machine is lost.
	Stale bool `json:"stale"`
	// Behind: it lacks erasures that were made since. What is restored with it
	// brings them back.
	Behind bool `json:"behind"`
	// Holds tells whether it still holds a key that is destroyed here: until
	// the copy is made again, erasures of that month are not final.
	Holds bool `json:"holds"`
}

// copied is what is remembered of a copy.
type copied struct {
	Folder string    `json:"folder"`
	At     time.Time `json:"at"`
	Keys   []string  `json:"keys"` // the files
}

// Forgetting says how it stands with the forgetting keys and their copies.
func (r *Registry) Forgetting(s *access.Session) (ForgettingView, error) {
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ForgettingView{}, ErrNotAllowed
	}
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	copies, err := r.copies()
	if err != nil {
		return ForgettingView{}, err
	}
	erased, err := r.erasures()
	if err != nil {
		return ForgettingView{}, err
	}
	v := ForgettingView{Dir: r.forget.dir}
	var here []string
	for _, k := range r.forget.keys {
		v.Keys = append(v.Keys, ForgetKeyView{k.Made().Format("2006-01"), k.Made(), k.Made().Add(ForgetKeyLasts)})
		here = append(here, r.forgetFile(k))
	}
	if len(here) == 0 { // beside a program that has not yet made one
		return v, nil
	}
	newest := here[len(here)-1]
	v.Final = v.Keys[len(v.Keys)-1].Ends
	for _, c := range copies {
		view := CopyView{Folder: c.Folder, At: c.At, Stale: !slices.Contains(c.Keys, newest)}
		view.Behind = len(erased) > 0 && erased[len(erased)-1].At.After(c.At.Add(time.Second))
		_, err := os.Stat(c.Folder)
		view.There = err == nil
		view.Holds = slices.ContainsFunc(c.Keys, func(k string) bool { return !slices.Contains(here, k) })
		v.Copies = append(v.Copies, view)
	}
	return v, nil
}

// CopyForgetting copies the forgetting keys to a folder on another medium,
// destroys there what is destroyed here, and remembers the folder: where it is
// at hand when the month turns, the copy follows by itself.
func (r *Registry) CopyForgetting(s *access.Session, folder string) (_ CopyView, err error) {
	defer r.did(context.Background(), s, actKeys, "keys_copied", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return CopyView{}, ErrNotAllowed
	}
	folder, err = realPath(folder)
	if info, statErr := os.Stat(folder); err != nil || statErr != nil || !info.IsDir() {
		return CopyView{}, ErrNoCopyFolder
	}
	if err := r.notOwn(folder, ErrCopyInside); err != nil {
		return CopyView{}, err
	}
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	c, err := r.copyTo(folder)
	if err != nil {
		return CopyView{}, err
	}
	copies, err := r.copies()
	if err != nil {
		return CopyView{}, err
	}
	copies = slices.DeleteFunc(copies, func(old copied) bool { return old.Folder == folder })
	if err := r.keepCopies(append(copies, c)); err != nil {
		return CopyView{}, err
	}
	return CopyView{Folder: folder, At: c.At, There: true}, nil
}

// DropCopy lets go of a copy that was destroyed by hand, or is lost. Of a lost
// one the status can't know any more whether it brings back what was erased.
func (r *Registry) DropCopy(s *access.Session, folder string) (err error) {
	defer r.did(context.Background(), s, actKeys, "keys_copy_dropped", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return ErrNotAllowed
	}
	folder, err = filepath.Abs(folder)
	if err != nil {
		return err
	}
	r.forget.mu.Lock()
	defer r.forget.mu.Unlock()
	copies, err := r.copies()
	if err != nil {
		return err
	}
	kept := slices.DeleteFunc(slices.Clone(copies), func(c copied) bool { return c.Folder == folder })
	if len(kept) == len(copies) {
		return ErrNoCopyFolder
	}
	return r.keepCopies(kept)
}

// notOwn answers inside for a folder that lies in the register's directory or
// beside its forgetting keys.
func (r *Registry) notOwn(folder string, inside error) error {
	folder, err := realPath(folder)
	if err != nil {
		return err
	}
	own, err := realPath(r.dir)
	if err == nil && (within(folder, own) || within(folder, r.forget.dir)) {
		err = inside
	}
	return err
}

func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// copyTo makes the copy in a folder the same as what is here. Called with forget.mu held.
func (r *Registry) copyTo(folder string) (copied, error) {
	dir := filepath.Join(folder, copyFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return copied{}, fmt.Errorf("the copy can't be made: %w", err)
	}
	if err := r.finishDestroying(dir); err != nil {
		return copied{}, err
	}
	c := copied{Folder: folder, At: r.now().UTC().Truncate(time.Second)}
	for _, k := range r.forget.keys {
		if err := r.writeForget(dir, k); err != nil {
			return copied{}, err
		}
		c.Keys = append(c.Keys, r.forgetFile(k))
	}
	erased, err := r.erasures()
	if err == nil && len(erased) > 0 {
		err = r.writeErasures(dir, erased)
	}
	if err != nil {
		return copied{}, err
	}
	there, err := filepath.Glob(filepath.Join(dir, r.forgetPattern()))
	if err != nil {
		return copied{}, err
	}
	for _, f := range there {
		if name := filepath.Base(f); !slices.Contains(c.Keys, name) {
			if err := r.destroyForget(dir, name); err != nil {
				return copied{}, err
			}
		}
	}
	return c, nil
}

// followCopies brings the copies up to date whose medium is at hand; the
// others stay as the status says they are. Called with forget.mu held.
func (r *Registry) followCopies() {
	copies, err := r.copies()
	for i, c := range copies {
		if _, statErr := os.Stat(filepath.Join(c.Folder, copyFolder)); statErr != nil {
			continue
		}
		fresh, copyErr := r.copyTo(c.Folder)
		if copyErr == nil {
			copies[i] = fresh
		}
		err = errors.Join(err, copyErr)
	}
	if err == nil && len(copies) > 0 {
		err = r.keepCopies(copies)
	}
	if err != nil {
		r.opt.Log.Error("a copy of the forgetting keys could not follow: 'kua forget status' says which", slog.Any("error", err))
	}
}

func (r *Registry) copiesFile() string { return filepath.Join(r.forget.dir, "copies-"+r.nodeName()) }

// copies reads which copies were made.
func (r *Registry) copies() ([]copied, error) {
	sealed, err := os.ReadFile(r.copiesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := r.node.OpenOwn(copiesLabel, sealed)
	if err != nil {
		return nil, fmt.Errorf("the list of the copies: %w", err)
	}
	var copies []copied
	if err := json.Unmarshal(text, &copies); err != nil {
		return nil, fmt.Errorf("the list of the copies: %w", seal.ErrFormat)
	}
	return copies, nil
}

func (r *Registry) keepCopies(copies []copied) error {
	text, err := json.Marshal(copies)
	if err != nil {
		return err
	}
	sealed, err := r.node.SealOwn(copiesLabel, text)
	if err != nil {
		return err
	}
	return writeFile(r.copiesFile(), unfinished+r.nodeName()+"-*", sealed)
}

// ForgetNow makes erasures final at once: a new forgetting key, and all older
// ones destroyed. No backup made before can be restored any more: make a new
// copy and a new backup right after it.
func (r *Registry) ForgetNow(ctx context.Context, s *access.Session) (err error) {
	defer r.did(ctx, s, actKeys, "keys_forgotten", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
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
	return r.turnForgetting(ctx, true)
}

// RestoreForgetting brings the forgetting keys of the register in dir back
// from a copy: after a restore from a backup, or on another machine. It
// answers how many there are now.
func RestoreForgetting(dir string, unlock Unlock, from string, opt Options) (int, error) {
	opt = opt.orStandard()
	r, err := prepare(dir, opt)
	if err != nil {
		return 0, err
	}
	if _, err := r.unlock(unlock); err != nil {
		return 0, err
	}
	keys, err := r.readForgetting(filepath.Join(from, copyFolder))
	if err == nil && len(keys) == 0 {
		keys, err = r.readForgetting(from)
	}
	if err != nil {
		return 0, err
	}
	if len(keys) == 0 {
		return 0, ErrNoForgetKeys
	}
	if err := r.openForgetting(false); err != nil {
		return 0, err
	}
	if err := r.makeForgettingDir(); err != nil {
		return 0, err
	}
	for _, k := range keys {
		if err := r.writeForget(r.forget.dir, k); err != nil {
			return 0, err
		}
	}
	all, err := r.readForgetting(r.forget.dir)
	if err != nil {
		return 0, err
	}
	r.forget.keys = all // before a copy at hand is made the same
	for _, folder := range []string{from, filepath.Join(from, copyFolder)} {
		known, err := r.erasuresIn(folder)
		if err == nil {
			err = r.addErasures(known)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(all), nil
}
