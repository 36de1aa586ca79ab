// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/encoded"
	"github.com/kua-registry/kua/internal/registry"
)

// places are the organisations, and what begins the invented names of each.
var places = []struct{ name, family string }{{"Солтүстік", "Тұманбай"}, {"Оңтүстік", "Қарлығаш"}, {"Батыс", "Самұрық"}}

// actor is a child process in its namespace.
type actor struct {
	role, dir, space, listen string
	cmd                      *exec.Cmd
	in                       *json.Encoder
	out                      *json.Decoder
	close                    io.Closer
}

func (x *actor) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	x.cmd = exec.Command("ip", "netns", "exec", x.space, self, "-child", x.role, "-dir", x.dir, "-listen", x.listen)
	x.cmd.Stderr = os.Stderr
	in, err := x.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := x.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	x.in, x.out, x.close = json.NewEncoder(in), json.NewDecoder(out), in
	return x.cmd.Start()
}

// ask has something done and waits for the answer.
func (x *actor) ask(o order) (a answer, err error) {
	if err := x.in.Encode(o); err != nil {
		return a, err
	}
	if err := x.out.Decode(&a); err != nil {
		return a, err
	}
	if a.Error != "" {
		err = errors.New(a.Error)
	}
	return a, err
}

// stage is all that plays.
type stage struct {
	seed   uint64
	chance *rand.Rand
	dir    string
	net    *network
	hub    *actor
	nodes  []*actor
	up     []bool
	day    time.Time
	taken  []int        // cases of each
	people [][]invented // of each: all that there ever were
	gone   []map[int]bool
	fixed  []map[int]bool // of each: cases that stay as they are, for more than one knows them
	known  []known
	secret encoded.Key // of the comparison; the relay never has it
	both   int         // people whom two organisations took in
	handed int         // cases that went from one to another
	came   int         // of them, that were taken there
	did    map[string]int
}

// known is somebody whom two organisations may know by name.
type known struct {
	who  invented
	a, b int
}

func play(seed uint64, days, cases int) (err error) {
	fmt.Printf("seed %d, %d days\n", seed, days)
	if err := mayMakeNamespaces(); err != nil {
		fmt.Printf("not played: no network namespaces can be made here (%v): it takes Linux, root and ip\n", err)
		return nil
	}
	dir, err := os.MkdirTemp("", "kua-coalition-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	st := &stage{seed: seed, chance: rand.New(rand.NewPCG(seed, 1)), dir: dir, did: map[string]int{},
		day: time.Date(2022, 3, 1, 6, 0, 0, 0, time.UTC), taken: make([]int, len(places)), people: make([][]invented, len(places))}
	for range places {
		st.gone, st.fixed = append(st.gone, map[int]bool{}), append(st.fixed, map[int]bool{})
	}
	if st.secret, err = encoded.NewKey(rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})); err != nil {
		return err
	}
	began := time.Now()
	if st.net, err = newNetwork(len(places)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.net.close()) }()
	defer st.end()
	if err := st.begin(); err != nil {
		return err
	}
	for day := range days {
		if err := st.work(day, cases); err != nil {
			return fmt.Errorf("day %d: %w", day+1, err)
		}
	}
	if err := st.settle(); err != nil {
		return err
	}
	err = st.judge()
	fmt.Printf("%.0f s in all\n", time.Since(began).Seconds())
	return err
}

func (st *stage) end() {
	for _, x := range append(st.nodes, st.hub) {
		if x != nil && x.cmd != nil && x.cmd.Process != nil {
			_ = x.close.Close()
			_ = x.cmd.Process.Kill()
			_ = x.cmd.Wait()
		}
	}
}

// begin makes the relay and the nodes, and makes them known to each other by hand.
func (st *stage) begin() error {
	listen := st.net.hubAddress + ":8443"
	st.hub = &actor{role: "relay", dir: filepath.Join(st.dir, "relay"), space: st.net.hub, listen: listen}
	if err := st.hub.start(); err != nil {
		return err
	}
	made, err := st.hub.ask(order{Do: "make", At: st.day})
	if err != nil {
		return err
	}
	known := made.Coalition
	for i, place := range places {
		x := &actor{role: "node", dir: filepath.Join(st.dir, fmt.Sprintf("node%d", i)), space: st.net.spaces[i]}
		if err := x.start(); err != nil {
			return err
		}
		st.nodes, st.up = append(st.nodes, x), append(st.up, true)
		a, err := x.ask(order{Do: "make", At: st.day, Name: place.name, Coalition: made.Coalition})
		if err != nil {
			return err
		}
		added, err := st.hub.ask(order{Do: "add", Coalition: a.Card})
		if err != nil {
			return err
		}
		known = added.Coalition
	}
	for _, x := range st.nodes {
		if _, err := x.ask(order{Do: "add", Coalition: known}); err != nil {
			return err
		}
	}
	return nil
}

// somebody draws a person of a place: every word that could name them is of that
// place alone.
func (st *stage) somebody(place int) invented {
	syllables := []string{"бек", "гүл", "нұр", "ай", "дар", "сәт", "шың", "ерке", "тас", "мөл"}
	word := func() (w string) {
		for range 3 {
			w += syllables[st.chance.IntN(len(syllables))]
		}
		return w
	}
	code := func() string { return fmt.Sprintf("%09d", st.chance.IntN(1e9)) }
	return invented{
		Birth:  fmt.Sprintf("%d-%02d-%02d", 1960+st.chance.IntN(45), 1+st.chance.IntN(12), 1+st.chance.IntN(28)),
		Family: places[place].family + word() + "ұлы", Given: "Есім" + word() + code()[:4],
		Phone: "+7701" + code(), Told: "айтқаны " + word() + " " + word() + " " + code() + " " + word(),
		Region: []string{"KZ-75", "KZ-71", "KZ-10"}[st.chance.IntN(3)], Day: fmt.Sprintf("2022-02-%02d", 1+st.chance.IntN(28)),
	}
}

// work is a day: each organisation takes cases in, changes some, exchanges if the
// line lets it.
func (st *stage) work(day, cases int) error {
	st.day = st.day.Add(24 * time.Hour)
	if _, err := st.hub.ask(order{Do: "tick", At: st.day}); err != nil {
		return err
	}
	for i, x := range st.nodes {
		// The third is away for most of the time: a village without a line.
		up := st.chance.IntN(10) < 7
		if i == 2 && day > 0 && day < 10 {
			up = false
		}
		if up != st.up[i] {
			if err := st.net.line(i, up); err != nil {
				return err
			}
			st.up[i] = up
			st.did[map[bool]string{true: "lines mended", false: "lines cut"}[up]]++
		}
		var people []invented
		for range st.chance.IntN(cases + 1) {
			people = append(people, st.somebody(i))
		}
		if len(people) > 0 {
			if _, err := x.ask(order{Do: "cases", At: st.day, Key: st.key(i), Number: st.taken[i], People: people}); err != nil {
				return err
			}
			st.people[i] = append(st.people[i], people...)
			st.taken[i] += len(people)
			st.did["cases"] += len(people)
		}
		if n := st.taken[i]; n > 0 { // a case is changed: told anew, in another region
			k := st.chance.IntN(n)
			if !st.gone[i][k] && !st.fixed[i][k] {
				next := st.somebody(i)
				if _, err := x.ask(order{Do: "cases", At: st.day.Add(time.Minute), Key: st.key(i), Number: k, People: []invented{next}}); err != nil {
					return err
				}
				st.people[i] = append(st.people[i], next)
				st.did["changes"]++
			}
			if k := st.chance.IntN(n); st.chance.IntN(12) == 0 && !st.gone[i][k] && !st.fixed[i][k] {
				if _, err := x.ask(order{Do: "erase", At: st.day.Add(2 * time.Minute), Key: fmt.Sprintf("%s-%d", st.key(i), k)}); err != nil {
					return err
				}
				st.gone[i][k] = true
				st.did["erasures"]++
			}
		}
		if err := st.together(day, i); err != nil {
			return err
		}
		if err := st.exchange(i); err != nil {
			return err
		}
	}
	return nil
}

// key begins the numbers of a place's own cases: what comes from another keeps its.
func (st *stage) key(i int) string { return string(rune('A' + i)) }

// takeIn takes one person in at a place whom another one knows too, and answers
// the number of the case.
func (st *stage) takeIn(i int, who invented) (int, error) {
	k := st.taken[i]
	_, err := st.nodes[i].ask(order{Do: "cases", At: st.day.Add(150 * time.Second), Key: st.key(i), Number: k, People: []invented{who}})
	st.fixed[i][k] = true
	st.taken[i]++
	st.did["cases"]++
	return k, err
}

// together is what organisations do with each other on a day: somebody goes to
// two of them, a case is handed over, what was handed over is taken, rows are
// offered to be compared.
func (st *stage) together(day, i int) error {
	x, other := st.nodes[i], (i+1+st.chance.IntN(2))%len(st.nodes)
	at := st.day.Add(160 * time.Second)
	if st.chance.IntN(4) == 0 {
		who := st.somebody(i)
		for _, place := range []int{i, other} {
			if _, err := st.takeIn(place, who); err != nil {
				return err
			}
		}
		st.known = append(st.known, known{who, i, other})
		st.both++
		st.did["people taken in by two"]++
	}
	if day > 0 && st.chance.IntN(5) == 0 {
		who := st.somebody(i)
		k, err := st.takeIn(i, who)
		if err != nil {
			return err
		}
		st.known = append(st.known, known{who, i, other})
		switch _, err := x.ask(order{Do: "hand", At: at, Key: fmt.Sprintf("%s-%d", st.key(i), k), Name: places[other].name}); {
		case err == nil:
			st.handed++
			st.did["cases handed over"]++
		case strings.Contains(err.Error(), registry.ErrNoHolder.Error()): // it has not heard of them yet
			st.did["cases that stayed: the other is not known yet"]++
		default:
			return fmt.Errorf("handing over: %w", err)
		}
	}
	if err := st.take(i, at); err != nil {
		return err
	}
	if day%5 == 4 && st.taken[i] > len(st.gone[i]) {
		if _, err := x.ask(order{Do: "offer", At: at, Secret: st.secret.Text()}); err != nil {
			return fmt.Errorf("offering: %w", err)
		}
		st.did["lists offered"]++
	}
	return nil
}

// take has a node take what was handed over to it.
func (st *stage) take(i int, at time.Time) error {
	a, err := st.nodes[i].ask(order{Do: "take", At: at})
	if err != nil {
		return fmt.Errorf("taking: %w", err)
	}
	st.came += a.Done
	return nil
}

// exchange has a node reach for the relay, whatever the line is like; sometimes
// the line goes in the middle, or the process, or a stick is carried.
func (st *stage) exchange(i int) error {
	x := st.nodes[i]
	at := st.day.Add(3 * time.Minute)
	switch st.chance.IntN(8) {
	case 0: // killed
		if err := x.in.Encode(order{Do: "sync", At: at, Patience: 5 * time.Second}); err != nil {
			return err
		}
		time.Sleep(time.Duration(st.chance.IntN(300)) * time.Millisecond)
		_ = x.cmd.Process.Kill()
		_ = x.cmd.Wait()
		st.did["processes killed"]++
		if err := x.start(); err != nil {
			return err
		}
		_, err := x.ask(order{Do: "open", At: at, Name: places[i].name})
		return err
	case 1: // cut in the middle
		if err := x.in.Encode(order{Do: "sync", At: at, Patience: 3 * time.Second}); err != nil {
			return err
		}
		time.Sleep(time.Duration(st.chance.IntN(150)) * time.Millisecond)
		if err := st.net.line(i, false); err != nil {
			return err
		}
		st.up[i] = false
		st.did["lines cut in the middle"]++
		var a answer
		return x.out.Decode(&a)
	case 2: // a stick, to whoever is next and from there
		to := (i + 1) % len(st.nodes)
		file := filepath.Join(st.dir, "stick")
		defer os.Remove(file)
		if _, err := x.ask(order{Do: "export", At: at, File: file}); err != nil {
			return err
		}
		if _, err := st.nodes[to].ask(order{Do: "import", At: at, File: file}); err != nil && !strings.Contains(err.Error(), "are missing") {
			return fmt.Errorf("a stick: %w", err)
		}
		st.did["sticks"]++
		return nil
	}
	a, err := x.ask(order{Do: "sync", At: at, Patience: 3 * time.Second})
	switch {
	case err == nil && a.Finding != "":
		st.did["exchanges with something to look at: "+a.Finding]++
	case err == nil:
		st.did["exchanges"]++
	default:
		st.did["exchanges that a line stopped"]++
	}
	return nil
}

// settle mends all lines, and exchanges until nothing comes any more.
func (st *stage) settle() error {
	st.day = st.day.Add(24 * time.Hour)
	if _, err := st.hub.ask(order{Do: "tick", At: st.day}); err != nil {
		return err
	}
	for i := range st.nodes {
		if err := st.net.line(i, true); err != nil {
			return err
		}
	}
	time.Sleep(time.Second)
	if err := st.all(4); err != nil {
		return err
	}
	for i := range st.nodes {
		if err := st.take(i, st.day); err != nil {
			return err
		}
	}
	if err := st.all(2); err != nil {
		return err
	}
	return st.compare()
}

// all has all exchange, some times.
func (st *stage) all(times int) error {
	for range times {
		for i, x := range st.nodes {
			if _, err := x.ask(order{Do: "sync", At: st.day, Patience: 2 * time.Minute}); err != nil {
				return fmt.Errorf("node %d at the end: %w", i, err)
			}
		}
	}
	return nil
}

// compare finds whom the organisations have in common: all offer their rows, each
// in its turn proposes what it found, the others decide; then all is withdrawn.
func (st *stage) compare() error {
	each := func(do string) error {
		for i, x := range st.nodes {
			a, err := x.ask(order{Do: do, At: st.day, Secret: st.secret.Text()})
			if err != nil {
				return fmt.Errorf("node %d: %s: %w", i, do, err)
			}
			st.did["compared: "+do] += a.Done
		}
		return st.all(2)
	}
	if err := each("offer"); err != nil {
		return err
	}
	for i, x := range st.nodes {
		a, err := x.ask(order{Do: "propose", At: st.day})
		if err != nil {
			return fmt.Errorf("node %d: propose: %w", i, err)
		}
		st.did["compared: propose"] += a.Done
		if err := st.all(2); err != nil {
			return err
		}
		if err := each("answer"); err != nil {
			return err
		}
	}
	return each("withdraw")
}
