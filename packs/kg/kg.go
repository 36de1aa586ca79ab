// SPDX-License-Identifier: AGPL-3.0-or-later

package kg

import "embed"

// Data is the pack, to be given to codebook.Load.
//
//go:embed *.yaml */*.yaml
var Data embed.FS
