// SPDX-License-Identifier: AGPL-3.0-or-later

package relay

import "testing"

// TestPort: a relay answers where the nodes were told to look for it (a
// regression: it answered on 8443 whatever it had been given).
func TestPort(t *testing.T) {
	for address, want := range map[string]string{
		"https://relay.example": ":443", "https://relay.example:8443": ":8443", "https://127.0.0.1:8771": ":8771", "https://[::1]:99": ":99",
	} {
		r := &Relay{kept: kept{Address: address}}
		if got, err := r.Port(); got != want || err != nil {
			t.Errorf("%s: %q, %v", address, got, err)
		}
	}
}
