// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"io"
	"os"
	"strings"
	"testing"
)

// BenchmarkRun opens a photograph of twelve million pixels and a PDF of twenty
// full pages in a child process.
func BenchmarkRun(b *testing.B) {
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, drawn(4000, 3000), nil); err != nil {
		b.Fatal(err)
	}
	files := map[string][]byte{"photograph": photo.Bytes()}
	if find("pdftoppm") != "" {
		const pages = 20
		objects := []string{"<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"}
		kids := ""
		for range pages {
			n := len(objects) + 1
			kids += fmt.Sprintf("%d 0 R ", n)
			objects = append(objects,
				fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F1 3 0 R >> >> >>", n+1),
				stream("", "BT /F1 11 Tf 60 780 Td 14 TL "+strings.Repeat("(The words of an invented witness, line by line) Tj T* ", 50)+"ET"))
		}
		objects[1] = fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d >>", kids, pages)
		files["pages"] = pdf("", objects...)
	}
	for name, file := range files {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := Run(context.Background(), path, Job{Limits: DefaultLimits()}, bytes.NewReader(file), io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
