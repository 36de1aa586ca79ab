// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// Files of the case that has things in it.
const (
	fileOne    = "f1000000000000000000000000000001"
	fileLost   = "f1000000000000000000000000000002"
	fileSmall  = "f1000000000000000000000000000003"
	fileBegun  = "f1000000000000000000000000000009"
	fileBroken = "f1000000000000000000000000000004"
	filesOf    = "/cases/" + caseThings + "/files"
)

// hostileFile is what is in the file that is handed out.
const hostileFile = "<!doctype html><script>alert(1)</script>"

// fakeFiles are the files of that case as the member may see them.
func (f *fake) fakeFiles() []registry.FileView {
	at := moment("2022-06-20T08:00:00Z")
	all := []registry.FileView{
		{ID: fileOne, Case: caseThings, Evidence: jacket, Name: hostile + ".jpg", SHA256: strings.Repeat("0a", 32), BLAKE3: strings.Repeat("b3", 32), Media: "text/html", Bytes: int64(len(hostileFile)), At: at, By: "Sample Member", MayOpen: true, Web: fakeCapture()},
		{ID: fileSmall, Case: caseThings, OfFile: fileOne, Form: "thumbnail", SHA256: strings.Repeat("0b", 32), Media: "image/jpeg", Bytes: 4096, At: at, By: "Sample Member", MayOpen: true},
		{ID: fileLost, Case: caseThings, Name: "film.mp4", SHA256: strings.Repeat("0c", 32), Media: "video/mp4", Bytes: 21 << 30, At: at, By: "Sample Other", Missing: true},
		{ID: fileBroken, Case: caseThings, Media: "image/jpeg", SHA256: strings.Repeat("0d", 32), Bytes: 52 << 20, At: at, By: "Sample Other", MayOpen: true},
	}
	if f.scans {
		all = append(all, scans()...)
	}
	if f.access == "facts" {
		for i := range all {
			all[i].Name, all[i].SHA256, all[i].BLAKE3, all[i].MayOpen, all[i].Missing = "", "", "", false, false
			if w := all[i].Web; w != nil {
				all[i].Web = &registry.WebCapture{Form: w.Form, Verdict: w.Verdict, Day: w.Day}
			}
		}
	}
	return all
}

func (f *fake) Files(_ context.Context, _ *access.Session, caseID string) ([]registry.FileView, error) {
	if caseID != caseThings || f.empty {
		return []registry.FileView{}, f.fails
	}
	return f.fakeFiles(), f.fails
}

func (f *fake) AddFile(ctx context.Context, _ *access.Session, caseID string, n registry.NewFile) (registry.FileView, error) {
	if f.refuses != nil {
		return registry.FileView{}, f.refuses
	}
	text, err := io.ReadAll(n.Content)
	if err != nil {
		return registry.FileView{}, err
	}
	f.putIn, f.content = &n, string(text)
	return f.fakeFiles()[0], ctx.Err()
}

func (f *fake) OpenFile(_ context.Context, _ *access.Session, caseID, id string) (io.ReadSeekCloser, registry.FileView, error) {
	switch {
	case caseID != caseThings || f.access == "facts":
		return nil, registry.FileView{}, registry.ErrNotFound
	case id == fileLost:
		return nil, registry.FileView{}, registry.ErrFileDamaged
	case id == fileBroken:
		return &inMemory{Reader: bytes.NewReader(make([]byte, 4096)), fails: io.ErrUnexpectedEOF}, f.fakeFiles()[3], nil
	case id != fileOne:
		return nil, registry.FileView{}, registry.ErrNotFound
	}
	return &inMemory{Reader: bytes.NewReader([]byte(hostileFile))}, f.fakeFiles()[0], f.fails
}

func (f *fake) WithdrawFile(_ context.Context, _ *access.Session, caseID, id, reason string) error {
	switch {
	case caseID != caseThings || id != fileOne:
		return registry.ErrNotFound
	case reason == "":
		return registry.ErrReason
	}
	f.withdrawn = id
	return f.refuses
}

// inMemory is a file in memory that may break when it is read.
type inMemory struct {
	*bytes.Reader
	fails error
}

func (m *inMemory) Read(p []byte) (int, error) {
	if m.fails != nil {
		return 0, m.fails
	}
	return m.Reader.Read(p)
}

func (*inMemory) Close() error { return nil }

func (f *fake) Uploads(_ context.Context, _ *access.Session, caseID string) ([]registry.UploadView, error) {
	if caseID != caseThings || f.empty {
		return nil, f.fails
	}
	return []registry.UploadView{{ID: fileBegun, Case: caseThings, Name: "long.mp4", Mark: "1641463200000", Bytes: 3 << 30, Offset: 1 << 30, Until: moment("2022-07-04T08:00:00Z")}}, f.fails
}

func (f *fake) BeginUpload(_ context.Context, _ *access.Session, caseID string, n registry.NewUpload) (registry.UploadView, error) {
	f.begun, f.came = &n, nil
	return registry.UploadView{ID: fileBegun, Case: caseThings, Bytes: n.Bytes}, f.refuses
}

func (f *fake) Upload(_ context.Context, _ *access.Session, caseID, id string) (registry.UploadView, error) {
	if caseID != caseThings || id != fileBegun || f.begun == nil {
		return registry.UploadView{}, registry.ErrNotFound
	}
	return registry.UploadView{ID: fileBegun, Case: caseThings, Bytes: f.begun.Bytes, Offset: int64(len(f.came))}, f.refuses
}

func (f *fake) ContinueUpload(ctx context.Context, s *access.Session, caseID, id string, offset int64, content io.Reader) (registry.UploadView, error) {
	up, err := f.Upload(ctx, s, caseID, id)
	if err == nil && offset != up.Offset {
		err = &registry.OffsetError{Offset: up.Offset}
	}
	if err != nil {
		return up, err
	}
	text, err := io.ReadAll(content)
	f.came = append(f.came, text...)
	up.Offset = int64(len(f.came))
	return up, err
}

func (f *fake) FinishUpload(ctx context.Context, s *access.Session, caseID, id, _ string) (registry.FileView, error) {
	if up, err := f.Upload(ctx, s, caseID, id); err != nil || up.Offset != up.Bytes {
		return registry.FileView{}, cmp.Or[error](err, &registry.OffsetError{Offset: up.Offset})
	}
	return registry.FileView{ID: fileOne, Case: caseThings, Bytes: f.begun.Bytes}, nil
}

func (f *fake) DropUpload(ctx context.Context, s *access.Session, caseID, id string) error {
	_, err := f.Upload(ctx, s, caseID, id)
	f.begun = nil
	return err
}
