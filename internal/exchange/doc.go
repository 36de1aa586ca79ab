// SPDX-License-Identifier: AGPL-3.0-or-later

// Package exchange is how the nodes of a coalition follow each other. One
// relay orders the ledger of the coalition and opens nothing; each node keeps a
// replica, and an outbox of sealed entries of the streams that it owns.
// What goes between them, by HTTPS or by files on a stick, is signed.
// docs/spec/exchange.md has the formats, ADR 27 the reasons.
//
// It must never take an entry that the relay did not sign for, lose one that
// was put into an outbox, let a node write to a stream that another one owns,
// or pass over a fork or a gap in silence.
package exchange
