// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"crypto/ed25519"

	"github.com/kua-registry/kua/internal/seal"
)

// SealRaw makes a signed entry of any bytes as its fact part, without an
// identity part: what a dishonest author can do.
func SealRaw(ledger ID, author *seal.Identity, stream ID, keys seal.CaseKeys, body []byte) (Entry, error) {
	h := Header{Ledger: ledger, Stream: stream, Version: 1, FactEpoch: keys.FactEpoch}
	h.FactLen = uint32(seal.PaddedLen(ed25519.SignatureSize + len(body)))
	header := h.bytes()
	sealed, err := new(seal.Parts).Seal(nil, keys.Fact, seal.FactPart, header, append(author.Sign(signedText(header, body)), body...))
	if err != nil {
		return Entry{}, err
	}
	return Decode(append(header, sealed...))
}

// EncodeFact gives the plain text of a fact part, without the signature.
func EncodeFact(c Content) []byte {
	b, err := encMode.Marshal(factBody{Kind: c.Kind, Record: c.Record[:], Op: c.Op, Fields: c.Fact, Author: c.Author[:], At: c.At.UnixMilli()})
	if err != nil {
		panic(err)
	}
	return b
}

// DecodeIdentity reads the plain text of an identity part and writes it again.
func DecodeIdentity(b []byte) ([]byte, error) {
	var body identityBody
	if err := unmarshal(b, &body, false); err != nil {
		return nil, err
	}
	return encMode.Marshal(body)
}

// TreeOf gives the hashes that the last leaf adds to the tree, and its root.
func TreeOf(leaves []Hash) (hashes []byte, root Hash) {
	var t tree
	for _, leaf := range leaves {
		hashes = t.add(leaf)
	}
	return hashes, t.root()
}
