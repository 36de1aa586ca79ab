// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import (
	"strconv"
	"strings"
	"time"
)

// Claimed is what an archive of another register says of an entry that came in
// with it. Nothing here proves it.
type Claimed struct {
	Register string    // id of the ledger it was first written to, 32 hex digits
	Entry    uint64    // its place there
	At       time.Time // when it was written there
	By       string    // id of who wrote it, 32 hex digits
	Name     string    // of who wrote it; empty: not said
	Source   string    // who said so, as that register has it
}

// claims begins the source of an entry that came in with an archive.
const claims = "archive: "

// Claims tells whether a source says that it is of an archive.
func Claims(source string) bool { return strings.HasPrefix(source, claims) }

// String is the claim as it stands in the source of an entry.
func (c Claimed) String() string {
	b := make([]byte, 0, len(claims)+len(c.Register)+len(c.By)+len(c.Name)+len(c.Source)+64)
	b = append(append(b, claims...), c.Register...)
	b = strconv.AppendUint(append(b, ':'), c.Entry, 10)
	b = c.At.UTC().AppendFormat(append(b, ' '), time.RFC3339Nano)
	b = append(append(b, ' '), c.By...)
	b = strconv.AppendQuote(append(b, ' '), c.Name)
	return string(append(append(b, ' '), c.Source...))
}

// Facts is the claim without the words of people.
func (c Claimed) Facts() string {
	c.Name, c.Source = "", ""
	return c.String()
}

// ClaimedIn reads the claim in a source.
func ClaimedIn(source string) (c Claimed, ok bool) {
	rest, ok := strings.CutPrefix(source, claims)
	if !ok {
		return Claimed{}, false
	}
	parts := strings.SplitN(rest, " ", 4)
	if len(parts) != 4 {
		return Claimed{}, false
	}
	register, place, _ := strings.Cut(parts[0], ":")
	entry, err := strconv.ParseUint(place, 10, 64)
	at, timeErr := time.Parse(time.RFC3339Nano, parts[1])
	quoted, quoteErr := strconv.QuotedPrefix(parts[3])
	name, nameErr := strconv.Unquote(quoted)
	if err != nil || timeErr != nil || quoteErr != nil || nameErr != nil || len(register) != 32 || len(parts[2]) != 32 {
		return Claimed{}, false
	}
	return Claimed{register, entry, at.UTC(), parts[2], name, strings.TrimPrefix(parts[3][len(quoted):], " ")}, true
}

// Claimed is what an archive says of the change, where it came in with one.
func (ch *Change) Claimed() (Claimed, bool) { return ClaimedIn(ch.Source) }
