// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package browsertest

import (
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// AxeRun looks for what WCAG 2.0, 2.1 and 2.2 forbid at the levels A and AA,
// and for what is no good practice. Whatever is folded away is opened first.
const AxeRun = `(async () => {
	for (const d of document.querySelectorAll("details")) d.open = true;
	const found = await axe.run(document, {
		runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"],
		rules: {"target-size": {enabled: true}},
		resultTypes: ["violations"],
	});
	if (found.passes.length < 5) return ["axe-core looked at next to nothing"];
	return found.violations.flatMap(v => v.nodes.map(n => v.id + ": " + v.help + ": " + n.target.join(" ") + ": " + n.html.slice(0, 160) + " (" + n.failureSummary.replace(/\s+/g, " ") + ")"));
})()`

// Axe fails with each rule that is broken and the element that breaks it, and
// with whatever else Look finds. It is evaluated through the browser's
// developer tools: the policy of the page stays as it is.
func (tab *Tab) Axe(page string) {
	tab.T.Helper()
	// The test of internal/web holds it to its checksum.
	axe, err := os.ReadFile(filepath.Join("..", "web", "testdata", "axe", "axe.min.js"))
	if err != nil {
		tab.T.Fatal(err)
	}
	tab.Do(chromedp.Evaluate[chromedp.Void](string(axe) + ";0"))
	for _, v := range Ask[[]string](tab, AxeRun) {
		tab.T.Errorf("%s: %s", page, v)
	}
	tab.Look(page)
}
