// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kua-registry/kua/internal/access"
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/ledger"
	"github.com/kua-registry/kua/internal/safecopy"
)

// CaseFile is a file that came with a case of a list.
type CaseFile struct {
	Key  string // the list's own number of the case
	Name string
	Date string // since when it was there (EDTF); empty: not recorded
	Open func() (io.ReadCloser, error)
}

// ImportedFiles says what became of them.
type ImportedFiles struct {
	New     int      `json:"new"`
	Same    int      `json:"same"`              // the case had them, or they were taken back
	NoCase  int      `json:"no_case,omitempty"` // their case is none of the organisation's that the member may write
	Refused []string `json:"refused,omitempty"` // names of those that are empty or too large
}

// withFile begins the source of what is written for a file that came with a list.
// It is not a list's own source: what the next list does not say stays.
const withFile = "came with "

// ImportFiles puts files that came with the cases of a list into them, as
// evidence that was received today with that list. A file is known again by its
// SHA-256: one that the case has, or that was taken back there, is left as it is.
func (r *Registry) ImportFiles(ctx context.Context, s *access.Session, org, list string, files []CaseFile, progress func(done, total int)) (done ImportedFiles, err error) {
	defer r.refusal(ctx, s, "import", "", &err)
	if !access.Decide(s.Member, access.WriteCase, access.Thing{Org: org}) {
		return done, ErrNotAllowed
	}
	known, err := r.index.ExternalIDs(ctx, org, r.see(s.Member))
	if err != nil {
		return done, err
	}
	for i, f := range files {
		id, ok := known[f.Key]
		if !ok {
			done.NoCase++
			continue
		}
		fresh, err := r.importFile(ctx, s, id, list, f)
		switch {
		case errors.Is(err, ErrFileEmpty), errors.Is(err, ErrFileSize):
			done.Refused = append(done.Refused, fileName(f.Name))
		case err != nil:
			return done, fmt.Errorf("%s: %w", fileName(f.Name), err)
		case fresh:
			done.New++
		default:
			done.Same++
		}
		if progress != nil {
			progress(i+1, len(files))
		}
	}
	return done, nil
}

// importFile puts one file into a case that does not have it.
func (r *Registry) importFile(ctx context.Context, s *access.Session, caseID, list string, f CaseFile) (fresh bool, err error) {
	sum, media, size, err := digest(f)
	if err != nil {
		return false, err
	}
	if size == 0 {
		return false, ErrFileEmpty
	}
	file, err := r.index.Case(ctx, caseID, allKnown)
	if err != nil {
		return false, notFound(err)
	}
	for _, rec := range fileRecords(file) {
		if rec.Get("sha256") == sum {
			return false, nil
		}
	}
	item := ""
	for _, rec := range file.Of("evidence") {
		if rec.Get("sha256") == sum {
			item = rec.ID
		}
	}
	if item == "" {
		item = ledger.NewID().String()
		today := r.Today().String()
		fields := casefile.Fields{
			"kind": {evidenceKind(media)}, "obtained": {today}, "state": {"held"}, "sha256": {sum}, "hashed": {"yes"}, "file_name": {fileName(f.Name)},
		}
		if f.Date != "" {
			fields["date"] = []string{f.Date}
		}
		err := r.Write(ctx, s, caseID, []Put{
			{Record: item, Kind: "evidence", Fields: fields},
			{Record: ledger.NewID().String(), Kind: "handover", Fields: casefile.Fields{"evidence": {item}, "event": {"received"}, "date": {today}}},
		}, nil, "", withFile+list)
		if err != nil {
			return false, err
		}
	}
	content, err := f.Open()
	if err != nil {
		return false, err
	}
	defer content.Close()
	_, err = r.AddFile(ctx, s, caseID, NewFile{Evidence: item, Name: f.Name, Content: content})
	return err == nil, err
}

// digest reads a file once, for its SHA-256 and for what it is by its first bytes.
func digest(f CaseFile) (sum, media string, size int64, err error) {
	content, err := f.Open()
	if err != nil {
		return "", "", 0, err
	}
	defer content.Close()
	head, err := io.ReadAll(io.LimitReader(content, safecopy.HeadSize))
	if err != nil {
		return "", "", 0, err
	}
	h := sha256.New()
	if size, err = io.Copy(h, io.MultiReader(bytes.NewReader(head), io.LimitReader(content, FileLimit))); err != nil {
		return "", "", 0, err
	}
	if size > FileLimit {
		return "", "", 0, ErrFileSize
	}
	return hex.EncodeToString(h.Sum(nil)), string(safecopy.Sniff(head)), size, nil
}

// evidenceKind is what kind of evidence a file is, by its media type.
func evidenceKind(media string) string {
	for begins, code := range map[string]string{"image/": "photo", "video/": "video", "audio/": "audio"} {
		if strings.HasPrefix(media, begins) {
			return code
		}
	}
	return "unknown"
}
