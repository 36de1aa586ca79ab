// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/kua-registry/kua/internal/paper"
)

// The names of what is in a bundle beside its folders.
const (
	readmeName   = "README.txt"
	htmlName     = "index.html"
	pdfName      = "index.pdf"
	checkName    = "proofs/checkpoint"
	keyName      = "proofs/register-key.pem"
	stampsName   = "timestamps/list.txt"
	chainedName  = "timestamps/ots.txt"
	manifestName = "manifest.json"
	sumsName     = "SHA256SUMS"
	noteName     = "manifest.note"
)

// file is a file of a bundle that is not an exhibit.
type file struct {
	name string
	data []byte
}

// Write writes a bundle as a zip. Exhibits are streamed and not held. After an
// error what was written has no end and opens as no bundle: it is to be thrown away.
func Write(w io.Writer, b Bundle) error {
	if err := b.check(); err != nil {
		return err
	}
	b.Made = b.Made.UTC().Truncate(time.Second)
	names := b.fileNames()
	files, err := b.files(names)
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	for _, f := range files {
		to, err := b.create(z, f.name)
		if err != nil {
			return err
		}
		if _, err := to.Write(f.data); err != nil {
			return fmt.Errorf("writing the bundle: %w", err)
		}
	}
	for i, e := range b.Exhibits {
		if err := b.exhibit(z, names[i], i+1, e); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return nil
}

// create begins a file. Nothing is compressed: how well a compressor does
// differs from one version of it to the next, and the bytes are to be the same.
func (b *Bundle) create(z *zip.Writer, name string) (io.Writer, error) {
	to, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store, Modified: b.Made})
	if err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	return to, nil
}

func (b *Bundle) exhibit(z *zip.Writer, name string, n int, e Exhibit) error {
	from, err := e.Open()
	if err != nil {
		return fmt.Errorf("opening exhibit %d: %w", n, err)
	}
	defer from.Close()
	to, err := b.create(z, name)
	if err != nil {
		return err
	}
	hash := sha256.New()
	// One byte more than promised is enough to know that it is another file.
	size, err := io.Copy(io.MultiWriter(to, hash), io.LimitReader(from, e.Size+1))
	if err != nil {
		return fmt.Errorf("copying exhibit %d: %w", n, err)
	}
	if size != e.Size || !bytes.Equal(hash.Sum(nil), e.SHA256[:]) {
		return fmt.Errorf("exhibit %d is not the file that was stored: nothing is handed over; run kua evidence verify", n)
	}
	return nil
}

// files makes everything but the exhibits, in the order in which it is written.
func (b *Bundle) files(names []string) ([]file, error) {
	readme, err := b.readme()
	if err != nil {
		return nil, err
	}
	index, err := b.index(names)
	if err != nil {
		return nil, err
	}
	var html, pdf bytes.Buffer
	if err := paper.HTML(&html, index); err != nil {
		return nil, fmt.Errorf("the index of the bundle: %w", err)
	}
	if err := paper.PDF(&pdf, index); err != nil {
		return nil, fmt.Errorf("the index of the bundle: %w", err)
	}
	files := []file{
		{readmeName, readme},
		{htmlName, html.Bytes()},
		{pdfName, pdf.Bytes()},
		{checkName, b.Checkpoint},
		{keyName, publicKey(b.Key)},
	}
	for i, f := range b.Forms {
		var pdf, docx bytes.Buffer
		if err := errors.Join(paper.PDF(&pdf, f.Document), paper.DOCX(&docx, f.Document)); err != nil {
			return nil, fmt.Errorf("form %d of the bundle: %w", i+1, err)
		}
		files = append(files, file{b.formName(i) + ".pdf", pdf.Bytes()}, file{b.formName(i) + ".docx", docx.Bytes()})
	}
	for i, e := range b.Entries {
		files = append(files, file{b.proofName(i), b.proof(e)})
	}
	var list strings.Builder
	for i, s := range b.Stamps {
		name := b.stampName(i)
		fmt.Fprintf(&list, "%s.tst %s %d\n", name, over(s.Exhibit, names), s.Time.Unix())
		chain := s.Chain
		if len(chain) == 0 {
			chain = s.Root // openssl wants a file
		}
		files = append(files, file{name + ".tst", s.Token}, file{name + ".chain.pem", chain}, file{name + ".root.pem", s.Root})
	}
	files = append(files, file{stampsName, []byte(list.String())})
	if len(b.Chained) > 0 {
		list.Reset()
		for i, c := range b.Chained {
			fmt.Fprintf(&list, "%s %s\n", b.chainedName(i), over(c.Exhibit, names))
			files = append(files, file{b.chainedName(i), c.Proof})
		}
		files = append(files, file{chainedName, []byte(list.String())})
	}

	manifest, err := b.manifest(names, files)
	if err != nil {
		return nil, err
	}
	files = append(files, file{manifestName, manifest})
	sums := b.sums(names, files)
	signed, err := b.sign(manifest, sums)
	if err != nil {
		return nil, err
	}
	return append(files, file{sumsName, sums}, file{noteName, signed}), nil
}

// sums lists every file but itself and the note, as sha256sum does.
func (b *Bundle) sums(names []string, files []file) []byte {
	lines := make([]string, 0, len(files)+len(names))
	for _, f := range files {
		lines = append(lines, sumLine(sha256.Sum256(f.data), f.name))
	}
	for i, e := range b.Exhibits {
		lines = append(lines, sumLine(e.SHA256, names[i]))
	}
	slices.SortFunc(lines, func(x, y string) int { return strings.Compare(x[66:], y[66:]) })
	return []byte(strings.Join(lines, ""))
}

func sumLine(sum [sha256.Size]byte, name string) string { return fmt.Sprintf("%x  %s\n", sum, name) }

// sign signs the manifest and the list, and looks whether the signature is the
// one that a reader will hold against the register's key.
func (b *Bundle) sign(manifest, sums []byte) ([]byte, error) {
	name := b.Signer.Name()
	text := name + "\n" + sumLine(sha256.Sum256(manifest), manifestName) + sumLine(sha256.Sum256(sums), sumsName)
	signed, err := note.Sign(&note.Note{Text: text}, b.Signer)
	if err != nil {
		return nil, fmt.Errorf("signing the bundle: %w", err)
	}
	if _, err := b.opened(signed, name); err != nil {
		return nil, errors.New("the bundle was signed with another key than the register's")
	}
	return signed, nil
}

// proof is a proof of inclusion as C2SP writes it (https://c2sp.org/tlog-proof),
// with the leaf as the extra data.
func (b *Bundle) proof(e Entry) []byte {
	var s strings.Builder
	fmt.Fprintf(&s, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(e.Leaf[:]), e.Index)
	for _, h := range e.Proof {
		fmt.Fprintln(&s, base64.StdEncoding.EncodeToString(h[:]))
	}
	fmt.Fprintf(&s, "\n%s", b.Checkpoint)
	return []byte(s.String())
}

// publicKey is an Ed25519 public key in PEM (RFC 8410).
func publicKey(key []byte) []byte {
	der := append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, key...)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
