// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"io"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/safecopy"
)

// Files with copies, where the invented register has any.
const (
	fileScan     = "f2000000000000000000000000000001"
	fileScanSafe = "f2000000000000000000000000000002"
	fileScanThin = "f2000000000000000000000000000003"
	fileScanDark = "f2000000000000000000000000000004"
	fileFilm     = "f2000000000000000000000000000005"
	fileFilmSafe = "f2000000000000000000000000000006"
	fileNew      = "f2000000000000000000000000000007"
)

// filmText is what the copy of the film has in it.
const filmText = "0123456789 of the film"

// scans are the files that have copies.
func scans() []registry.FileView {
	at := moment("2022-06-21T08:00:00Z")
	return []registry.FileView{
		{ID: fileScan, Case: caseThings, Name: "Постановление.pdf", Media: "application/pdf", Bytes: 3 << 20, At: at, By: "Sample Member", MayOpen: true},
		{ID: fileScanSafe, Case: caseThings, OfFile: fileScan, Form: registry.SafeCopy, Media: "application/pdf", Bytes: 1 << 20, At: at, By: "Sample Member", MayOpen: true},
		{ID: fileScanThin, Case: caseThings, OfFile: fileScan, Form: "thumbnail", Media: "image/jpeg", Bytes: 4 << 10, At: at, By: "Sample Member", MayOpen: true},
		{ID: fileScanDark, Case: caseThings, OfFile: fileScan, Form: registry.RedactedCopy, Media: "application/pdf", Bytes: 1 << 20, At: at, By: "Sample Other", MayOpen: true},
		{ID: fileFilm, Case: caseThings, Name: "двор.mp4", Media: "video/mp4", Bytes: 9 << 20, At: at, By: "Sample Member", MayOpen: true},
		{ID: fileFilmSafe, Case: caseThings, OfFile: fileFilm, Form: registry.SafeCopy, Media: "video/mp4", Bytes: int64(len(filmText)), At: at, By: "Sample Member", MayOpen: true},
		{ID: fileNew, Case: caseThings, Name: "new.jpg", Media: "image/jpeg", Bytes: 1 << 20, At: at, By: "Sample Member", MayOpen: true},
	}
}

func (f *fake) FileCopies(_ context.Context, _ *access.Session, caseID, file string) ([]registry.FileCopy, error) {
	at := moment("2022-06-21T08:01:00Z")
	walls := []string{"network_namespace", "seccomp", "landlock_files", "limits"}
	missing := []string{"landlock_network"}
	var out []registry.FileCopy
	switch {
	case caseID != caseThings:
		return nil, registry.ErrNotFound
	case file == fileOne:
		out = []registry.FileCopy{{ID: "c1", Original: fileOne, Form: registry.SafeCopy, Refused: "html", Notes: []string{"other_media"}, Walls: walls, Missing: missing, By: "Sample Member", At: at}}
	case file == fileScan:
		out = []registry.FileCopy{
			{ID: "c2", Original: fileScan, Form: registry.SafeCopy, File: fileScanSafe, Media: "application/pdf", Thumbnail: fileScanThin, Pages: 3, Notes: []string{"had_script", "had_files"}, Walls: walls, Missing: missing, By: "Sample Member", At: at,
				Metadata: []safecopy.Fact{{Where: "PDF", Name: "Author", Value: hostile}, {Where: "PDF", Name: "CreationDate", Value: "Wed Jan  5 14:30:00 2022"}}},
			{ID: "c3", Original: fileScan, Form: registry.TextOfFile, Text: "ПОСТАНОВЛЕНИЕ\nоб отказе " + hostile, By: "Sample Other", At: at},
			{ID: "c4", Original: fileScan, Form: registry.RedactedCopy, File: fileScanDark, Thumbnail: fileScanThin, Media: "application/pdf", Pages: 3, Boxes: []safecopy.Box{{Page: 2, X: 0.1, Y: 0.1, Width: 0.5, Height: 0.05}}, Reason: "Имена свидетелей " + hostile, By: "Sample Other", At: at},
		}
	case file == fileFilm:
		out = []registry.FileCopy{{ID: "c5", Original: fileFilm, Form: registry.SafeCopy, File: fileFilmSafe, Media: "video/mp4", Walls: walls, Missing: missing, By: "Sample Member", At: at}}
	case file == fileLost:
		out = []registry.FileCopy{{ID: "c6", Original: fileLost, Form: registry.SafeCopy, Refused: "program", Need: "ffmpeg", By: "Sample Member", At: at}}
	}
	if f.access == "facts" {
		for i := range out {
			out[i].Metadata, out[i].Text, out[i].Reason = nil, "", ""
		}
	}
	return out, f.fails
}

func (f *fake) OpenCopy(_ context.Context, _ *access.Session, caseID, file string) (io.ReadSeekCloser, registry.FileView, error) {
	if caseID != caseThings || f.access == "facts" {
		return nil, registry.FileView{}, registry.ErrNotFound
	}
	for _, x := range append(f.fakeFiles(), scans()...) {
		if x.ID != file || x.OfFile == "" {
			continue
		}
		content := fakePicture(300, 400)
		switch x.Media {
		case "application/pdf":
			content = fakePages(3)
		case "video/mp4":
			content = []byte(filmText)
		}
		return &inMemory{Reader: bytes.NewReader(content)}, x, f.fails
	}
	return nil, registry.FileView{}, registry.ErrNotFound
}

func (f *fake) MakeCopy(_ context.Context, _ *access.Session, caseID, file string, quick bool) (registry.FileCopy, error) {
	f.copied = append(f.copied, fmt.Sprint("copy ", file, " ", quick))
	return f.made, f.copyFails(caseID)
}

func (f *fake) ReadText(_ context.Context, _ *access.Session, caseID, file string, quick bool) (registry.FileCopy, error) {
	f.copied = append(f.copied, fmt.Sprint("text ", file, " ", quick))
	return registry.FileCopy{}, f.copyFails(caseID)
}

func (f *fake) Redact(_ context.Context, _ *access.Session, caseID, file string, boxes []safecopy.Box, reason string) (registry.FileCopy, error) {
	if len(boxes) == 0 || boxes[0].Page > 3 {
		return registry.FileCopy{}, registry.ErrBoxes
	}
	f.copied = append(f.copied, fmt.Sprint("redact ", file, " ", boxes, " ", reason))
	return registry.FileCopy{}, f.copyFails(caseID)
}

func (f *fake) copyFails(caseID string) error {
	if caseID != caseThings {
		return registry.ErrNotFound
	}
	return f.refuses
}

// fakePicture is a picture of that size.
func fakePicture(width, height int) []byte {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{230, 225, 210, 255}), image.Point{}, draw.Src)
	for y := 40; y < height-40; y += 24 {
		draw.Draw(img, image.Rect(30, y, width-30-y%50, y+9), image.NewUniform(color.RGBA{90, 90, 100, 255}), image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// fakePages is a copy of a document as package safecopy writes it.
func fakePages(pages int) []byte {
	var b bytes.Buffer
	where := map[int]int{}
	for n := 1; n <= pages; n++ {
		picture := fakePicture(300, 400+n)
		where[3*n+2] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n<< /Type /XObject /Subtype /Image /Width 300 /Height %d /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n", 3*n+2, 400+n, len(picture), picture)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n", 3+3*pages)
	for n := range 3 + 3*pages {
		fmt.Fprintf(&b, "%010d 00000 n \n", where[n])
	}
	fmt.Fprintf(&b, "startxref\n%d\n%%%%EOF\n", table)
	return b.Bytes()
}
