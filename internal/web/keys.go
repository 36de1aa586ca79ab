// SPDX-License-Identifier: AGPL-3.0-or-later

package web

// keysCookie remembers in this browser that there are no shortcuts.
const keysCookie = "kua-keys"

func (s *server) keysRoutes() []route {
	return []route{
		{"GET /keys", s.signed(s.keysPage)},
		{"POST /keys", s.signed(s.switchKeys)},
	}
}

// hasKeys tells whether a page has shortcuts: those on which people go through cases.
func hasKeys(template string) bool {
	switch template {
	case "overview", "cases", "case", "figures", "calendar", "tasks", "searches", "bulk", "bulk-done", "account", "keys", "matching", "matching-pair":
		return true
	}
	return false
}

// keysOff tells whether the member has switched shortcuts off in this browser.
func (v *visit) keysOff() bool {
	c, err := v.r.Cookie(keysCookie)
	return err == nil && c.Value == "off"
}

// keyLine is a shortcut. All it does can be done by a link or a button, too.
type keyLine struct {
	Keys []string
	Does string
	Then bool // one after the other
}

type keysBody struct {
	Done string
	Off  bool
	Keys []keyLine
}

// keysPage says which shortcuts there are, and switches them on and off: a
// single letter that does something can stand in the way of whoever speaks to
// the machine (WCAG 2.1.4).
func (s *server) keysPage(v *visit) error {
	body := keysBody{Off: v.keysOff()}
	if what := v.r.URL.Query().Get("done"); what == "on" || what == "off" {
		body.Done = v.T("keys.done." + what)
	}
	for _, k := range []struct {
		keys, does string
		then       bool
	}{
		{"?", "help", false}, {"/", "search", false}, {"j k", "rows", false}, {"x", "pick", false}, {"n p", "pages", false}, {"1 2 3", "match", false}, {"u", "undo", false},
		{"g o", "overview", true}, {"g c", "cases", true}, {"g d", "calendar", true}, {"g t", "tasks", true}, {"g f", "figures", true}, {"g s", "searches", true}, {"g a", "account", true},
	} {
		line := keyLine{Does: v.T("keys." + k.does), Then: k.then}
		for _, key := range k.keys {
			if key != ' ' {
				line.Keys = append(line.Keys, string(key))
			}
		}
		body.Keys = append(body.Keys, line)
	}
	return s.show(v, "keys", v.T("keys.title"), body)
}

func (s *server) switchKeys(v *visit) error {
	done := "on"
	if v.r.PostFormValue("keys") == "off" {
		done = "off"
		s.setCookie(v, keysCookie, "off", languageAge)
	} else {
		s.setCookie(v, keysCookie, "", -1)
	}
	v.redirect("/keys?done=" + done)
	return nil
}
