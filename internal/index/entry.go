// SPDX-License-Identifier: AGPL-3.0-or-later

package index

import (
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/kua-registry/kua/internal/casefile"
)

// storedEntry is an opened entry as the index keeps it.
type storedEntry struct {
	_               struct{} `cbor:",toarray"`
	Pos             uint64
	At              int64 // nanoseconds since 1970
	Record, Kind    string
	Op              uint8
	Fields          map[string][]string
	IdentityMissing bool
	Author          string
	Reason, Source  string
}

// deterministic writes maps in one order, so that a rebuild gives the same bytes.
var deterministic = sync.OnceValues(cbor.CoreDetEncOptions().EncMode)

func encodeEntry(e casefile.Entry) ([]byte, error) {
	mode, err := deterministic()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(storedEntry{
		Pos: e.Pos, At: e.At.UnixNano(), Record: e.Record, Kind: e.Kind, Op: uint8(e.Op), Fields: e.Fields,
		IdentityMissing: e.IdentityMissing, Author: e.Author, Reason: e.Reason, Source: e.Source,
	})
}

func decodeEntry(body []byte) (casefile.Entry, error) {
	var s storedEntry
	if err := cbor.Unmarshal(body, &s); err != nil {
		return casefile.Entry{}, fmt.Errorf("%w: an entry", errDamaged)
	}
	return casefile.Entry{
		Pos: s.Pos, At: time.Unix(0, s.At).UTC(), Record: s.Record, Kind: s.Kind, Op: casefile.Op(s.Op), Fields: s.Fields,
		IdentityMissing: s.IdentityMissing, Author: s.Author, Reason: s.Reason, Source: s.Source,
	}, nil
}
