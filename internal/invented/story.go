// SPDX-License-Identifier: AGPL-3.0-or-later

package invented

import (
	"fmt"

	"github.com/kua-registry/kua/internal/edtf"
)

// tell makes up what happened, and what was written down of it.
func (s *story) tell() {
	who, x := s.who, s.x
	s.c.Script = []Script{Russian, Kazakh, Latin, Russian}[s.c.Org%4]
	s.text = russian
	if s.c.Script == Kazakh {
		s.text = kazakh
	}

	// What happened: the same for everybody who writes it down.
	at := regions[0]
	for share, i := who.IntN(100), 0; i < len(regions); i++ {
		if share -= regions[i].share; share < 0 || i == len(regions)-1 {
			at = regions[i]
			break
		}
	}
	town := pick(who, at.towns)
	sex := "m"
	if chance(who, 12.5) {
		sex = "f"
	}
	lag := 1 + who.IntN(45)
	if chance(who, 12) {
		lag += 60 + who.IntN(900) // who did not dare before
	}
	backlog := 0
	if chance(who, 15) {
		backlog = 40 + who.IntN(300) // from an older list
	}
	received := s.r.Written(s.c.Same).Add(-backlog - who.IntN(4))
	incident := received.Add(-lag)
	age := 18 + int(float64(who.IntN(50))*who.Float64()) + who.IntN(8)
	child := chance(who, 7.5)
	if child {
		age = 13 + who.IntN(5)
	}
	born := incident.AddMonths(-12 * age).Add(-who.IntN(360))
	s.c.Person = person(who, sex, born)
	if s.second {
		received = s.written.Add(-x.IntN(3))
	}
	s.heard = received
	facility := -1
	place := most(who, "police_district", "police_city", "street", "vehicle", "sizo", "ivs", "colony", "nsc_site")
	for i, at2 := range regions {
		for k, kind := range facilityKinds {
			if at2.code == at.code && kind.kind == place {
				facility = i*len(facilityKinds) + k
			}
		}
	}
	inFacility := func(percent float64) string {
		if facility < 0 || !chance(x, percent) {
			return ""
		}
		return s.r.facility(facility)
	}
	body := most(who, "police", "police", "special_units", "nsc", "national_guard", "penal", "army")
	official := s.r.random(who.IntN(s.r.officials()), "official")
	s.words = told{town: town, day: s.say(incident), time: fmt.Sprintf("%02d:%02d", who.IntN(24), 5*who.IntN(12)), name: Russian.spell(person(official, "m", 0).Family)}
	january := incident >= day("2022-01-02") && incident <= day("2022-01-31")

	// The case, who it is about, and how it came.
	s.c.Restricted = chance(x, 0.5)
	context := ""
	if january {
		context = "january_2022"
	}
	s.put("case", received, "org", s.r.OrgID(s.c.Org), "number", s.c.Number, "opened", s.written.String(), "restricted", map[bool]string{true: "yes"}[s.c.Restricted],
		"external_id", fmt.Sprintf("%c-%d/%02d", 'А'+rune(s.c.Org%20), 1+s.c.N/s.r.Orgs, s.written.Year()%100), "context", context)
	from := most(x, "victim", "relative", "lawyer", "cellmate", "reporter")
	s.put("report", received, "received", received.String(), "channel", most(x, "hotline", "visit", "messenger", "relative", "lawyer", "spreadsheet", "other_organisation", "letter"),
		"by_role", from, "language", map[bool]string{true: "kk", false: "ru"}[s.c.Script == Kazakh], "region", at.code, "city", town,
		"summary", tell(x, s.text.summary, 3+x.IntN(7), s.words), "verification", most(x, "single_source", "unverified", "corroborated", "documented"))
	name := s.c.Person.asWritten(x, s.c.Script)
	birth, year := born.String(), number(born.Year())
	switch {
	case chance(x, 20):
		birth = year // only the year is known
	case chance(x, 8):
		birth, year = "", ""
	}
	other := ""
	if chance(x, 35) {
		other = s.c.Person.In((s.c.Script + 1 + Script(x.IntN(2))) % 3).Full()
	}
	victim := s.put("person", received, "role", "victim", "family", name.Family, "given", name.Given, "patronymic", name.Patronymic, "full_name", name.Full(), "other_names*", other,
		"sex", s.some(95, sex), "birth", birth, "birth_year", year, "child", yes(child), "age_band", s.some(85, band(age)),
		"role_then*", s.some(70, most(x, "protester", "bystander", "suspect", "convict", "detainee_administrative", "witness", "activist")),
		"language*", map[bool]string{true: "kk", false: "ru"}[s.c.Script == Kazakh], "occupation", s.some(50, most(x, "водитель", "строитель", "безработный", "продавец", "студент", "учитель", "сварщик")),
		"phones*", s.c.Person.Phone, "life_status", map[bool]string{true: "dead_in_custody", false: s.some(60, most(x, "alive_free", "alive_free", "alive_held", "injured_recovering"))}[chance(who, 0.6)])
	if from != "victim" || chance(x, 30) {
		teller := person(x, map[bool]string{true: "f", false: "m"}[chance(x, 50)], 0)
		spelt := teller.asWritten(x, s.c.Script)
		role := from
		if role == "victim" {
			role = "relative"
		}
		s.put("person", received, "role", role, "family", spelt.Family, "given", spelt.Given, "full_name", spelt.Full(), "phones*", teller.Phone,
			"relation", map[bool]string{true: most(x, "spouse", "parent", "sibling", "child")}[role == "relative"])
	}
	s.put("consent", received, "person", victim, "purpose", "store", "state", "given", "by", map[bool]string{true: "guardian", false: "self"}[child], "given", received.String(), "medium", most(x, "oral", "written", "electronic"), "explained", "yes")
	for _, purpose := range []string{"statistics", "complain", "publish_anonymous"} {
		if chance(x, 55) {
			s.put("consent", received, "person", victim, "purpose", purpose, "state", most(x, "given", "given", "given", "refused"), "given", received.String(), "medium", most(x, "oral", "written"))
		}
	}

	// What was done.
	detention := ""
	if place != "street" || chance(who, 50) {
		detention = s.put("detention", received, "from", s.date(incident, 14), "to", s.some(50, s.date(incident.Add(1+who.IntN(4)), 10)), "how", most(who, "stopped_in_street", "at_protest", "at_home", "summoned", "checkpoint"),
			"ground", most(x, "none", "suspicion", "administrative", "curfew"), "reason_given", s.some(60, "no"), "record_made", s.some(50, "no"), "place_type", place, "facility", inFacility(60),
			"region", at.code, "city", town, "body", body, "officers", number(2+who.IntN(6)), "lawyer_access", s.some(60, "no"), "family_told", s.some(55, "no"), "release", most(x, "released", "transferred", "hospital", "arrest", "held"))
	}
	methods := several(who, 1+who.IntN(4), "beat", "beat_object", "threat_death", "electric", "dry_asphyxia", "stress_position", "nudity", "medical_denied", "falanga", "humiliation", "sexual_threat", "burn", "wet_asphyxia", "suspension", "rape")
	act := s.put("act", received, "date", s.date(incident, 18), "methods*", methods, "instruments*", several(who, 1+who.IntN(2), "hands_feet", "truncheon", "stick_pipe", "bag", "electric_device", "rifle"),
		"purpose*", several(who, 1, "confession", "punishment", "intimidation", "information"), "body_region*", several(who, 1+who.IntN(3), "head", "ribs", "lower_back", "sole", "legs", "face", "buttock"),
		"place_type", place, "facility", inFacility(70), "region", at.code, "city", town, "body", body, "perpetrators", number(1+who.IntN(6)), "detention", detention,
		"words_quoted", s.some(35, pick(x, s.text.words)), "account", s.some(75, tell(x, s.text.account, 4+x.IntN(9), s.words)))
	if chance(x, 22) {
		s.put("act", received, "date", s.date(incident.Add(1), 30), "methods*", several(who, 1+who.IntN(2), "threat", "threat_family", "medical_denied", "crowding", "isolation"), "place_type", most(who, "ivs", "sizo", "police_city"), "region", at.code, "body", body)
	}
	for range who.IntN(3) {
		s.put("injury", received, "date", s.date(incident, 10), "kind", most(who, "bruise", "abrasion", "fracture", "head_injury", "laceration", "ear_drum", "gunshot", "burn"),
			"body_region*", several(who, 1, "head", "ribs", "lower_back", "face", "legs", "shoulder"), "act", act, "recorded_by", most(x, "victim", "doctor", "interviewer", "lawyer"))
	}
	if chance(x, 25) {
		s.put("health_outcome", received.Add(20), "date", s.date(received.Add(x.IntN(60)), 30), "kind", most(who, "ptsd", "hearing_loss", "depression", "chronic_pain", "sleep", "anxiety"), "recorded_by", most(x, "doctor", "interviewer"))
	}
	for range x.IntN(3) {
		s.put("evidence", received.Add(x.IntN(60)), "kind", most(x, "medical_record", "photo", "cctv", "statement", "video", "witness_statement", "official_letter"), "date", s.date(incident.Add(x.IntN(9)), 10),
			"state", most(x, "held", "exists_not_secured", "asked", "lost"), "held_by", most(x, "us", "victim", "hospital", "police"), "description", s.some(40, tell(x, s.text.note, 1, s.words)))
	}
	if chance(x, 40) {
		named := ""
		if chance(who, 60) {
			named = s.r.official(who.IntN(s.r.officials()))
		}
		s.put("suspect", received.Add(x.IntN(30)), "identification", most(x, "described", "not_identified", "named", "on_video"), "official", named, "body", body, "count", number(1+x.IntN(4)), "involvement*", several(x, 1, "direct", "present", "ordered"),
			"status", most(x, "in_post_uncharged", "unidentified", "suspect", "suspended"), "description", s.some(40, tell(x, s.text.account[10:], 1, s.words)))
	}
	if chance(x, 50) {
		s.put("risk", received, "person", victim, "level", most(x, "r1", "r2", "r0", "r3"), "kinds*", several(x, 1+x.IntN(2), "threat", "family_pressure", "reprisal_charge", "job_loss"), "assessed", received.String(), "plan", tell(x, s.text.plan, 1+x.IntN(2), s.words))
	}
	last := s.path(received, at.code)
	s.work(received, last, victim)
}

// path makes up what became of it, and answers the last day of it.
func (s *story) path(received edtf.Day, region string) edtf.Day {
	who, x := s.who, s.x
	last := received
	knows := func(percent float64) bool { return !s.second || chance(x, percent) } // the second organisation has heard of less
	filed, complained := "", edtf.Day(0)
	switch n := who.IntN(100); {
	case n < 58:
		filed, complained = "yes", received.Add(who.IntN(25)-4)
	case n < 72:
		filed = "no"
	}
	complaint := ""
	if filed != "" && knows(85) {
		reason := ""
		if filed == "no" {
			reason = most(who, "fear_of_reprisals", "no_trust", "fear_of_reprisals", "no_knowledge", "did_not_want", "no_lawyer")
		}
		complaint = s.put("complaint", max(complained, received), "filed", filed, "date", s.date(complained, 6), "to_body", map[bool]string{true: most(who, "prosecutor", "police", "acs", "general_prosecutor")}[filed == "yes"],
			"channel", map[bool]string{true: most(x, "lawyer", "in_person", "electronic", "post")}[filed == "yes"], "no_complaint_reason", reason,
			"receipt_given", map[bool]string{true: s.some(60, most(x, "yes", "no"))}[filed == "yes"], "summary", map[bool]string{true: s.some(60, tell(x, s.text.demand, 2, s.words))}[filed == "yes"])
	}
	if !(filed == "yes" && chance(who, 82) || filed == "" && chance(who, 20)) {
		return max(last, complained)
	}
	registered := max(complained, received).Add(1 + who.IntN(40))
	status, article, part, offence, by := "erdr", "146", "2", "torture_qualified", most(who, "acs", "police", "prosecutor")
	switch n := who.IntN(100); {
	case n < 66:
		if chance(who, 6) {
			article, part, offence = "362", "4", "abuse_362"
		}
	case n < 82:
		status = "unregistered_check"
	case n < 88:
		status = "kui_only"
	case n < 95:
		status = "refused"
	default:
		status = "forwarded"
	}
	if status != "erdr" {
		article, part, offence = "", "", ""
	}
	registration := ""
	if knows(80) {
		registration = s.put("registration", registered, "status", status, "date", registered.String(), "complaint", complaint, "article", article, "part", part, "offence", offence,
			"article_written", map[bool]string{true: article + " ч. " + part}[article != ""], "body", by, "register_no", map[bool]string{true: fmt.Sprintf("%02d%s%s", registered.Year()%100, "75", digits(x, 11))}[status == "erdr"])
	}
	last = registered
	if status != "erdr" {
		return last
	}
	if chance(who, 62) && knows(80) {
		victim := chance(who, 60)
		decided := registered.Add(5 + who.IntN(50))
		s.put("investigation", decided, "from", registered.String(), "registration", registration, "body", by, "form", "preliminary_investigation", "own_staff", s.some(40, yes(by == "police")),
			"victim_status", map[bool]string{true: "yes"}[victim], "status_decided", map[bool]string{true: decided.String()}[victim])
	}
	if chance(who, 75) { // 52 of 69
		ordered := registered.Add(1 + who.IntN(45))
		held := edtf.Day(0)
		if chance(who, 80) {
			held = ordered.Add(who.IntN(30))
		}
		exam := ""
		if knows(80) {
			exam = s.put("examination", ordered, "kind", "sme", "official", "yes", "ordered", ordered.String(), "ordered_by", by, "by_body", "forensic_centre", "setting", most(x, "forensic_centre", "police_premises", "hospital"))
			if held != 0 {
				s.change(exam, held, "", "held", held.String(), "result", most(who, "supports_partly", "no_injury", "supports", "inconclusive"), "conclusion_shown", most(x, "no", "yes"), "minutes", s.some(40, number(10+x.IntN(50))))
			}
		}
		last = max(ordered, held)
	}
	if chance(who, 14) {
		held := registered.Add(15 + who.IntN(90))
		if knows(80) {
			s.put("examination", held, "kind", "sppe", "official", "yes", "held", held.String(), "minutes", number(10+who.IntN(120)), "setting", most(x, "hospital", "acs_premises", "police_premises"))
		}
		last = max(last, held)
	}
	for range who.IntN(3) {
		day := registered.Add(3 + who.IntN(80))
		if knows(70) {
			s.put("step", day, "kind", most(who, "victim_interviewed", "witness_interviewed", "video_requested", "identification_parade", "site_inspection", "confrontation", "video_lost"), "date", day.String(), "body", by, "result", most(who, "done", "not_done", "refused", "failed"))
		}
		last = max(last, day)
	}
	if !chance(who, 58) {
		return last
	}
	decided := last.Add(20 + who.IntN(240))
	kind := most(who, "closed", "closed", "suspended", "charged", "sent_to_court", "requalified")
	decision := ""
	if knows(85) {
		decision = s.put("decision", decided, "kind", kind, "date", decided.String(), "by_body", by, "ground", map[bool]string{true: most(who, "kz.35-1-2", "kz.35-1-1", "kz.35-1-2")}[kind == "closed"],
			"interruption_ground", map[bool]string{true: "kz.45-7-1"}[kind == "suspended"], "reasons_given", s.some(60, most(x, "no", "yes")), "evidence_left", s.some(40, "yes"), "ground_written", s.some(50, tell(x, s.text.decision, 1, s.words)))
	}
	last = decided
	if kind == "closed" && decision != "" {
		if chance(who, 75) {
			told := decided.Add(1 + who.IntN(40))
			s.put("notice", told, "of", decision, "date", told.String(), "channel", most(who, "sms", "post", "messenger", "phone", "copy_served"), "copy_given", most(who, "no", "no", "yes"), "text", s.some(50, tell(x, s.text.decision, 2, s.words)))
			last = max(last, told)
		}
		if chance(who, 40) {
			asked := decided.Add(3 + who.IntN(20))
			id := s.put("request", asked, "kind", most(who, "decision_copy", "case_file", "video"), "filed", asked.String(), "to_body", by, "of", decision)
			s.change(id, asked.Add(10+who.IntN(20)), "", "answer", most(who, "refused", "no_answer", "granted"), "answered", asked.Add(10+who.IntN(12)).String())
		}
		if chance(who, 44) { // 6 of 14
			appealed := decided.Add(2 + who.IntN(14))
			id := s.put("appeal", appealed, "of", decision, "date", appealed.String(), "to", most(who, "prosecutor", "investigating_judge", "higher_prosecutor"), "by_role", "lawyer", "grounds*", several(who, 1+who.IntN(2), "no_reasons", "evidence_ignored", "video_not_secured", "no_examination"))
			answered := appealed.Add(8 + who.IntN(40))
			s.change(id, answered, "", "answer_date", answered.String(), "outcome", most(who, "refused", "not_examined", "granted"))
			last = max(last, answered)
			if chance(who, 18) {
				s.put("decision", answered.Add(5), "kind", "overturned", "date", answered.Add(3).String(), "by_body", "prosecutor", "of", decision)
			}
		}
	}
	if kind == "sent_to_court" || kind == "charged" && chance(who, 50) {
		tried := decided.Add(25 + who.IntN(100))
		if knows(90) {
			s.put("hearing", tried, "date", tried.String(), "kind", "trial", "instance", "first", "victim_present", s.some(70, "yes"), "monitored", s.some(50, "yes"), "result", most(x, "held", "adjourned"))
		}
		last = tried
		if chance(who, 60) {
			ended := tried.Add(10 + who.IntN(100))
			outcome := most(who, "convicted", "acquitted", "requalified_convicted", "settled")
			s.put("verdict", ended, "date", ended.String(), "kind", outcome, "instance", "first", "article", map[bool]string{true: "146"}[outcome == "convicted"])
			last = ended
			if outcome == "convicted" {
				id := s.put("redress", ended.Add(20), "kind", "compensation", "state", "claimed", "claimed", ended.Add(10).String(), "amount", number(500_000+100_000*who.IntN(60)))
				if chance(who, 20) {
					paid := ended.Add(60 + who.IntN(300))
					s.change(id, paid, "", "state", "paid", "paid", paid.String(), "amount_paid", number(200_000+50_000*who.IntN(20)))
				}
			}
		}
	}
	return last
}

// work makes up the organisation's own work on it: calls, tasks, notes, and
// what it wrote wrongly at first.
func (s *story) work(received, last edtf.Day, victim string) {
	x := s.x
	span := max(20, min(last.Sub(received)+60, 700))
	for range 1 + x.IntN(3) {
		day := received.Add(x.IntN(span))
		s.put("contact", day, "date", day.String(), "person", victim, "way", most(x, "signal", "phone_call", "in_person", "via_relative"), "result", most(x, "reached", "reached", "not_reached", "call_back"), "summary", tell(x, s.text.contact, 1+x.IntN(3), s.words))
	}
	for range x.IntN(4) {
		set := received.Add(x.IntN(span))
		due := set.Add(7 + x.IntN(40))
		id := s.put("task", set, "kind", most(x, "file_complaint", "arrange_examination", "secure_video", "contact_victim", "request_file", "collect_document", "appeal"), "status", "open", "set", set.String(), "due", due.String(), "text", s.some(60, tell(x, s.text.task, 1+x.IntN(2), s.words)))
		if chance(x, 60) {
			done := set.Add(2 + x.IntN(50))
			s.change(id, done, "", "status", most(x, "done", "done", "done", "dropped"), "done", done.String())
		}
	}
	for range x.IntN(3) {
		day := received.Add(x.IntN(span))
		s.put("note", day, "date", day.String(), "text", tell(x, s.text.note, 1+x.IntN(3), s.words))
	}
	if chance(x, 35) {
		day := received.Add(x.IntN(span))
		s.put("intervention", day, "date", day.String(), "kind", most(x, "lawyer_assigned", "legal_advice", "medical_aid", "psychological_aid", "complaint", "open_letter"), "result", most(x, "done", "answered", "none"))
	}
	if chance(s.who, 4) {
		day := received.Add(60 + x.IntN(60))
		s.put("examination", day, "kind", "independent_ip", "official", "no", "held", day.String(), "setting", "ngo_premises", "by_body", "independent_expert", "result", "supports", "consistency", most(x, "ip2", "ip3", "ip1"), "photographs", "yes")
	}
	if chance(s.who, 6) {
		day := received.Add(x.IntN(200))
		s.put("reprisal", day, "date", s.date(day, 15), "kind", most(s.who, "threat", "summons", "visit_home", "pressure_to_withdraw"), "against", most(x, "victim", "family"), "person", victim, "outcome", "carried_out")
	}
	if chance(x, 14) { // a mistake that is put right
		right := s.c.Person.In(s.c.Script)
		s.change(victim, received.Add(15+x.IntN(120)), "исправлено по документам", "given", right.Given, "full_name", right.Full(), "family", right.Family)
	}
	if chance(x, 5) {
		id := s.put("note", received, "date", received.String(), "text", tell(x, s.text.note, 1, s.words))
		s.withdraw(id, "внесено по ошибке: относится к другому делу")
	}
}

// say is a day as a sentence has it.
func (s *story) say(d edtf.Day) string {
	months := [...]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}
	if s.c.Script == Kazakh {
		months = [...]string{"қаңтар", "ақпан", "наурыз", "сәуір", "мамыр", "маусым", "шілде", "тамыз", "қыркүйек", "қазан", "қараша", "желтоқсан"}
	}
	return fmt.Sprintf("%d %s", d.DayOfMonth(), months[d.Month()-1])
}

// band is an age group (list age_band).
func band(age int) string {
	for _, b := range []struct {
		under int
		code  string
	}{{14, "a0-13"}, {16, "a14-15"}, {18, "a16-17"}, {25, "a18-24"}, {35, "a25-34"}, {45, "a35-44"}, {60, "a45-59"}} {
		if age < b.under {
			return b.code
		}
	}
	return "a60"
}
