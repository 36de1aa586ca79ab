// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"fmt"
	"time"
)

// Limits bound what one file may cost.
type Limits struct {
	Pixels int64         // of one picture, width times height
	Bytes  int64         // of the original read, and of the copy written
	Memory int64         // bytes that the work may take beside the program itself
	Time   time.Duration // of the clock on the wall
	Pages  int           // of a document
}

// DefaultLimits are enough for the photographs of telephones, a scanned case file
// of three hundred pages and an hour of speech, on a small server.
func DefaultLimits() Limits {
	return Limits{Pixels: 50_000_000, Bytes: 256 << 20, Memory: 1 << 30, Time: 5 * time.Minute, Pages: 300}
}

// RefusedError says why there is no safe copy. Code is for programs and for the words
// of the reader's language; Error says the same in English.
type RefusedError struct {
	Code Code
	Need string // what to install, where Code is NeedsProgram
	Have int64  // what the file has, where Code is about a limit and it is known
	Most int64  // what is allowed
}

// Code names a reason to refuse.
type Code string

// The reasons there are.
const (
	Empty        Code = "empty"
	IsHTML       Code = "html"
	IsSVG        Code = "svg"
	IsOffice     Code = "office"
	IsArchive    Code = "archive"
	IsHEIC       Code = "heic"
	IsCapture    Code = "capture"
	IsUnknown    Code = "unknown"
	Broken       Code = "broken"
	Encrypted    Code = "encrypted"
	TooManyDots  Code = "pixels"
	TooManyBytes Code = "bytes"
	TooManyPages Code = "pages"
	TooMuchRAM   Code = "memory"
	TooLong      Code = "time"
	NeedsProgram Code = "program"
	Crashed      Code = "crashed"
	NoBoxes      Code = "boxes"
)

var refusals = map[Code]string{
	Empty:        "the file is empty",
	IsHTML:       "this is a web page, whatever its name says: it can run programs when it is opened; a picture of it can be copied",
	IsSVG:        "this is an SVG drawing, which can hold programs; saved as a picture it can be copied",
	IsOffice:     "this is an office document, which can hold programs; saved as PDF it can be copied",
	IsArchive:    "this is an archive, which isn't unpacked here; the files in it can be copied one by one",
	IsHEIC:       "this is a HEIC picture, which can't be decoded here; saved as JPEG on the telephone it can be copied",
	IsCapture:    "this is a web capture: it is listed and checked as one, and no copy is made of it",
	IsUnknown:    "what this file is can't be told from its content: no copy is made of it",
	Broken:       "the file is damaged, or isn't what it begins as",
	Encrypted:    "the document is locked with a password; without it it can be copied",
	TooManyDots:  "the picture is too big",
	TooManyBytes: "the file is too big for a safe copy",
	TooManyPages: "the document has too many pages",
	TooMuchRAM:   "the file needs more memory than it is allowed",
	TooLong:      "the file takes longer than it is allowed",
	NeedsProgram: "a program is missing that opens such files",
	Crashed:      "the file made the program that opens it fail",
	NoBoxes:      "boxes can be burnt into pictures and PDF pages only",
}

func (r *RefusedError) Error() string {
	text := refusals[r.Code]
	if text == "" {
		text = string(r.Code)
	}
	switch {
	case r.Need != "":
		return fmt.Sprintf("%s: install %s", text, r.Need)
	case r.Have > 0 && r.Most > 0:
		return fmt.Sprintf("%s: %d, and at most %d are allowed", text, r.Have, r.Most)
	case r.Most > 0:
		return fmt.Sprintf("%s: at most %d are allowed", text, r.Most)
	}
	return text
}

func refuse(code Code) error { return &RefusedError{Code: code} }

// Codes lists every reason there is, for those who translate them.
func Codes() []Code {
	return []Code{Empty, IsHTML, IsSVG, IsOffice, IsArchive, IsHEIC, IsCapture, IsUnknown, Broken, Encrypted, TooManyDots,
		TooManyBytes, TooManyPages, TooMuchRAM, TooLong, NeedsProgram, Crashed, NoBoxes}
}
