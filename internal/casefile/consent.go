// SPDX-License-Identifier: AGPL-3.0-or-later

package casefile

import "github.com/kua-registry/kua/internal/edtf"

// The states of a consent on a day.
const (
	NoConsent        = ""          // nobody asked, or it could not be asked
	ConsentGiven     = "given"     // it holds
	ConsentWithdrawn = "withdrawn" // taken back, or refused
	ConsentExpired   = "expired"
)

// Consent says how the consents to a purpose stand on a day, and the one that
// decides: of several the one dated last; nil: there is none. Asked are those
// whose person counts; the person of a consent may be empty.
func Consent(records []*Record, purpose string, day edtf.Day, counts func(person string) bool) (state string, last *Record) {
	for _, rec := range records {
		if rec.Kind != "consent" || rec.Withdrawn || rec.Get("purpose") != purpose || !counts(rec.Get("person")) {
			continue
		}
		if last == nil || rec.Counts > last.Counts || rec.Counts == last.Counts && !rec.At.Before(last.At) {
			last = rec
		}
	}
	if last == nil {
		return NoConsent, nil
	}
	passed := func(field string) (edtf.Day, bool) {
		d, ok := last.DateOf(field)
		return d.Earliest(), ok
	}
	withdrawn, isWithdrawn := passed("withdrawn")
	expires, hasEnd := passed("expires")
	switch s := last.Get("state"); {
	case isWithdrawn && withdrawn <= day, s == "withdrawn", s == "refused":
		return ConsentWithdrawn, last
	case hasEnd && expires < day, s == "expired":
		return ConsentExpired, last
	case s == "given":
		return ConsentGiven, last
	}
	return NoConsent, last
}
