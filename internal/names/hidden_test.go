// SPDX-License-Identifier: AGPL-3.0-or-later

package names

import "testing"

func TestHidden(t *testing.T) {
	var h Hidden
	h.Add("Куәгерова Сәуле")
	h.Add("Ли")
	for text, want := range map[string]bool{
		"видела Куәгерова": true, "behind the house of Kuagerova": true, "Сәулемен бірге": true, "Sauleye": true, "Куагеровой": true,
		"видел кто-то": false, "лист": false, "": false, "соул": false,
	} {
		if h.In(text) != want {
			t.Errorf("%q: %v, want %v", text, !want, want)
		}
	}
	h.Except("Сәуле")
	if h.In("Сәуле") || !h.In("Куәгерова") {
		t.Error("who may be named is hidden, or another is not")
	}
}
