// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
)

// sealedFile is one line of `kua evidence list CASE --json`, a contract with scripts.
type sealedFile struct {
	ID       string `json:"id"`
	Case     string `json:"case"`
	Evidence string `json:"evidence,omitempty"`
	Name     string `json:"name,omitempty"`
	Media    string `json:"media"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256,omitempty"`
	BLAKE3   string `json:"blake3,omitempty"`
	CopyOf   string `json:"copy_of,omitempty"`
	Form     string `json:"form,omitempty"`
	Missing  bool   `json:"missing,omitempty"`
	Capture  string `json:"capture,omitempty"` // the verdict on a web capture
	Address  string `json:"address,omitempty"` // of the page that was captured
}

func sealedFileOf(f registry.FileView) sealedFile {
	out := sealedFile{ID: f.ID, Case: f.Case, Evidence: f.Evidence, Name: f.Name, Media: f.Media, Bytes: f.Bytes, SHA256: f.SHA256, BLAKE3: f.BLAKE3, CopyOf: f.OfFile, Form: f.Form, Missing: f.Missing}
	if f.Web != nil {
		out.Capture, out.Address = f.Web.Verdict, f.Web.Address
	}
	return out
}

// portion is after how much of a file it is on the disk whatever happens.
const portion = 64 << 20

// openSource opens a file to be put in.
func openSource(path string) (*os.File, os.FileInfo, error) {
	f, err := os.Open(path)
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is no file: put files in one by one, or an archive of them")
		}
		if err == nil {
			return f, info, nil
		}
		f.Close()
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return nil, nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
}

// addToCase puts a file into a case. What was begun before goes on where it was.
func (p *program) addToCase(ctx context.Context, caseID, path, evidence string) error {
	f, info, err := openSource(path)
	if err != nil {
		return err
	}
	defer f.Close()
	reg, session, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	view, err := p.upload(ctx, reg, session, caseID, evidence, f, info)
	if errors.Is(err, registry.ErrNotFound) {
		return errors.New("there is no such case, or no such evidence in it: 'kua case list' and 'kua case show' say what there is")
	}
	if err != nil {
		return err
	}
	defer p.carry(ctx, reg)
	if p.json {
		return printJSON(p.out, sealedFileOf(view))
	}
	fmt.Fprintf(p.out, "%s sealed: %d bytes, SHA-256 %s\n", view.ID, view.Bytes, view.SHA256)
	if w := view.Web; w != nil {
		fmt.Fprintf(p.out, "It is a web capture (%s); by its own hashes: %s.\n", w.Form, w.Verdict)
	}
	return nil
}

func (p *program) upload(ctx context.Context, reg *registry.Registry, s *access.Session, caseID, evidence string, f *os.File, info os.FileInfo) (registry.FileView, error) {
	name, mark := filepath.Base(f.Name()), info.ModTime().UTC().Format(time.RFC3339Nano)
	begun, err := reg.Uploads(ctx, s, caseID)
	if err != nil {
		return registry.FileView{}, err
	}
	sum, read := sha256.New(), int64(0)
	var up registry.UploadView
	for _, u := range begun {
		if u.Mark == mark && u.Bytes == info.Size() {
			if up, err = reg.Upload(ctx, s, caseID, u.ID); err != nil {
				return registry.FileView{}, err
			}
			break
		}
	}
	if up.ID == "" {
		there, err := p.alreadyIn(ctx, reg, s, caseID, name, f, info)
		if err != nil || there.ID != "" {
			return there, err
		}
		if up, err = reg.BeginUpload(ctx, s, caseID, registry.NewUpload{Evidence: evidence, Name: name, Bytes: info.Size(), Mark: mark}); err != nil {
			return registry.FileView{}, err
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return registry.FileView{}, err
	}
	if up.Offset > 0 { // the hash is of all of it
		if !p.json {
			fmt.Fprintf(p.err, "%s: %d of %d bytes came in before, going on from there\n", name, up.Offset, up.Bytes)
		}
		if read, err = io.CopyN(sum, f, up.Offset); err != nil {
			return registry.FileView{}, err
		}
	}
	bar := p.progress(name, int(info.Size()>>20))
	defer bar.end()
	for read < info.Size() {
		part := io.LimitReader(f, portion)
		if up, err = reg.ContinueUpload(ctx, s, caseID, up.ID, read, &summed{part, sum}); err != nil {
			return registry.FileView{}, err
		}
		if up.Offset == read {
			return registry.FileView{}, fmt.Errorf("%s: it became shorter meanwhile", name)
		}
		read = up.Offset
		bar.step(int(read>>20), int(info.Size()>>20))
	}
	return reg.FinishUpload(ctx, s, caseID, up.ID, hex.EncodeToString(sum.Sum(nil)))
}

// summed hashes what is read.
type summed struct {
	r   io.Reader
	sum hash.Hash
}

func (s *summed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.sum.Write(p[:n])
	return n, err
}

// alreadyIn finds a file in the case whose bytes are the same: one that came in
// whole before the program could say so.
func (p *program) alreadyIn(ctx context.Context, reg *registry.Registry, s *access.Session, caseID, name string, f *os.File, info os.FileInfo) (registry.FileView, error) {
	files, err := reg.Files(ctx, s, caseID)
	if err != nil {
		return registry.FileView{}, err
	}
	sum := ""
	for _, view := range files {
		if view.Bytes != info.Size() || view.OfFile != "" || view.Missing || view.SHA256 == "" {
			continue
		}
		if sum == "" {
			h := sha256.New()
			if _, err := io.Copy(h, f); err != nil {
				return registry.FileView{}, err
			}
			sum = hex.EncodeToString(h.Sum(nil))
		}
		if view.SHA256 == sum {
			if !p.json {
				fmt.Fprintf(p.err, "%s is in the case already\n", name)
			}
			return view, nil
		}
	}
	return registry.FileView{}, nil
}

// listFiles lists the files of a case.
func (p *program) listFiles(ctx context.Context, caseID string) error {
	reg, session, err := p.read(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	found, err := reg.Files(ctx, session, caseID)
	if errors.Is(err, registry.ErrNotFound) {
		return errNoCase
	}
	if err != nil {
		return err
	}
	files := []sealedFile{}
	var rows [][]string
	for _, f := range found {
		files = append(files, sealedFileOf(f))
		state := f.Form
		if f.Missing {
			state = "missing"
		}
		rows = append(rows, []string{f.ID, f.Media, strconv.FormatInt(f.Bytes, 10), state, f.Name})
	}
	if p.json {
		return printJSON(p.out, map[string]any{"files": files})
	}
	return table(p.out, rows)
}

var errNoCase = errors.New("there is no such case; 'kua case list' shows them")

// writeOut writes what is handed out to a new file; nothing is left of it on an error.
func writeOut(out string, content io.Reader) error {
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already and is not written over: name another file", out)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(out)
		return fmt.Errorf("%s: %w", filepath.Base(out), err)
	}
	return nil
}

// exportFile writes a file of a case out.
func (p *program) exportFile(ctx context.Context, caseID, id, out string) (err error) {
	reg, session, err := p.read(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()
	content, view, err := reg.OpenFile(ctx, session, caseID, id)
	if errors.Is(err, registry.ErrNotFound) {
		return errors.New("there is no such file in such a case; 'kua evidence list CASE' shows them")
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if err := writeOut(out, content); err != nil {
		return err
	}
	if p.json {
		return printJSON(p.out, sealedFileOf(view))
	}
	fmt.Fprintf(p.out, "%s: %d bytes, SHA-256 %s\n", out, view.Bytes, view.SHA256)
	return nil
}
