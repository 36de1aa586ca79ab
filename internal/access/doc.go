// SPDX-License-Identifier: AGPL-3.0-or-later

// Package access knows the members of a register and what they may do: who a
// member is, the sessions of those who have signed in, and Decide, the one
// function that says whether a member may see or change something. Every way
// out of the program asks it.
//
// It must never write a session to disk, never keep a passphrase, and never
// tell a caller why a sign-in failed beyond "the name or the passphrase is not
// right".
package access
