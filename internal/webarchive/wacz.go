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

// pack is what a WACZ file says about itself, and whether it is so.
type pack struct {
	Created, Software, Main string  // Main: the address of its main page
	Manifest                Verdict // of datapackage.json by datapackage-digest.json
	Files                   []File
}

const maxManifest = 16 << 20

// readWACZ reads a package, checks every file against the manifest, and hands on
// the records of its WARC files. The index is checked as a file, not line by line.
// That a package is signed is not looked at: whose signature it is, nothing here
// can tell.
func readWACZ(ctx context.Context, z *zip.Reader, left *Limits, each func(path string, rec Record) error) (pack, error) {
	files := map[string]*zip.File{}
	for _, f := range z.File {
		if files[f.Name] != nil {
			return pack{}, errTwice
		}
		files[f.Name] = f
	}
	manifest, err := readSmall(files["datapackage.json"])
	if err != nil {
		return pack{}, fmt.Errorf("datapackage.json: %w", err)
	}
	var said struct {
		Created   string `json:"created"`
		Main      string `json:"mainPageUrl"`
		Software  string `json:"software"`
		Resources []struct {
			Path  string `json:"path"`
			Hash  string `json:"hash"`
			Bytes *int64 `json:"bytes"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(manifest, &said); err != nil {
		return pack{}, fmt.Errorf("datapackage.json: %w", err)
	}
	p := pack{Created: said.Created, Software: said.Software, Main: said.Main, Manifest: None}
	if f := files["datapackage-digest.json"]; f != nil {
		text, err := readSmall(f)
		if err != nil {
			return p, fmt.Errorf("datapackage-digest.json: %w", err)
		}
		var digest struct {
			Hash string `json:"hash"`
		}
		if err := json.Unmarshal(text, &digest); err != nil {
			return p, fmt.Errorf("datapackage-digest.json: %w", err)
		}
		d := newDigest(digest.Hash)
		_, _ = d.Write(manifest)
		p.Manifest = d.verdict()
	}
	listed := map[string]bool{"datapackage.json": true, "datapackage-digest.json": true}
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
		n, err := hashed(ctx, f.Open, d, left)
		if err != nil {
			return p, err
		}
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
		if !strings.HasPrefix(f.Name, "archive/") || !isWARC(f.Name) {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return p, fmt.Errorf("a file of the package can't be read: %w", err)
		}
		err = readWARC(ctx, in, left, func(rec Record) error { return each(f.Name, rec) })
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
func hashed(ctx context.Context, open func() (io.ReadCloser, error), d *digest, left *Limits) (int64, error) {
	in, err := open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	n, err := io.Copy(d, io.LimitReader(&untilDone{ctx, in}, left.Bytes+1))
	if n > left.Bytes {
		return n, ErrTooBig
	}
	left.Bytes -= n
	if err != nil && !errors.Is(err, zip.ErrChecksum) { // the digest tells
		return n, fmt.Errorf("a file of the capture can't be read: %w", err)
	}
	return n, nil
}
