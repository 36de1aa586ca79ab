// SPDX-License-Identifier: AGPL-3.0-or-later

package codebook

import (
	"strings"
	"testing"
)

func TestParseRules(t *testing.T) {
	defs, err := parseRules("rules/x.yaml", []byte(`
use: check
acts:
  CPC: [CPC, УПК, ҚПК]
  CAT: [CAT, КПП, ААҚК]
rules:
- {id: X-01, severity: B, conf: R, norm: "CPC 289(2), 71(6)(13); CAT 12", label: [a, б, в], expr: "true"}
- id: x
  use: figure
  label: [a, б, в]
  help: [a, б, в]
  counted: [a, б, в]
  conf: H
  norm: ours
  expr: size(report) > 0
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(defs) != 2 || defs[0].Use != Check || defs[1].Use != Figure || defs[0].File != "rules/x.yaml" {
		t.Errorf("%+v", defs)
	}
	if want := (Label{En: "CPC 289(2), 71(6)(13); CAT 12", Ru: "УПК 289(2), 71(6)(13); КПП 12", Kk: "ҚПК 289(2), 71(6)(13); ААҚК 12"}); defs[0].Source != want {
		t.Errorf("norm %+v, want %+v", defs[0].Source, want)
	}
}

func TestParseRulesSaysWhatIsWrong(t *testing.T) {
	const good = `id: X-01, use: check, severity: B, conf: R, norm: x, label: [a, б, в], expr: "true"`
	for _, x := range []struct{ change, to, says string }{
		{"use: check", "use: chek", `rules/x.yaml: rule X-01: use is one of figure, check, deadline, calendar, not "chek"`},
		{"severity: B", "severity: D", `severity is one of B, W, I, not "D"`},
		{"conf: R", "conf: X", `conf is one of R, K, U, H, not "X"`},
		{"norm: x, ", "", "needs a norm"},
		{"label: [a, б, в]", "label: [a, б]", "here are 2 texts"},
		{`expr: "true"`, `expr: "true", of: [y]`, "either expr or of"},
		{`expr: "true"`, `exp: "true"`, "field exp not found"},
		{"use: check", "use: figure", "a figure needs"},
		{"use: check", "use: deadline", "owes is one of them, us"},
		{"use: check", "use: deadline, owes: us, kind: due", "needs from"},
		{"use: check", "use: deadline, owes: us, kind: due, from: today, unit: weeks", `unit is one of hour, day, working_day, month, year, immediate, not "weeks"`},
	} {
		_, err := parseRules("rules/x.yaml", []byte("rules:\n- {"+strings.Replace(good, x.change, x.to, 1)+"}\n"))
		if err == nil || !strings.Contains(err.Error(), x.says) {
			t.Errorf("%s: %v, want %q", x.to, err, x.says)
		}
	}
}

func FuzzParseRules(f *testing.F) {
	f.Add([]byte("use: check\nacts: {CAT: [a, b, c]}\nrules:\n- {id: X-01, severity: B, conf: R, norm: \"CAT 12\", label: [a, b, c], expr: \"true\"}"))
	f.Add([]byte("use: deadline\nrules:\n- {id: x, norm: y, conf: K, label: [a, b, c], owes: us, kind: due, from: today, n: 3, unit: day}"))
	f.Add([]byte("rules:\n- {id: x, norm: \"\xff CPC\", conf: R}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		defs, err := parseRules("rules/x.yaml", data)
		if err != nil && !strings.Contains(err.Error(), "rules/x.yaml") {
			t.Errorf("the error does not say where: %v", err)
		}
		for _, d := range defs {
			if d.Source.En == "" {
				t.Errorf("rule %s has no norm", d.ID)
			}
		}
	})
}
