// SPDX-License-Identifier: AGPL-3.0-or-later

package names

// SearchKeys returns the keys under which a name, or a query for one, is found
// across scripts and misspellings. The name is found when any key is shared:
// folded words first, then their weaker keys without vowels, marked with "~".
func SearchKeys(text string) []string { return nil }

// Fold returns the sounds of one word that all its spellings share, in lower-case Latin letters.
func Fold(word string) string { return word }
