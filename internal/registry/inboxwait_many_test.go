// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"context"
	"encoding/binary"
	"testing"

	"github.com/kua-registry/kua/internal/inbox"
	"github.com/kua-registry/kua/internal/submission"
)

// TestInboxCountLittleByLittle holds that of many new reports each is opened
// once, and no more for one page than it can bear.
func TestInboxCountLittleByLittle(t *testing.T) {
	h := takes(t)
	h.many(t, lookAtOnce+1)
	for i, want := range []InboxCount{{New: lookAtOnce, More: true}, {New: lookAtOnce + 1}, {New: lookAtOnce + 1}} {
		if got, err := h.InboxCount(context.Background(), h.people["erlan"]); err != nil || got != want {
			t.Errorf("page %d: %+v, want %+v (%v)", i+1, got, want, err)
		}
	}
}

// many sends reports to the North.
func (h *house) many(t testing.TB, n int) {
	t.Helper()
	o := h.outside(0)
	sealed, err := submission.Seal(o.to, submission.Message{Format: 1, Language: "kk", Told: "invented", Answers: o.reads.Recipient().String()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var door inbox.Door
		binary.BigEndian.PutUint32(door[:], uint32(i)+1)
		if err := o.store.Put(door, o.reads.Recipient().String(), sealed, nil); err != nil {
			t.Fatal(err)
		}
	}
}
