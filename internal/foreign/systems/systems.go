// SPDX-License-Identifier: AGPL-3.0-or-later

package systems

import (
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/ftm"
	"github.com/kua-registry/kua/internal/foreign/huridocs"
	"github.com/kua-registry/kua/internal/foreign/martus"
	"github.com/kua-registry/kua/internal/foreign/uwazi"
)

// All are the formats, sorted by name.
func All() []foreign.Format {
	return []foreign.Format{
		ftm.Format(),
		huridocs.Format(),
		martus.Format(),
		uwazi.Import(),
		uwazi.Dump(),
	}
}

// Named returns the format of that name. The error names those there are.
func Named(name string) (foreign.Format, error) {
	var names []string
	for _, f := range All() {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return foreign.Format{}, fmt.Errorf("there is no format %q; there are: %s", name, strings.Join(names, ", "))
}
