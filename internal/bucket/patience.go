// SPDX-License-Identifier: AGPL-3.0-or-later

package bucket

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("nothing came")

// patience ends what makes no progress for a while: a slow line is waited for,
// one that is silent is not.
type patience struct {
	timer  *time.Timer
	long   time.Duration
	cancel context.CancelCauseFunc
}

func (b *Bucket) patient(ctx context.Context) (context.Context, *patience) {
	ctx, cancel := context.WithCancelCause(ctx)
	p := &patience{long: b.patience, cancel: cancel}
	p.timer = time.AfterFunc(p.long, func() { cancel(errStalled) })
	return ctx, p
}

// touch says that something has come.
func (p *patience) touch() { p.timer.Reset(p.long) }

// pause says that nothing is waited for.
func (p *patience) pause() { p.timer.Stop() }

func (p *patience) end() {
	p.timer.Stop()
	p.cancel(context.Canceled)
}

// sending is a body on its way to the store, which may be sent again from its beginning.
type sending struct {
	*io.SectionReader
	p *patience
}

func (s *sending) Read(to []byte) (int, error) {
	s.p.touch()
	return s.SectionReader.Read(to)
}
