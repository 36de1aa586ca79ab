// SPDX-License-Identifier: AGPL-3.0-or-later

// Package submission is what a report from outside is made of: the message
// inside a seal, the pieces of its files, and the single sealed file that is
// written where there is no line. docs/spec/submission.md has it byte for byte.
//
// Lengths that are seen from outside are rounded up, so that they tell little:
// a message to 4 KiB, the last piece of a file to 64 KiB.
//
// It must never read more than its limits, keep in the clear what was sealed,
// or take something for a message that is written otherwise than it says.
package submission
