// SPDX-License-Identifier: AGPL-3.0-or-later

package access

import (
	"testing"
	"time"
)

func TestSessionsEnd(t *testing.T) {
	now := time.Date(2022, 6, 24, 9, 0, 0, 0, time.UTC)
	all := NewSessions(func() time.Time { return now })
	open := func(token string) bool { _, ok := all.Get(token); return ok }

	idle := all.Begin(Member{Name: "idle"}, nil).Token()
	now = now.Add(IdleLimit + time.Second)
	if open(idle) {
		t.Error("a session left alone for longer than IdleLimit still opens")
	}

	busy := all.Begin(Member{Name: "busy"}, nil).Token()
	for end := now.Add(AbsoluteLimit); now.Before(end); now = now.Add(IdleLimit / 2) {
		if !open(busy) {
			t.Fatal("a session in use ended before AbsoluteLimit")
		}
	}
	now = now.Add(time.Second)
	if open(busy) {
		t.Error("a session in use outlives AbsoluteLimit")
	}

	a, b := all.Begin(Member{}, nil), all.Begin(Member{}, nil)
	if a.Token() == b.Token() || len(a.Token()) < 43 {
		t.Error("tokens must be different and of 256 bits")
	}
	all.End(a.Token())
	if open(a.Token()) || !open(b.Token()) {
		t.Error("End must end one session and no other")
	}
	all.EndAll()
	if open(b.Token()) || open("") {
		t.Error("EndAll must end every session")
	}
}
