// SPDX-License-Identifier: AGPL-3.0-or-later

package timestamp

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/digitorus/timestamp"
)

// How requests and answers are named when they are sent (RFC 3161, 3.4).
const (
	QueryType = "application/timestamp-query"
	ReplyType = "application/timestamp-reply"
)

// RefusedError says that an authority answered and gave no time stamp.
type RefusedError struct {
	Status int // RFC 3161, 2.4.2
	Reason string
}

func (e *RefusedError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the authority gave no time stamp (status %d): try later, or another authority", e.Status)
	}
	return fmt.Sprintf("the authority gave no time stamp (status %d: %s): try later, or another authority", e.Status, e.Reason)
}

// ErrOtherAnswer says that an answer is to another request.
var ErrOtherAnswer = errors.New("the authority answered something else than what was asked: nothing of it is kept")

// Request is a request for a time stamp. The authority learns a digest, a random
// number and nothing else.
type Request struct {
	digest []byte
	nonce  *big.Int
}

// NewRequest asks for a time stamp over the SHA-256 of something. random is 8
// bytes or more that nobody can know before.
func NewRequest(digest [sha256.Size]byte, random []byte) Request {
	nonce := new(big.Int).SetBytes(random)
	return Request{digest: digest[:], nonce: nonce.SetBit(nonce, 8*len(random), 1)} // the same length whatever the bytes
}

// Bytes is the request as it is sent. The authority is asked for its certificates too.
func (q Request) Bytes() ([]byte, error) {
	request := timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: q.digest, Nonce: q.nonce, Certificates: true}
	return request.Marshal()
}

// Answer reads the answer to the request: one over the same digest with the same
// random number. It is not verified.
func (q Request) Answer(der []byte) (*Token, error) {
	t, err := Parse(der)
	if err != nil {
		return nil, err
	}
	if t.Hash != crypto.SHA256 || !bytes.Equal(t.Digest, q.digest) || t.Nonce == nil || t.Nonce.Cmp(q.nonce) != 0 {
		return nil, ErrOtherAnswer
	}
	return t, nil
}

// answered is the token in the answer of an authority.
func answered(der []byte) ([]byte, error) {
	var answer struct {
		Status asn1.RawValue
		Token  asn1.RawValue `asn1:"optional"`
	}
	if err := whole(der, &answer); err != nil {
		return nil, notToken("it can't be read", err)
	}
	if answer.Status.Class != asn1.ClassUniversal || answer.Status.Tag != asn1.TagSequence || !answer.Status.IsCompound {
		return nil, notToken("it is not an answer", nil)
	}
	var status int
	rest, err := asn1.Unmarshal(answer.Status.Bytes, &status)
	if err != nil {
		return nil, notToken("it is not an answer", err)
	}
	if status != 0 && status != 1 { // granted; granted with changes
		return nil, &RefusedError{Status: status, Reason: reason(rest)}
	}
	if len(answer.Token.FullBytes) == 0 {
		return nil, notToken("the answer has no time stamp in it", nil)
	}
	return answer.Token.FullBytes, nil
}

// reason is why a request was refused, as far as the failure bits say it. What
// the authority writes in words is not repeated: it is a stranger's text.
func reason(rest []byte) string {
	for len(rest) > 0 {
		var one asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &one); err != nil {
			return ""
		}
		var bits asn1.BitString
		if one.Tag == asn1.TagBitString && whole(one.FullBytes, &bits) == nil {
			for _, f := range []timestamp.FailureInfo{timestamp.BadAlgorithm, timestamp.BadRequest, timestamp.BadDataFormat, timestamp.TimeNotAvailable,
				timestamp.UnacceptedPolicy, timestamp.UnacceptedExtension, timestamp.AddInfoNotAvailable, timestamp.SystemFailure} {
				if bits.At(int(f)) == 1 {
					return f.String()
				}
			}
		}
	}
	return ""
}
