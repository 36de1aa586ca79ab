// SPDX-License-Identifier: AGPL-3.0-or-later

package ftm

// schemata are the schemata that are written, with the properties that each has,
// its own and those of what it extends, as far as they are used here. What stands
// first is required of it.
//
// Thing: name, alias, summary, description, keywords, address, notes.
// LegalEntity extends Thing: email, phone, idNumber. Person, Organization extend LegalEntity.
// Interval: startDate, endDate, date, summary, recordId.
// Event extends Interval, Analyzable, Thing: location, involved.
// Interest extends Interval: role. Membership, UnknownLink extend Interest.
func schemata() map[string][]string {
	return map[string][]string{
		"Person":       {"name", "alias", "description", "notes", "address", "email", "phone", "idNumber", "firstName", "lastName", "fatherName", "birthDate", "deathDate", "gender", "ethnicity", "position"},
		"Organization": {"name"},
		"Event":        {"name", "description", "keywords", "notes", "startDate", "endDate", "date", "recordId", "location", "involved"},
		"Membership":   {"member", "organization", "role"},
		"UnknownLink":  {"subject", "object", "role"},
	}
}

// required are the properties that a schema wants.
func required() map[string][]string {
	return map[string][]string{"Person": {"name"}, "Organization": {"name"}, "Event": {"name"}, "Membership": {"member", "organization"}, "UnknownLink": {"subject", "object"}}
}
