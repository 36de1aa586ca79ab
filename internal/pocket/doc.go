// SPDX-License-Identifier: AGPL-3.0-or-later

// Package pocket makes the page on which a member takes down, on their own
// phone and without any line, what somebody tells them. It looks like a
// notebook, is installed from the address of the pages for reports, and hands
// over there what it has sealed. docs/adr/0036-what-is-on-a-members-phone.md
// says what lies on the phone, docs/spec/pocket.md how.
//
// It is the same bytes for everybody, so that a digest says whether it is the
// right page. It has no register, no member and no session.
//
// It must never have the phone keep anything in the clear of what was typed,
// keep there what opens it while nobody writes, set a cookie, or fetch anything
// from elsewhere.
package pocket
