// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build e2e

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// tries are the ways in which every command is tried with something of the
// north's; ASKED stands for it. A command that is not here fails the test.
var tries = map[string][][]string{
	"kua case list":             {{"--search", "ASKED"}, {"--search", "ASKED", "--json"}, {"--figure", "ASKED"}, {}},
	"kua apikey new":            {{"--name", "n", "--scope", "cases", "--org", "ASKED"}, {"--name", "ASKED", "--scope", "ASKED"}},
	"kua apikey list":           {{}, {"--json"}},
	"kua apikey end":            {{"ASKED"}, {"ASKED", "--json"}},
	"kua webhook new":           {{"--key", "ASKED", "--url", "https://receiver.sample.example/"}},
	"kua webhook list":          {{}, {"--json"}},
	"kua webhook end":           {{"ASKED"}},
	"kua webhook allow":         {{"ASKED"}},
	"kua webhook disallow":      {{"ASKED"}},
	"kua case show":             {{"ASKED"}, {"ASKED", "--json"}},
	"kua case timeline":         {{"ASKED", "--json"}},
	"kua audit":                 {{}, {"--json"}, {"--case", "ASKED"}, {"--who", "ASKED"}, {"--see", "ASKED"}},
	"kua case check":            {{"ASKED", "--json"}},
	"kua case restrict":         {{"ASKED"}},
	"kua case hand-over":        {{"ASKED", "--to", "South", "--reason", "asked"}, {"S-1", "--to", "ASKED", "--reason", "asked"}},
	"kua case take":             {{}, {"--json"}, {"ASKED"}},
	"kua case unrestrict":       {{"ASKED"}},
	"kua doctor":                {{}, {"--json", "--inside"}},
	"kua check":                 {{"--all"}, {"--all", "--json"}},
	"kua encode":                {{"--cases", "--key-file", "key.txt", "--out", "OUT"}, {"list.csv", "--key-file", "ASKED", "--out", "OUT"}},
	"kua export":                {{"ASKED", "--purpose", "un", "--reason", "asked", "--to", exportKey, "--out", "OUT"}, {"--all", "--purpose", "own", "--reason", "asked", "--to", exportKey, "--out", "OUT"}, {"--fetch", "ASKED", "--out", "OUT"}},
	"kua export list":           {{}, {"--json"}},
	"kua export approve":        {{"ASKED"}},
	"kua export refuse":         {{"ASKED", "--reason", "asked"}},
	"kua erase":                 {{"ASKED", "--identity", "--reason", "asked"}, {"ASKED", "--whole", "--reason", "asked", "--json"}},
	"kua evidence add":          {{"list.csv", "--publication", "ASKED"}, {"ASKED", "list.csv"}, {"S-1", "list.csv", "--to", "ASKED"}},
	"kua evidence list":         {{"--publication", "ASKED"}, {"--json"}, {"ASKED"}, {"ASKED", "--json"}},
	"kua evidence verify":       {{}, {"--json"}},
	"kua evidence place":        {{}, {"--json"}},
	"kua evidence place s3":     {{"--endpoint", "http://127.0.0.1:1", "--bucket", "north", "--access-key", "ASKED", "--secret-file", "list.csv"}},
	"kua evidence place folder": {{}, {"--json"}},
	"kua evidence place send":   {{}, {"--json"}},
	"kua evidence export":       {{"ASKED", "--out", "OUT"}, {"ASKED", "ASKED", "--out", "OUT"}, {"S-1", "ASKED", "--out", "OUT"}},
	"kua node":                  {{}, {"--json"}},
	"kua node pass":             {{"OUT", "--name", "ASKED"}},
	"kua node remove":           {{"ASKED"}},
	"kua outside list":          {{}, {"--json"}},
	"kua outside compare":       {{}, {"--json", "--indicator", "ASKED"}},
	"kua figures":               {{"--org", "ASKED"}, {"--set", "ASKED"}, {"--json"}, {"--csv", "--verified"}, {"--by", "sex", "--org", "ASKED"}, {"--by", "region", "--figure", "ASKED"}, {"--by", "ASKED", "--json"}},
	"kua dossier":               {{"ASKED", "--for", "court", "--plan"}, {"S-1", "ASKED", "--for", "srt", "--plan", "--json"}, {"ASKED", "--for", "court", "--whom", "x", "--reason", "y", "--open", "--out", "OUT"}},
	"kua backup":                {{}, {"ASKED"}},
	"kua backup list":           {{}, {"ASKED"}},
	"kua backup prune":          {{}},
	"kua backup status":         {{}, {"--json"}},
	"kua backup verify":         {{}},
	"kua restore":               {{"--rehearse"}, {"ASKED", "--to", "OUT"}},
	"kua forget copy":           {{"ASKED"}},
	"kua forget drop":           {{"ASKED"}},
	"kua forget now":            {{}},
	"kua forget status":         {{}},
	"kua grant":                 {{"ASKED"}, {"ASKED", "--to", "South", "--part", "identity"}, {"S-1", "--to", "ASKED", "--part", "fact"}},
	"kua import":                {{"list.csv", "--map", "map.yaml", "--org", "North"}, {"list.csv", "--map", "map.yaml", "--org", "South"}, {"list.csv", "--map", "map.yaml", "--org", "ASKED", "--dry-run"}},
	"kua intake list":           {{}, {"--json"}},
	"kua intake show":           {{"ASKED"}, {"ASKED", "--json"}},
	"kua intake file":           {{"ASKED", "ASKED"}, {"ASKED", "ASKED", "--original", "--out", "taken"}},
	"kua intake sort":           {{"ASKED", "--urgent"}, {"ASKED", "--assign", "ASKED"}, {"ASKED", "--into", "ASKED"}},
	"kua intake answer":         {{"ASKED"}},
	"kua intake case":           {{"ASKED"}},
	"kua intake add":            {{"list.csv"}, {"ASKED"}},
	"kua intake key":            {{}, {"--json"}},
	"kua intake key new":        {{"North"}, {"ASKED"}},
	"kua intake key share":      {{"North"}},
	"kua mail off":              {{}},
	"kua mail set":              {{"--host", "ASKED", "--from", "a@b.example"}},
	"kua mail show":             {{}, {"--json"}},
	"kua mail test":             {{"ASKED"}},
	"kua match":                 {{}, {"--review"}, {"--json"}, {"--same", "ASKED,ASKED"}, {"--undo", "ASKED"}},
	"kua member end":            {{"ASKED"}},
	"kua exchange status":       {{}, {"--json"}},
	"kua exchange card":         {{}},
	"kua exchange sync":         {{}, {"--json"}},
	"kua exchange add":          {{"list.csv"}},
	"kua exchange export":       {{"OUT"}},
	"kua exchange import":       {{"list.csv"}},
	"kua common offer":          {{"--key-file", "key.txt", "--round", "ASKED"}},
	"kua common list":           {{}, {"--json"}},
	"kua common propose":        {{"ASKED", "ASKED/1"}},
	"kua common answer":         {{"ASKED", "--same"}},
	"kua common withdraw":       {{"--reason", "ASKED"}},
	"kua member invite":         {{"ASKED", "--role", "case-worker", "--org", "South"}},
	"kua member lost-phone":     {{"ASKED"}},
	"kua member language":       {{"ASKED", "ru"}},
	"kua member list":           {{}, {"--json"}},
	"kua member org":            {{"ASKED", "South"}},
	"kua member rename":         {{"ASKED", "other"}},
	"kua member roles":          {{"ASKED", "analyst"}},
	"kua member second-factor":  {{"ASKED", "yes"}},
	"kua member take-back":      {{"ASKED"}},
	"kua move":                  {{}, {"--json"}},
	"kua move embedded":         {{}, {"--json"}},
	"kua move postgres":         {{"--database-file", "list.csv"}, {"--database-file", "ASKED", "--schema", "xASKED"}},
	"kua org add":               {{"ASKED"}},
	"kua org change":            {{"ASKED", "--name", "other"}},
	"kua org list":              {{}, {"--json"}},
	"kua public on":             {{"--name", "ASKED"}},
	"kua public off":            {{}},
	"kua public write":          {{}},
	"kua remind me":             {{"ASKED"}, {"--often", "ASKED"}},
	"kua remind":                {{}, {"--dry-run"}, {"--json"}},
	"kua review":                {{"ASKED"}, {"ASKED", "--ask"}, {"ASKED", "--verdict", "verified", "--comment", "asked"}},
	"kua review list":           {{}, {"--json"}},
	"kua revoke":                {{"ASKED", "--to", "South", "--reason", "asked"}, {"S-1", "ASKED", "--reason", "asked"}},
	"kua share create":          {{"--trustees", "ASKED,south", "--need", "2"}},
	"kua share replace":         {{"--trustees", "ASKED,south", "--need", "2"}},
	"kua share status":          {{}},
	"kua statement list":        {{}, {"--json"}},
	"kua statement put":         {{"text.md"}, {"text.md", "--id", "ASKED"}},
	"kua statement check":       {{"text.md"}, {"text.md", "--json"}},
	"kua statement render":      {{"text.md", "--out", "OUT"}, {"--id", "ASKED", "--out", "OUT"}},
	"kua statement publish":     {{"ASKED"}},
	"kua statement verify":      {{"text.md"}},
	"kua geojson set":           {{"list.csv"}, {"list.csv", "--property", "ASKED"}},
	"kua geojson remove":        {{}},
	"kua geojson show":          {{}},
	"kua verify":                {{"--deep"}},

	"kua timestamp add":              {{"text.md", "--over", "text.md"}, {"text.md", "--case", "ASKED", "--evidence", "ASKED"}, {"text.md", "--case", "S-1", "--evidence", "ASKED"}},
	"kua timestamp list":             {{}, {"--json"}, {"--case", "ASKED"}},
	"kua timestamp now":              {{}, {"--case", "ASKED", "--evidence", "ASKED"}},
	"kua timestamp request":          {{"--out", "OUT"}},
	"kua timestamp verify":           {{}, {"--case", "ASKED", "--json"}},
	"kua timestamp authority list":   {{}, {"--json"}},
	"kua timestamp authority remove": {{"ASKED"}},
	"kua timestamp authority set":    {{"ASKED", "--root", "text.md"}},
}

// exportKey is the public key of a pair whose other half nobody has.
const exportKey = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

// outside are the commands that open no register, or make one.
var outside = map[string]string{
	"kua evidence check":      "reads a file that lies on the disk, and no register",
	"kua version":             "says which program it is",
	"kua handbook":            "writes the handbook, and reads no register",
	"kua man":                 "says how the commands are used, and reads no register",
	"kua safe-copy":           "opens a file that it is handed, and no register",
	"kua init":                "makes a new register",
	"kua demo":                "makes the sample register",
	"kua bench":               "says what its subcommands are",
	"kua bench generate":      "makes a register of people who do not exist",
	"kua map":                 "reads a spreadsheet",
	"kua estimate":            "reads a table",
	"kua compare":             "reads encoded files, and no register",
	"kua link":                "reads lists in CSV files",
	"kua serve":               "serves the pages, which have a test of their own",
	"kua lock":                "locks, and answers nothing else",
	"kua passphrase":          "changes one's own passphrase",
	"kua member accept":       "asks a code, which was given to whoever has it",
	"kua forget":              "says what its subcommands are",
	"kua webhook":             "says what its subcommands are",
	"kua apikey":              "says what its subcommands are",
	"kua mail":                "says what its subcommands are",
	"kua statement":           "says what its subcommands are",
	"kua report":              "says what its subcommands are",
	"kua report card":         "prints what everybody may know, without opening the register",
	"kua report digests":      "makes a page of a card: no register",
	"kua report onion":        "prints lines for tor: no register",
	"kua report page":         "makes a page of a card: no register",
	"kua seal":                "seals what its caller tells: no register",
	"kua outside":             "says what its subcommands are",
	"kua evidence":            "says what its subcommands are",
	"kua public":              "says what its subcommands are",
	"kua share":               "says what its subcommands are",
	"kua timestamp":           "says what its subcommands are",
	"kua intake":              "says what its subcommands are",
	"kua relay":               "says what its subcommands are",
	"kua exchange":            "says what its subcommands are",
	"kua common":              "says what its subcommands are",
	"kua relay init":          "makes a relay, which opens no register",
	"kua relay add":           "of a relay, which opens no register",
	"kua relay show":          "of a relay, which opens no register",
	"kua relay serve":         "of a relay, which opens no register",
	"kua relay export":        "of a relay, which opens no register",
	"kua relay import":        "of a relay, which opens no register",
	"kua join":                "makes a machine's own directory of a register",
	"kua share test":          "asks for a share",
	"kua recover":             "asks for shares",
	"kua timestamp authority": "says what its subcommands are",

	"kua forget restore": "puts forgetting keys back, before the register is opened",
}

// TestEachConfidenceStaysAtTheCommandLine tries every command with everything
// that is the north's, in the name of a member of the south: not one byte of
// what could name somebody comes out, and of what they may not know to be there
// they are told what they are told of what is not there.
func TestEachConfidenceStaysAtTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	reg := filepath.Join(dir, "register")
	cases := []*northern{
		{planted: []string{"Жасампазов", "Ерғазы", "Zhasampazov", "870101399999", "+77019998877", "Тұлпар көшесі 93", "N-777-open", "сказал что его держали в гараже"}},
		{planted: []string{"Қарлығашева", "Мөлдір", "Karlygasheva", "910202499999", "+77023334455", "Айгөлек көшесі 17", "N-888-hidden", "везли в машине без номеров"}, restricted: true},
	}
	nowhere := []string{"Шашубайтегі", "Ғалымбек", "Shashubaytegi", "550303599999", "+77050006611", "Бұлдырық көшесі 45", "N-999-nobody", "видели возле старого вокзала"}
	passphrases := northAndSouth(t, reg, cases)

	commands := leaves((&program{now: func() time.Time { return today }}).command())
	for _, name := range commands {
		if tries[name] == nil && outside[name] == "" {
			t.Errorf("%s is tried by nobody: add it to tries, or to outside with a reason", name)
		}
	}
	for name := range tries {
		if !slices.Contains(commands, name) {
			t.Errorf("there is no command %q", name)
		}
	}

	tried := 0
	run := func(member, asked string, command string, args []string) string {
		t.Helper()
		tried++
		write(t, filepath.Join(dir, "list.csv"), "No,Family,Received\n"+asked+",Омаров,2022-01-12\n")
		write(t, filepath.Join(dir, "text.md"), fmt.Sprintf("---\nlang: ru\n---\n{{figure \"reports\" scope=%[1]q}} {{quote case=%[1]q}}Он молчал.{{end}} %[1]s сказал Жасампазов Ерғазы.\n", asked))
		full := []string{"--registry", reg, "--passphrase-file", filepath.Join(dir, "pass-"+member)}
		full = append(full, strings.Fields(command)[1:]...)
		for _, arg := range args {
			switch arg {
			case "list.csv", "map.yaml", "text.md", "key.txt", "OUT":
				arg = filepath.Join(dir, arg)
			}
			full = append(full, strings.ReplaceAll(arg, "ASKED", asked))
		}
		var out, stderr bytes.Buffer
		p := &program{now: func() time.Time { return today }, stretch: quick(), rulebook: rulebook, machine: testMachine}
		code := p.run(context.Background(), full, strings.NewReader(""), &out, &stderr)
		return fmt.Sprintf("exit %d\n%s\n%s", code, out.String(), stderr.String())
	}
	for member, passphrase := range passphrases {
		write(t, filepath.Join(dir, "pass-"+member), passphrase+"\n")
	}
	write(t, filepath.Join(dir, "map.yaml"), "mapping: 1\nname: made up\ndates: 2006-01-02\nkey: No\nrecords:\n- kind: report\n  fields: {received: Received}\n- kind: person\n  fields: {role: {const: victim}, family: Family}\n")

	write(t, filepath.Join(dir, "key.txt"), "kua-encode-1-aaaq-eaye-auda-ocaj-bifq-ydio-b4ib-ceqt-cqkr-mfyy-denb-wha5-dypw-gdon\n")

	// Imports last: what the south takes in is its own from then on.
	slices.SortStableFunc(commands, func(a, b string) int {
		return cmp.Compare(strings.Count(a, "import"), strings.Count(b, "import"))
	})
	for _, command := range commands {
		for i, args := range tries[command] {
			for _, c := range cases {
				if i > 0 && !c.restricted {
					continue // one way of asking is enough for what is not even hidden
				}
				asks := [][2]string{{c.id, "0123456789abcdef0123456789abcdef"}, {c.number, "K-0000001"}, {c.planted[6], nowhere[6]}}
				if slices.Contains(args, "--search") || slices.Contains(args, "list.csv") || slices.Contains(args, "text.md") {
					asks = append(asks, [2]string{c.planted[0], nowhere[0]}, [2]string{c.planted[7], nowhere[7]})
				}
				if command == "kua revoke" || command == "kua match" {
					asks = append(asks, [2]string{c.records[0], "fedcba9876543210fedcba9876543210"})
				}
				asksFor := slices.Contains(args, "list.csv") || slices.Contains(args, "text.md") || strings.Contains(strings.Join(args, " "), "ASKED")
				if !asksFor {
					asks = asks[:1]
				}
				for _, ask := range asks {
					said := run("south", ask[0], command, args)
					for _, other := range cases {
						for _, planted := range append(other.planted, other.number, other.id) {
							if strings.Contains(strings.ReplaceAll(said, ask[0], ""), planted) {
								t.Errorf("%s %v with %q: %q comes out:\n%s", command, args, ask[0], planted, said)
							}
						}
					}
					if !asksFor {
						continue // there is nothing to compare it with
					}
					control := run("south", ask[1], command, args)
					if a, b := level(said, ask[0]), level(control, ask[1]); a != b {
						t.Errorf("%s %v with %q is told another thing than of what is not there:\n%s\n---\n%s", command, args, ask[0], a, b)
					}
				}
			}
		}
	}
	// The same question of whoever may know is answered: this test is not blind.
	for _, c := range cases {
		if said := run("north", c.id, "kua case show", []string{"ASKED"}); !strings.Contains(said, c.planted[0]) {
			t.Errorf("the north does not see its own case:\n%s", said)
		}
	}
	t.Logf("%d commands, %d calls", len(commands), tried)
}

var running = regexp.MustCompile(`[0-9a-f]{8,}|[0-9]+`)

// level is an answer without what was asked, and without numbers that differ by chance.
func level(said, asked string) string {
	return running.ReplaceAllString(strings.ReplaceAll(said, asked, "ASKED"), "#")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// leaves are the commands that do something, by their whole names.
func leaves(cmd *cobra.Command) []string {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.Runnable() && !sub.IsAdditionalHelpTopicCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			names = append(names, sub.CommandPath())
		}
		names = append(names, leaves(sub)...)
	}
	return names
}
