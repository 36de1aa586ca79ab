// SPDX-License-Identifier: AGPL-3.0-or-later

package ledgertest

import "testing"

func TestMemory(t *testing.T) {
	Run(t, func(testing.TB) Keeper { return InMemory() })
}

func TestMemoryShared(t *testing.T) {
	RunShared(t, func(testing.TB) Keeper { return InMemory() })
}
