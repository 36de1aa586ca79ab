// SPDX-License-Identifier: AGPL-3.0-or-later

package registry

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// withoutDecision are the exported methods that answer without access.Decide,
// each with the reason why that gives nothing away. Who adds a method here has
// thought about who may call it.
var withoutDecision = map[string]string{
	"Book":             "the codebook is the same for everybody",
	"Rules":            "as the codebook",
	"Letters":          "as the codebook",
	"RuleLabel":        "as the codebook",
	"FigureSet":        "as the codebook",
	"StatementFacets":  "as the codebook",
	"Today":            "the day",
	"Close":            "ends all sessions and answers nothing",
	"AskToOpen":        "a question that says nothing",
	"AskToMake":        "names the passkeys of the member who asks",
	"Passkeys":         "those of the member who asks",
	"AddPasskey":       "the passphrase decides, and it is of the session that asks",
	"RemovePasskey":    "one of the member who asks",
	"RenamePasskey":    "one of the member who asks",
	"AskToStep":        "the token decides; names the passkeys of whoever gave the passphrase",
	"SignInByPasskey":  "whoever comes has no session yet: the passkey decides",
	"EndAll":           "ends all sessions and answers nothing",
	"LockOwn":          "ends the sessions of the member who asks",
	"Idle":             "how long nobody was there, for the program that serves the register",
	"SignIn":           "whoever comes has no session yet: the passphrase decides",
	"Session":          "the token decides",
	"SignOut":          "ends the session that asks",
	"Prove":            "the passphrase decides, and it is of the session that asks",
	"Organisation":     "the name of an organisation, which every member knows",
	"Invitation":       "the code decides: who has it was invited",
	"Accept":           "the code decides",
	"ErasureFinal":     "a day that depends on the calendar alone",
	"LastProvenBackup": "a day, for the program that looks after the register",
	"LastBackup":       "as LastProvenBackup",
	"PublicSite":       "what was published, which is everybody's",
	"PublicStamp":      "as PublicSite",
	"Warm":             "answers nothing",
	"KeepExchanging":   "does what waits, with the nodes that an administrator has added, and answers nothing",
	"Allied":           "whether the register is one node of several, which every member is told",
	"Carry":            "does what waits and answers nothing",
	"KeepCarrying":     "as Carry",
	"IntakePublic":     "public halves of keys, which the public form shows",
	"Abreast":          "takes over what other machines have written, and answers nothing",
	"KeepAbreast":      "as Abreast",
	"Tend":             "does what the calendar asks for and answers nothing",

	"OwnSessions":       "a member's own sessions",
	"EndSession":        "a member's own session",
	"NameDevice":        "a member's own session",
	"EndOthers":         "a member's own sessions",
	"Factor":            "a member's own second factor",
	"BeginFactor":       "a member's own second factor",
	"ConfirmFactor":     "a member's own second factor",
	"EndFactor":         "a member's own second factor",
	"HalfOpen":          "the token decides",
	"SignInCode":        "the passphrase has decided, now the code does",
	"SignInPasskeyStep": "the passphrase has decided, now a passkey of that member does",
	"ConfirmFactorHalf": "the passphrase has decided, now the code does",
	"ChangePassphrase":  "the old passphrase decides, and it is of the session that asks",

	"DropDraft": "one of the member who asks",

	"NewPassphrase": "chance, which nothing keeps",

	"Once":         "what is done asks",
	"AwaitChange":  "that something was written, and not what",
	"TellWebhooks": "as Changes of the member of its key, of whom the program itself asks", "KeepTelling": "as TellWebhooks",
	"MakeWebhook":  "a member's own, for a key of theirs, to a host that is allowed",
	"WebhookHosts": "hosts, which whoever sets one up must know",
	"MakeAPIKey":   "a member's own, who can give no more than is theirs",
	"SignInByKey":  "whoever comes has no session yet: the secret decides",

	"Feed":         "a member's own calendar link",
	"EndFeed":      "a member's own calendar link",
	"Reminders":    "a member's own reminders",
	"SetReminders": "a member's own reminders",
}

// TestEveryDoorAsks holds that every exported method of the registry that a
// session calls comes, by whatever way, to access.Decide. It reads the sources:
// a method added tomorrow is in it tomorrow.
func TestEveryDoorAsks(t *testing.T) {
	calls, doors := readDoors(t)
	asks := func(name string) bool {
		seen := map[string]bool{}
		var reach func(string) bool
		reach = func(name string) bool {
			if seen[name] {
				return false
			}
			seen[name] = true
			return calls[name]["access.Decide"] || slices.ContainsFunc(slices.Collect(maps.Keys(calls[name])), reach)
		}
		return reach(name)
	}
	n := 0
	for _, name := range slices.Sorted(maps.Keys(doors)) {
		reason, excepted := withoutDecision[name]
		switch {
		case excepted && doors[name] && asks("Registry."+name):
			t.Errorf("Registry.%s asks access.Decide and stands among those that do not (%s): take it off", name, reason)
		case !excepted && !asks("Registry."+name):
			t.Errorf("Registry.%s never asks access.Decide: ask it, or say in withoutDecision why nothing is given away", name)
		}
		n++
	}
	for name := range withoutDecision {
		if _, there := doors[name]; !there {
			t.Errorf("there is no Registry.%s: take it off the list", name)
		}
	}
	if n < 20 || !asks("Registry.Cases") || asks("Registry.Book") {
		t.Fatalf("%d methods found: this test finds nothing", n)
	}
	t.Logf("%d exported methods, %d of them answer without access.Decide for a stated reason", n, len(withoutDecision))
}

// readDoors reads which function of the package calls which, and the exported
// methods of Registry: true for those that are given a session.
func readDoors(t *testing.T) (calls map[string]map[string]bool, doors map[string]bool) {
	t.Helper()
	files := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	calls, doors = map[string]map[string]bool{}, map[string]bool{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			name, receiver := f.Name.Name, ""
			if f.Recv != nil {
				of := typeName(f.Recv.List[0].Type)
				name = of + "." + name
				if len(f.Recv.List[0].Names) > 0 {
					receiver = f.Recv.List[0].Names[0].Name
				}
				if of == "Registry" && f.Name.IsExported() {
					doors[f.Name.Name] = slices.ContainsFunc(f.Type.Params.List, func(p *ast.Field) bool { return typeName(p.Type) == "Session" })
				}
			}
			out := map[string]bool{}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch x := n.(type) {
				case *ast.SelectorExpr: // called, or handed on to be called
					if on, ok := x.X.(*ast.Ident); ok {
						switch on.Name {
						case receiver:
							out[typeName(f.Recv.List[0].Type)+"."+x.Sel.Name] = true
						case "access":
							out["access."+x.Sel.Name] = true
						}
					}
				case *ast.Ident:
					out[x.Name] = true // a function of the package, if there is one of that name
				}
				return true
			})
			calls[name] = out
		}
	}
	return calls, doors
}

// typeName is the name of a type, without the pointer and the package.
func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return typeName(x.X)
	case *ast.SelectorExpr:
		return x.Sel.Name
	case *ast.Ident:
		return x.Name
	}
	return ""
}
