// SPDX-License-Identifier: AGPL-3.0-or-later

// Package timestamp reads and verifies time stamps of RFC 3161, asks for them,
// and reads the proof files of OpenTimestamps.
//
// A time stamp is verified over the data it covers and against given roots,
// without the authority that made it: all it needs beside them is in the token.
// The verdict says good, or what stands in the way. It follows RFC 3161, RFC
// 5652 (the signed data around it) and RFC 5816 (how it names its signer's
// certificate), in DER.
//
// It must never call a time stamp good whose signature, data or authority is
// not, never reach a network, and never panic on what it is given.
// docs/spec/timestamp.md describes what is kept of one.
package timestamp
