// SPDX-License-Identifier: AGPL-3.0-or-later

// Package once remembers for a day what programs were answered, so that one
// that asks again, because the line broke, has nothing done twice. An answer
// holds ids and versions and nothing of what was written.
//
// It must never hold what somebody wrote, and never keep an answer longer than
// it says: what is dropped is overwritten.
package once
