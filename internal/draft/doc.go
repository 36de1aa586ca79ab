// SPDX-License-Identifier: AGPL-3.0-or-later

// Package draft keeps what members have begun to write and not yet saved: so
// that a lost connection, a dead battery or a lock of the register costs nobody
// an hour's work. A draft is no fact: it is in no ledger, counts nowhere, and
// only its writer reads it.
//
// The package is handed content that is sealed already, and keeps it in an
// encrypted file of its own. It must never hold a key to what is in a draft,
// and never keep one longer than it is asked to: what is dropped is overwritten.
package draft
