// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

// Pack is what is particular to a jurisdiction.
type Pack struct {
	ID string `yaml:"id"`
}

func (p *Pack) check(*Book) error { return nil }
