// SPDX-License-Identifier: AGPL-3.0-or-later

package webarchive

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Package is what a WACZ file says about itself, and whether it is so.
type Package struct {
	Title, Created, Software string
	Manifest                 Verdict // of datapackage.json by datapackage-digest.json
	Signed                   bool    // there is a signature; it isn't checked here
	Files                    []File
}

// File is one file of a package.
type File struct {
	Path   string
	Size   int64
	Digest Verdict // None: the manifest doesn't list it
}

const maxManifest = 16 << 20

// ReadWACZ reads a package, checks every file against the manifest, and hands on
// the records of its WARC files. The index is checked as a file, not line by line.
func ReadWACZ(ctx context.Context, r io.ReaderAt, size int64, limits Limits, each func(path string, rec Record) error) (Package, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return Package{}, fmt.Errorf("this is no WACZ file: %w", err)
	}
	if len(z.File) > limits.Files {
		return Package{}, ErrTooBig
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		if files[f.Name] != nil {
			return Package{}, errors.New("two files of the package have one name: which one is meant can't be told")
		}
		files[f.Name] = f
	}
	manifest, err := readSmall(files["datapackage.json"])
	if err != nil {
		return Package{}, fmt.Errorf("datapackage.json: %w", err)
	}
	var said struct {
		Title     string `json:"title"`
		Created   string `json:"created"`
		Software  string `json:"software"`
		Resources []struct {
			Path  string `json:"path"`
			Hash  string `json:"hash"`
			Bytes *int64 `json:"bytes"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(manifest, &said); err != nil {
		return Package{}, fmt.Errorf("datapackage.json: %w", err)
	}
	p := Package{Title: said.Title, Created: said.Created, Software: said.Software, Manifest: None}
	if f := files["datapackage-digest.json"]; f != nil {
		text, err := readSmall(f)
		if err != nil {
			return p, fmt.Errorf("datapackage-digest.json: %w", err)
		}
		var digest struct {
			Hash   string          `json:"hash"`
			Signed json.RawMessage `json:"signedData"`
		}
		if err := json.Unmarshal(text, &digest); err != nil {
			return p, fmt.Errorf("datapackage-digest.json: %w", err)
		}
		d := newDigest(digest.Hash)
		_, _ = d.Write(manifest)
		p.Manifest, p.Signed = d.verdict(), len(digest.Signed) > 0
	}
	listed := map[string]bool{"datapackage.json": true, "datapackage-digest.json": true}
	left := limits.Bytes
	for _, res := range said.Resources {
		if listed[res.Path] {
			return p, errors.New("datapackage.json lists a file twice")
		}
		listed[res.Path] = true
		f := files[res.Path]
		if f == nil {
			p.Files = append(p.Files, File{Path: res.Path, Digest: Missing})
			continue
		}
		d := newDigest(res.Hash)
		n, err := hashed(ctx, f, d, left)
		if err != nil {
			return p, err
		}
		left -= n
		file := File{Path: res.Path, Size: n, Digest: d.verdict()}
		if file.Digest == None || file.Digest == Unknown {
			file.Digest = Unknown
		}
		if res.Bytes != nil && *res.Bytes != n {
			file.Digest = Wrong
		}
		p.Files = append(p.Files, file)
	}
	for _, f := range z.File {
		if !listed[f.Name] && !strings.HasSuffix(f.Name, "/") {
			p.Files = append(p.Files, File{Path: f.Name, Size: int64(f.UncompressedSize64), Digest: None})
		}
	}
	for _, f := range z.File {
		if !strings.HasPrefix(f.Name, "archive/") || !strings.HasSuffix(f.Name, ".warc") && !strings.HasSuffix(f.Name, ".warc.gz") {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return p, fmt.Errorf("a file of the package can't be read: %w", err)
		}
		err = ReadWARC(ctx, in, limits, func(rec Record) error { return each(f.Name, rec) })
		in.Close()
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

func readSmall(f *zip.File) ([]byte, error) {
	if f == nil {
		return nil, errors.New("it isn't in the package")
	}
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, err := io.ReadAll(io.LimitReader(in, maxManifest+1))
	if err == nil && len(b) > maxManifest {
		err = ErrTooBig
	}
	return b, err
}

// hashed reads a file through a digest, no more of it than is left. What the ZIP
// archive itself finds wrong is wrong.
func hashed(ctx context.Context, f *zip.File, d *digest, left int64) (int64, error) {
	in, err := f.Open()
	if err != nil {
		return 0, fmt.Errorf("a file of the package can't be read: %w", err)
	}
	defer in.Close()
	n, err := io.Copy(d, io.LimitReader(&untilDone{ctx, in}, left+1))
	switch {
	case n > left:
		return n, ErrTooBig
	case errors.Is(err, zip.ErrChecksum):
		return n, nil // the digest tells
	case err != nil:
		return n, fmt.Errorf("a file of the package can't be read: %w", err)
	}
	return n, nil
}
