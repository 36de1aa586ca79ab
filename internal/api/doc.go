// SPDX-License-Identifier: AGPL-3.0-or-later

// Package api serves the interface for programs: JSON over HTTP under /api/v1,
// described by an OpenAPI 3.1 document whose records are made from the codebook.
// docs/spec/api.md says what it promises.
//
// A program comes with a key of a member. Each request is a session of that
// member, limited to what the key leaves (access.Limit), for as long as the
// request lasts; what it is answered comes from the same use cases that the
// pages ask, and so from the same function that decides. Names that leave this
// way stand in the audit as those that a page shows.
//
// It must never reach a store, a key or the index, never write a name, a case
// number or a search term to a log, never put into an error what somebody wrote,
// and never answer with anything that the OpenAPI document does not say.
package api
