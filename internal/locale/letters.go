// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

// RussianLetter is the letter that people type for a small Kazakh one where a
// keyboard has Russian letters alone; any other letter is itself.
func RussianLetter(r rune) rune {
	switch r {
	case 'ә':
		return 'а'
	case 'ғ':
		return 'г'
	case 'қ':
		return 'к'
	case 'ң':
		return 'н'
	case 'ө':
		return 'о'
	case 'ұ', 'ү':
		return 'у'
	case 'һ':
		return 'х'
	case 'і':
		return 'и'
	}
	return r
}
