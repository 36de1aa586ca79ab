// SPDX-License-Identifier: AGPL-3.0-or-later

// Package webhook tells programs by HTTP that there is something new, as the
// Standard Webhooks have it (https://github.com/standard-webhooks/standard-webhooks,
// spec/standard-webhooks.md, version 1.0.0): one POST, signed by HMAC-SHA256
// over its id, its time and its body, and nothing in it that a register holds.
//
// A name is resolved once, each address it has is looked at, and the address that
// was looked at is the one that is spoken to. This machine, its own network and
// what is set aside for purposes of their own (RFC 6890 and its registries at
// IANA) are not, but for what an administrator allows. No redirect is followed,
// no proxy asked.
//
// It must never log, never try twice, never keep a connection open, and never
// take more of an answer than its status.
package webhook
