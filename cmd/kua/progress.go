// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// bar shows how far a long task is, on a terminal only.
type bar struct {
	all *mpb.Progress
	one *mpb.Bar
}

// progress begins a bar on standard error. Where that is no terminal, or the
// answer is JSON, it shows nothing.
func (p *program) progress(name string, total int) *bar {
	f, ok := p.err.(*os.File)
	if !ok || p.json || !term.IsTerminal(int(f.Fd())) {
		return &bar{}
	}
	all := mpb.New(mpb.WithOutput(f), mpb.WithWidth(40))
	return &bar{all: all, one: all.AddBar(int64(total),
		mpb.PrependDecorators(decor.Name(name+" ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d of %d")),
		mpb.BarRemoveOnComplete())}
}

func (b *bar) step(done, total int) {
	if b.one != nil {
		b.one.SetTotal(int64(total), false)
		b.one.SetCurrent(int64(done))
	}
}

func (b *bar) end() {
	if b.one != nil {
		b.one.SetTotal(-1, true)
		b.all.Wait()
	}
}
