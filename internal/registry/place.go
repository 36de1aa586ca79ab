// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/bucket"
	"github.com/kua-registry/kua/internal/evidence"
	"github.com/kua-registry/kua/internal/ledger"
)

// The file of the bucket in which sealed files may stay, sealed to the node. It
// is no part of the ledger: a secret that was changed is gone.
const placeFile, placeLabel = "place", "kua/place/v1"

const (
	placeAsk   = 20 * time.Second // after which a bucket that is asked whether it is there is not
	carryAgain = 5 * time.Minute  // after which a bucket that did not take a file is offered it again
)

// What somebody can be told about the place of files.
var (
	// ErrAway says that a bucket does not hand out a file just now.
	ErrAway = evidence.ErrAway
	// ErrBucket says that a bucket can't be meant.
	ErrBucket = bucket.ErrOptions
	// ErrNoPlace says that there is no bucket.
	ErrNoPlace = errors.New("no bucket is set up: all files are in the folder of the register; 'kua evidence place s3' sets one up")
	// ErrPlaceAway says that files are in another bucket.
	ErrPlaceAway = errors.New("files are in the bucket that is set up, and not in this one: copy them over with a program of the store, or bring them home first with 'kua evidence place folder'")
)

// Bucket is a bucket of an object store that speaks S3, in which sealed files may stay.
type Bucket struct {
	Endpoint  string // https://host[:port]; http:// of this machine alone
	Name      string
	Region    string // empty: the store says it
	Prefix    string // of the names of the objects; what follows is the file's id
	AccessKey string
	Secret    string `json:",omitempty"`
}

func (b Bucket) open() (*bucket.Bucket, error) {
	return bucket.Open(bucket.Options{Endpoint: b.Endpoint, Bucket: b.Name, Region: b.Region, Prefix: b.Prefix, AccessKey: b.AccessKey, Secret: b.Secret})
}

// sameStore tells whether two are one bucket, opened by one key.
func (b Bucket) sameStore(as Bucket) bool {
	return b.Endpoint == as.Endpoint && b.Name == as.Name && b.AccessKey == as.AccessKey
}

// placed is what is kept of a bucket.
type placed struct {
	Bucket Bucket        `json:"bucket"`
	Manner bucket.Manner `json:"manner"` // as it was when it was set up
	Home   bool          `json:"home,omitempty"`
}

// PlaceView is where sealed files are, as administrators see it. The secret is
// shown to nobody.
type PlaceView struct {
	On       bool
	Bucket   Bucket // without its secret
	Here     int    // files in the folder; with a bucket, they wait to go there
	Away     int    // files in the bucket
	Going    int    // files of what was erased that are still to be taken out of the bucket
	Home     bool   // all are being brought back to the folder
	Versions bool   // the bucket keeps older versions
	Locked   bool   // the bucket may keep what it was given, whatever is asked of it
	Why      string // it was asked, and does not answer; empty: it does, or was not asked
}

func (r *Registry) place() (placed, error) {
	var p placed
	err := r.openSealed(placeFile, placeLabel, &p)
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNoPlace
	}
	return p, err
}

// openPlace makes the bucket ready that is set up, if one is. Nobody is asked.
func (r *Registry) openPlace() error {
	p, err := r.place()
	if errors.Is(err, ErrNoPlace) {
		return nil
	}
	if err != nil {
		return err
	}
	b, err := p.Bucket.open()
	if err != nil {
		return err
	}
	r.files.At(b)
	return nil
}

func (r *Registry) placeView() (v PlaceView, err error) {
	p, err := r.place()
	switch {
	case err == nil:
		p.Bucket.Secret = ""
		v = PlaceView{On: true, Bucket: p.Bucket, Home: p.Home, Versions: p.Manner.Versions, Locked: p.Manner.Locked}
	case !errors.Is(err, ErrNoPlace):
		return v, err
	}
	c, err := r.files.Count()
	v.Here, v.Away, v.Going = c.Here, c.Away, c.Going
	return v, err
}

// Place says where sealed files are. ask has the bucket asked whether it answers.
func (r *Registry) Place(ctx context.Context, s *access.Session, ask bool) (_ PlaceView, err error) {
	defer r.refusal(ctx, s, "place", "", &err)
	if !access.Decide(s.Member, access.Administer, access.Thing{}) {
		return PlaceView{}, ErrNotAllowed
	}
	v, err := r.placeView()
	if err != nil || !ask || !v.On {
		return v, err
	}
	p, err := r.place()
	if err != nil {
		return v, err
	}
	b, err := p.Bucket.open()
	if err != nil {
		return v, err
	}
	within, cancel := context.WithTimeout(ctx, placeAsk)
	defer cancel()
	id := ledger.NewID()
	if _, err := b.Size(within, id.String()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.Why = whyNoAnswer(ctx, err)
	}
	return v, ctx.Err()
}

func whyNoAnswer(ctx context.Context, err error) string {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = bucket.ErrSilent
	}
	return err.Error()
}

// SetPlace lets sealed files stay in a bucket from now on. It is tried first,
// with a few random bytes. An empty secret keeps the one there was, if it is the
// same bucket by the same key. Files that lie in the folder go there when Carry
// is called.
func (r *Registry) SetPlace(ctx context.Context, s *access.Session, b Bucket) (_ PlaceView, err error) {
	defer r.did(ctx, s, actPlace, "place", &err)
	if err := r.mayLookAfter(s); err != nil {
		return PlaceView{}, err
	}
	if r.beside {
		return PlaceView{}, ledger.ErrLocked
	}
	old, err := r.place()
	same := err == nil && old.Bucket.sameStore(b)
	if same && b.Secret == "" {
		b.Secret = old.Bucket.Secret
	}
	if n := r.nodes; n != nil && !same && len(n.others()) > 0 { // this one alone can't tell what they have put there
		return PlaceView{}, ErrOtherNodes
	}
	store, err := b.open()
	if err != nil {
		return PlaceView{}, err
	}
	manner, err := store.Try(ctx)
	if err != nil {
		return PlaceView{}, fmt.Errorf("the bucket was tried, and nothing was changed: %w", err)
	}
	missing, err := r.files.Fits(ctx, store)
	if err != nil {
		return PlaceView{}, err
	}
	if missing > 0 {
		return PlaceView{}, fmt.Errorf("%d %w", missing, ErrPlaceAway)
	}
	if err := r.keepSealed(placeFile, placeLabel, placed{Bucket: b, Manner: manner}); err != nil {
		return PlaceView{}, err
	}
	r.files.At(store)
	r.hasKept()
	return r.placeView()
}

// EndPlace brings all files back from the bucket to the folder, and lets go of
// it. step is told how many are back, of how many. What could not be brought is
// brought when it is called again; until then nothing new goes there.
func (r *Registry) EndPlace(ctx context.Context, s *access.Session, step func(done, all int)) (_ PlaceView, err error) {
	defer r.did(ctx, s, actPlace, "place", &err)
	if err := r.mayLookAfter(s); err != nil {
		return PlaceView{}, err
	}
	if r.beside {
		return PlaceView{}, ledger.ErrLocked
	}
	if n := r.nodes; n != nil && len(n.others()) > 0 {
		return PlaceView{}, ErrOtherNodes
	}
	p, err := r.place()
	if err != nil {
		return PlaceView{}, err
	}
	p.Home = true
	if err := r.keepSealed(placeFile, placeLabel, p); err != nil {
		return PlaceView{}, err
	}
	failed := r.files.Home(ctx, step)
	c, err := r.files.Count()
	if err != nil {
		return PlaceView{}, err
	}
	if failed != nil && (c.Away > 0 || c.Going == 0) {
		return PlaceView{}, fmt.Errorf("%d files are still in the bucket, nothing is lost, and the same command goes on: %w", c.Away, r.whyNot(failed))
	}
	// A bucket that keeps what it was given does not keep us.
	if err := r.removeKey(placeFile); err != nil {
		return PlaceView{}, err
	}
	r.files.At(nil)
	return r.placeView()
}

// hasKept has files carried to the bucket, where there is one.
func (r *Registry) hasKept() {
	select {
	case r.kept <- struct{}{}:
	default: // it is known already
	}
}

// Carry takes the files that stay to the bucket, where one is set up, and those
// of what was erased out of it, and answers when none waits or the bucket does
// not do as it is asked. What waits is lost by nothing.
func (r *Registry) Carry(ctx context.Context) error {
	if r.beside {
		return nil
	}
	p, err := r.place()
	if errors.Is(err, ErrNoPlace) || err == nil && p.Home {
		return nil
	}
	if err != nil {
		return err
	}
	return r.files.Carry(ctx)
}

// KeepCarrying carries, whenever a file was kept and again where it failed, until
// ctx ends. Call it while the register stays open.
func (r *Registry) KeepCarrying(ctx context.Context) {
	again := time.NewTicker(carryAgain)
	defer again.Stop()
	failed := ""
	for {
		err := r.Carry(ctx)
		if ctx.Err() != nil {
			return
		}
		switch why := fmt.Sprint(err); {
		case err != nil && why != failed: // once
			failed = why
			c, _ := r.files.Count()
			r.opt.Log.Warn("files wait to go to the bucket, or out of it: it is asked again every few minutes, and nothing is lost", slog.Int("wait", c.Here+c.Going), slog.String("why", why))
		case err == nil:
			failed = ""
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-r.kept:
		}
	}
}
