// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"io"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/edtf"
	"github.com/kua-registry/kua/internal/registry"
)

const (
	captureOne    = "94000000000000000000000000000001"
	captureClosed = "94000000000000000000000000000002"
	captureBroken = "94000000000000000000000000000003"
)

// fakeCaptures are the stored copies of the invented register.
func fakeCaptures() []registry.CaptureView {
	return []registry.CaptureView{
		{ID: captureOne, Publication: sourceID, Name: hostile + ".html", SHA256: strings.Repeat("0a", 32), Media: "html", Bytes: 40960, Taken: edtf.MustParse("2022-03-15"), At: moment("2022-06-01T09:00:00Z"), MayOpen: true},
		{ID: captureClosed, Publication: sourceID, Media: "pdf", Bytes: 100, At: moment("2022-06-01T09:00:00Z")},
	}
}

func (f *fake) AddCapture(ctx context.Context, _ *access.Session, n registry.NewCapture) (registry.CaptureView, error) {
	if f.refuses != nil {
		return registry.CaptureView{}, f.refuses
	}
	text, err := io.ReadAll(n.Content)
	if err != nil {
		return registry.CaptureView{}, err
	}
	if len(text) == 0 {
		return registry.CaptureView{}, registry.ErrCaptureEmpty
	}
	f.stored, f.content = &n, string(text)
	return f.captures[0], ctx.Err()
}

func (f *fake) OpenCapture(_ context.Context, s *access.Session, id string) (registry.CaptureView, io.ReadCloser, error) {
	switch {
	case !access.Decide(s.Member, access.ReadShared, access.Thing{}):
		return registry.CaptureView{}, nil, registry.ErrNotFound
	case id == captureBroken:
		return registry.CaptureView{}, nil, registry.ErrCaptureDamaged
	case id != captureOne:
		return registry.CaptureView{}, nil, registry.ErrNotFound
	}
	view := f.captures[0]
	const page = "<!doctype html><script>alert(1)</script>"
	view.Bytes = int64(len(page))
	return view, io.NopCloser(strings.NewReader(page)), f.fails
}

func (f *fake) WithdrawCapture(_ context.Context, _ *access.Session, id, reason string) (registry.CaptureView, error) {
	switch {
	case id != captureOne:
		return registry.CaptureView{}, registry.ErrNotFound
	case reason == "":
		return f.captures[0], registry.ErrReason
	}
	f.withdrawn = id
	return f.captures[0], f.refuses
}
