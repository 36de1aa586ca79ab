// SPDX-License-Identifier: AGPL-3.0-or-later

// Package inbox keeps what people outside send in: sealed before it comes
// here, to an identity that this machine does not have. It takes reports while
// the register is locked, lets their senders come back, and gives them the
// answers, which are sealed too. docs/spec/inbox.md has its files.
//
// A report is known by the door that its receipt opens (package receipt), of
// which the SHA-256 alone is kept. Days are kept, no hours: not in a file, not
// in the times of the files themselves.
//
// It must never open what it keeps, keep anything of who sends, say that a
// report is there before the disk does, or let what is sent fill the disk.
package inbox
