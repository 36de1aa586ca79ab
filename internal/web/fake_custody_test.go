// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"github.com/kua-registry/kua/internal/casefile"
	"github.com/kua-registry/kua/internal/registry"
)

// The case of the invented register that has things in it.
const (
	caseThings  = "00000000000000000000000000000006"
	jacket      = "000000000000000000000000000000d1"
	bullet      = "000000000000000000000000000000d2"
	custodyPath = "/cases/" + caseThings + "/custody"
)

func thingsEntries() []casefile.Entry {
	at := moment("2022-06-12T10:30:00Z")
	put := func(id, kind string, fields casefile.Fields) casefile.Entry {
		return casefile.Entry{At: at, Record: id, Kind: kind, Op: casefile.Put, Fields: fields, Author: memberID}
	}
	all := []casefile.Entry{
		put(caseThings, "case", casefile.Fields{"org": {orgNorth}, "number": {"K-0006"}, "opened": {"2022-06-12"}}),
		put(jacket, "evidence", casefile.Fields{"kind": {"clothing"}, "description": {"A jacket " + hostile}}),
		put(bullet, "evidence", casefile.Fields{"kind": {"bullet_fragment"}, "state": {"held"}}),
		put("h1", "handover", casefile.Fields{"evidence": {jacket}, "event": {"received"}, "date": {"2022-01-12"}, "from_role": {"victim"}, "to": {"Sample Worker"}, "to_role": {"us"}, "how": {"in_person"}, "state": {"unchanged"}, "place": {"Safe of the office"}}),
		put("h2", "handover", casefile.Fields{"evidence": {jacket}, "event": {"sealed"}, "date": {"2022-01-13"}, "from": {"Sample Worker"}, "seal": {"A-17"}, "seal_state": {"intact"}}),
		put("h3", "handover", casefile.Fields{"evidence": {jacket}, "event": {"transferred"}, "date": {"2022-02-01"}, "from": {"Sample Other"}, "to": {"Sample Expert " + hostile}, "to_role": {"court"}, "seal": {"A-18"}, "state": {"damaged"}, "state_words": {"A sleeve is torn " + hostile}}),
	}
	for i := range all {
		all[i].Pos = uint64(i + 1)
	}
	return all
}

// thingsCase answers the case with things in it.
func (f *fake) thingsCase(c registry.Clock) registry.CaseView {
	file := casefile.Fold(f.book, caseThings, thingsEntries())
	row := registry.Row{ID: caseThings, Number: "K-0006", Org: orgNorth, OrgName: "Northern Sample Centre", Cluster: caseThings, Stage: "reported", Reported: day("2022-06-12"), Updated: moment("2022-06-20T08:00:00Z"), FactsOnly: f.access == "facts"}
	return registry.CaseView{Row: row, Clock: c, MayWrite: f.access == "", MayHandOver: f.access == "", Review: fakeReviews["draft"], Stage: file.Stage(f.Today()), Records: file.Records(), Timeline: file.Timeline()}
}
