// SPDX-License-Identifier: AGPL-3.0-or-later

package kz

import "embed"

// Data is the pack, to be given to codebook.Load.
//
//go:embed *.yaml */*.yaml
var Data embed.FS
