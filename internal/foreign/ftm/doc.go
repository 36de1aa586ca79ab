// SPDX-License-Identifier: AGPL-3.0-or-later

// Package ftm writes cases as entities of FollowTheMoney, the model of Aleph and
// OpenSanctions: a line of JSON for each person, event, body and relationship.
//
// What schemata and properties there are is said in schema.go, as read in
// followthemoney 4 (followthemoney/schema/*.yaml, github.com/alephdata and
// opensanctions, MIT); an entity has no other property. Ids are those of the
// records, so that a second export gives the same entities.
//
// FollowTheMoney has people and events and no procedure: what was complained of,
// registered, examined and decided has no place in it, and the report of the
// export says so, field by field. A person without a name is no entity, for the
// model wants one of everybody.
package ftm
