// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/kua-registry/kua/internal/casefile"
)

// kindAudit is the kind of the entries that say who read what. They are lines
// of the audit and nothing else: they have no version, end none, count nowhere,
// and no clock of the register knows of them.
const kindAudit = "audit"

// AuditLine is one line of the audit: made of an entry of kind audit, or of
// another entry that says itself what was done, such as a grant.
type AuditLine struct {
	Pos    uint64    // of the entry it was made of
	At     time.Time // UTC, to the millisecond
	Member string    // who did it, or on whose account it was tried; empty: nobody known
	Act    string    // code of list audit_act
	What   string    // code of list audit_what
	About  string    // the member, organisation or invitation it was done to
	N      int       // how many such acts, or rows, the line stands for
	Device string
	Alarm  string
	Note   string
	Cases  []string // ids
}

// refusedActs are the acts that were not let happen.
const refusedActs = `('refused', 'sign_in_failed')`

// Refused tells whether the act was not let happen.
func (l AuditLine) Refused() bool { return l.Act == "refused" || l.Act == "sign_in_failed" }

// writeAudit adds a line.
func writeAudit(c *conn, line AuditLine) error {
	cases := []byte{} // not nil: that would be a NULL
	for _, id := range line.Cases {
		raw, err := hex.DecodeString(id)
		if err != nil || len(raw) != 16 {
			continue // no id of a case
		}
		cases = append(cases, raw...)
	}
	at := line.At.UnixMilli()
	err := c.Run(`INSERT INTO audit(pos, at, member, act, what, about, n, device, alarm, note, cases) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, nil,
		int64(line.Pos), at, line.Member, line.Act, line.What, line.About, int64(line.N), line.Device, line.Alarm, line.Note, cases)
	if err != nil {
		return err
	}
	for raw := range slices.Chunk(cases, 16) {
		if err := c.Run(`INSERT OR IGNORE INTO audited(id, at, pos) VALUES(?, ?, ?)`, nil, raw, at, int64(line.Pos)); err != nil {
			return err
		}
	}
	return nil
}

// auditLine reads the line that an entry makes, if it makes one. before are the
// entries of its stream until then.
func auditLine(stream string, before []casefile.Entry, e casefile.Entry) (AuditLine, bool) {
	line := AuditLine{Pos: e.Pos, At: e.At, Member: e.Author, N: 1}
	f, old := e.Fields, fieldsOf(before, e.Record)
	put := e.Op == casefile.Put
	changed := func(field string) bool { return !slices.Equal(f[field], old[field]) }
	switch e.Kind {
	case kindAudit:
		line.Act, line.What, line.Device, line.Alarm, line.Note = first(f, "act"), first(f, "what"), first(f, "device"), first(f, "alarm"), first(f, "note")
		line.Cases = f["case"]
		if line.Act == "sign_in_failed" { // nobody had signed in: the node wrote the line
			line.Member = first(f, "member")
		}
		if n, err := strconv.Atoi(first(f, "n")); err == nil {
			line.N = n
		}
		return line, put && line.Act != ""
	case "grant":
		line.Act, line.Cases = "grant", []string{stream}
		if !put {
			line.Act, f = "revoke", old
		}
		line.About = first(f, "org") + first(f, "member") // one of them is empty
	case kindCase:
		if e.Record != stream || !put || restricted(f) == restricted(old) {
			return line, false
		}
		line.Act, line.Cases = "restrict", []string{stream}
		if !restricted(f) {
			line.Act = "unrestrict"
		}
	case "erasure":
		line.Act, line.Cases = "erase", []string{stream}
	case "invitation":
		line.Act, line.About = "invite", stream
		if first(f, "taken_back") == "yes" {
			line.Act = "invite_back"
		}
	case "member":
		line.About = stream
		switch {
		case old == nil:
			line.Act = "joined"
		case changed("left"):
			line.Act = "ended"
		case changed("roles") || changed("org"):
			line.Act = "roles"
		case changed("second_factor"):
			line.Act = "factor"
		default:
			return line, false
		}
	case kindOrganisation:
		line.Act, line.About = "organisation", stream
	case "second_factor":
		line.Act = "factor"
	case "share_set":
		line.Act = "shares"
	case "recovery":
		line.Act, line.About = "rehearsed", first(f, "member")
		if first(f, "what") == "recovery" {
			line.Act = "recovered"
		}
		if n, err := strconv.Atoi(first(f, "shares")); err == nil {
			line.N = n
		}
	default:
		return line, false
	}
	return line, put || line.Act == "revoke"
}

// fieldsOf are the fields of a record as entries leave it; nil: there are none.
func fieldsOf(entries []casefile.Entry, record string) casefile.Fields {
	for _, e := range slices.Backward(entries) {
		if e.Record == record && e.Op == casefile.Put {
			return e.Fields
		}
	}
	return nil
}

// AuditQuery selects lines of the audit, the newest first. Zero values select all.
type AuditQuery struct {
	Member   string // who did it
	Act      string
	Case     string // id
	Refused  bool   // only what was not let happen
	From, To time.Time
	After    string // cursor of the page before
	Limit    int    // 1 to 200; 0: 50
	// Show answers what of a line its reader may see, and false for a line they
	// may not know of; nil: all of all.
	Show func(AuditLine) (AuditLine, bool)
}

// AuditPage is a page of lines. It may hold fewer than were asked for, and
// still not be the last.
type AuditPage struct {
	Lines []AuditLine
	Next  string // cursor of the next page; empty: this is the last
}

const auditColumns = `a.pos, a.at, a.member, a.act, a.what, a.about, a.n, a.device, a.alarm, a.note, a.cases`

func scanAudit(s *sqlite3.Stmt) AuditLine {
	line := AuditLine{
		Pos: uint64(s.ColumnInt64(0)), At: time.UnixMilli(s.ColumnInt64(1)).UTC(), Member: s.ColumnText(2), Act: s.ColumnText(3),
		What: s.ColumnText(4), About: s.ColumnText(5), N: s.ColumnInt(6), Device: s.ColumnText(7), Alarm: s.ColumnText(8), Note: s.ColumnText(9),
	}
	for raw := range slices.Chunk(s.ColumnRawBlob(10), 16) {
		line.Cases = append(line.Cases, hex.EncodeToString(raw))
	}
	return line
}

// mostScanned is how many lines one page looks through for those that its
// reader may see: then it is answered as it is, with a cursor to go on from.
const mostScanned = 20_000

// errEnough ends a question that has its answer.
var errEnough = errors.New("enough")

// Audit answers a page of the audit.
func (ix *Index) Audit(ctx context.Context, q AuditQuery) (page AuditPage, err error) {
	from := `audit a`
	var where []string
	var args []any
	and := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	if q.Case != "" {
		raw, err := hex.DecodeString(q.Case)
		if err != nil || len(raw) != 16 {
			return AuditPage{}, ErrNotFound
		}
		from = `audited d CROSS JOIN audit a ON a.pos = d.pos`
		and(`d.id = ?`, raw)
	}
	at, pos := `a.at`, `a.pos`
	if q.Case != "" {
		at, pos = `d.at`, `d.pos`
	}
	if q.Member != "" {
		and(`a.member = ?`, q.Member)
	}
	if q.Act != "" {
		and(`a.act = ?`, q.Act)
	}
	if q.Refused {
		and(`a.act IN ` + refusedActs)
	}
	if !q.From.IsZero() {
		and(at+` >= ?`, q.From.UnixMilli())
	}
	if !q.To.IsZero() {
		and(at+` < ?`, q.To.UnixMilli())
	}
	if q.After != "" {
		var t, p int64
		if n, err := fmt.Sscanf(q.After, "%d-%d", &t, &p); n != 2 || err != nil {
			return AuditPage{}, ErrCursor
		}
		and(at+` <= ? AND (`+at+` < ? OR `+pos+` < ?)`, t, t, p)
	}
	sql := `SELECT ` + auditColumns + ` FROM ` + from
	if len(where) > 0 {
		sql += ` WHERE ` + strings.Join(where, ` AND `)
	}
	sql += ` ORDER BY ` + at + ` DESC, ` + pos + ` DESC`
	limit := pageSize(q.Limit)
	scanned, before := 0, AuditLine{}
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(sql, func(s *sqlite3.Stmt) error {
			line := scanAudit(s)
			if scanned++; scanned > mostScanned {
				page.Next = fmt.Sprintf("%d-%d", before.At.UnixMilli(), before.Pos)
				return errEnough
			}
			before = line
			if q.Show != nil {
				var ok bool
				if line, ok = q.Show(line); !ok {
					return nil
				}
			}
			if len(page.Lines) == limit {
				last := page.Lines[limit-1]
				page.Next = fmt.Sprintf("%d-%d", last.At.UnixMilli(), last.Pos)
				return errEnough
			}
			page.Lines = append(page.Lines, line)
			return nil
		}, args...)
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return page, failed("reading the audit", err)
}

// AuditBetween answers all lines from a moment until before another, in their order.
func (ix *Index) AuditBetween(ctx context.Context, from, to time.Time) (lines []AuditLine, err error) {
	err = ix.read(ctx, func(c *conn) error {
		return c.Run(`SELECT `+auditColumns+` FROM audit a WHERE a.at >= ? AND a.at < ? ORDER BY a.at, a.pos`, func(s *sqlite3.Stmt) error {
			lines = append(lines, scanAudit(s))
			return nil
		}, from.UnixMilli(), to.UnixMilli())
	})
	return lines, failed("reading the audit", err)
}
