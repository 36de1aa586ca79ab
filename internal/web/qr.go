// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"fmt"
	"html/template"
	"strings"

	"rsc.io/qr"
)

// qrQuiet is the empty edge that readers need, in modules (ISO/IEC 18004).
const qrQuiet = 4

// qrSVG is a text as a QR code to be put into a page: black on white in the
// dark too, because readers expect it. The label says what it is to those who
// do not see it.
func qrSVG(text, label string) (template.HTML, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", fmt.Errorf("no QR code: %w", err)
	}
	size := code.Size + 2*qrQuiet
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="qr" viewBox="0 0 %d %d" role="img" aria-label="%s"><rect class="ground" width="%d" height="%d"/><path class="ink" d="`,
		size, size, template.HTMLEscapeString(label), size, size)
	qrRuns(code, func(x, y, n int) { fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x, y, n, n) })
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil
}

// qrRuns are the stretches of black modules in the rows of a code: where each
// begins, the quiet edge counted, and how long it is.
func qrRuns(code *qr.Code, run func(x, y, n int)) {
	for y := range code.Size {
		for x := 0; x < code.Size; {
			n := 0
			for x+n < code.Size && code.Black(x+n, y) {
				n++
			}
			if n > 0 {
				run(x+qrQuiet, y+qrQuiet, n)
			}
			x += n + 1
		}
	}
}
