// SPDX-License-Identifier: AGPL-3.0-or-later

package systems

import (
	"fmt"
	"strings"

	"github.com/kua-registry/kua/internal/foreign"
	"github.com/kua-registry/kua/internal/foreign/bayanat"
	"github.com/kua-registry/kua/internal/foreign/ftm"
	"github.com/kua-registry/kua/internal/foreign/globaleaks"
	"github.com/kua-registry/kua/internal/foreign/huridocs"
	"github.com/kua-registry/kua/internal/foreign/ics"
	"github.com/kua-registry/kua/internal/foreign/kobo"
	"github.com/kua-registry/kua/internal/foreign/martus"
	"github.com/kua-registry/kua/internal/foreign/primero"
	"github.com/kua-registry/kua/internal/foreign/uwazi"
	"github.com/kua-registry/kua/internal/foreign/vcard"
)

// All are the formats, sorted by name.
func All() []foreign.Format {
	return []foreign.Format{
		bayanat.Format(),
		ftm.Format(),
		globaleaks.Format(),
		huridocs.Format(),
		ics.Format(),
		kobo.Format(),
		martus.Format(),
		primero.Format(),
		uwazi.Import(),
		uwazi.Dump(),
		vcard.Format(),
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
