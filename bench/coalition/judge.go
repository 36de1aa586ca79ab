// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf16"
)

// judge says what came of it, and fails where it is not what was promised.
func (st *stage) judge() error {
	var wrong []string
	fail := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, what := range slices.Sorted(keysOf(st.did)) {
		fmt.Printf("%-38s %d\n", what, st.did[what])
	}
	hub, err := st.hub.ask(order{Do: "tick"})
	if err != nil {
		return err
	}
	fmt.Printf("\n%-12s %9s  %-16s %9s %9s  %s\n", "", "entries", "root", "own", "reports", "figures")
	fmt.Printf("%-12s %9d  %-16.16s\n", "relay", hub.Entries, hub.Root)
	want, figures := 0, ""
	for i, n := range st.taken {
		want += n - len(st.gone[i])
	}
	want -= st.both // each of them is one person, and counts once
	if st.did["compared: propose"] != st.both || st.did["compared: answer"] != st.both {
		fail("%d people are known to two, %d were proposed and %d decided", st.both, st.did["compared: propose"], st.did["compared: answer"])
	}
	if st.came != st.handed {
		fail("%d cases were handed over, and %d taken", st.handed, st.came)
	}
	for i, x := range st.nodes {
		a, err := x.ask(order{Do: "status"})
		if err != nil {
			return err
		}
		f, err := x.ask(order{Do: "figures"})
		if err != nil {
			return err
		}
		if i == 0 {
			figures = f.Figures
		}
		same := "as the first"
		if f.Figures != figures {
			same = "NOT AS THE FIRST"
			fail("node %d counts otherwise than node 0", i)
		}
		fmt.Printf("%-12s %9d  %-16.16s %9d %9d  %s\n", places[i].name, a.Entries, a.Root, a.Own, f.Reports, same)
		if a.Entries != hub.Entries || a.Root != hub.Root {
			fail("node %d has another ledger than the relay", i)
		}
		if a.Waiting > 0 || a.Finding != "" {
			fail("node %d: %d wait, %s", i, a.Waiting, a.Finding)
		}
		if f.Reports != want {
			fail("node %d counts %d reports of %d", i, f.Reports, want)
		}
		if _, err := x.ask(order{Do: "verify"}); err != nil {
			fail("node %d does not verify: %v", i, err)
		}
	}
	if err := st.look(fail); err != nil {
		return err
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	fmt.Println("the same ledger on all, the same figures on all, nobody's identity anywhere else")
	return nil
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// look looks for who somebody is in the folders and the memory of all others.
func (st *stage) look(fail func(string, ...any)) error {
	of := func(who invented) (all [][]byte) {
		for _, text := range []string{who.Family, who.Given, who.Phone, who.Told} {
			if text != "" {
				all = append(all, spellings(text)...)
			}
		}
		return all
	}
	forms := make([][][]byte, len(places))
	for i := range places {
		for _, who := range st.people[i] {
			forms[i] = append(forms[i], of(who)...)
		}
	}
	secret := spellings(st.secret.Text())
	fmt.Printf("\n%-28s %12s  %s\n", "looked through", "MB", "of others' identities found (own)")
	for at, x := range append(slices.Clone(st.nodes), st.hub) {
		name := "relay"
		if at < len(st.nodes) {
			name = places[at].name
			if _, err := x.ask(order{Do: "names"}); err != nil { // so that the own is there to be found
				return err
			}
		}
		var needles [][]byte
		for i := range places {
			if i != at {
				needles = append(needles, forms[i]...)
			}
		}
		for _, k := range st.known {
			if at != k.a && at != k.b {
				needles = append(needles, of(k.who)...)
			}
		}
		// Two invented people can have one family name: what somebody may know tells
		// nothing. The one hit that this search ever had was that (seed 1, before this
		// was left out): two family names of people of node 0 in the memory of node 2,
		// each the very name of another person whom nodes 0 and 2 both knew; no given
		// name, telephone number or narrative beside them.
		for _, k := range st.known {
			if at == k.a || at == k.b {
				may := of(k.who)
				needles = slices.DeleteFunc(needles, func(n []byte) bool {
					return slices.ContainsFunc(may, func(m []byte) bool { return bytes.Equal(m, n) })
				})
			}
		}
		if at == len(st.nodes) {
			needles = append(needles, secret...)
		}
		var own [][]byte
		if at < len(st.nodes) {
			own = slices.Clone(forms[at])
			for _, k := range st.known {
				if at == k.a || at == k.b {
					own = append(own, of(k.who)...)
				}
			}
		}
		for _, where := range []struct {
			name string
			read func(func([]byte)) error
		}{
			{"folder", func(fn func([]byte)) error { return eachFile(x.dir, fn) }},
			{"memory", func(fn func([]byte)) error { return eachMapping(x.cmd.Process.Pid, fn) }},
		} {
			others, mine := newFinder(needles), newFinder(own)
			size, found, foundOwn := 0, map[string]bool{}, map[string]bool{}
			err := where.read(func(b []byte) {
				size += len(b)
				others.in(b, found)
				mine.in(b, foundOwn)
			})
			if err != nil {
				return fmt.Errorf("%s of %s: %w", where.name, name, err)
			}
			fmt.Printf("%-28s %12.1f  %d (%d)\n", name+", "+where.name, float64(size)/1e6, len(found), len(foundOwn))
			if len(found) > 0 {
				fail("%d spellings of others' identities in the %s of %s, as %q", len(found), where.name, name, slices.Sorted(keysOf(found))[0])
			}
			if where.name == "memory" && at < len(st.nodes) && len(foundOwn) == 0 {
				fail("the memory of %s does not even have its own: the search is blind", name)
			}
			if where.name == "folder" && len(foundOwn) > 0 {
				fail("the folder of %s has its own identities in the clear", name)
			}
		}
	}
	return nil
}

// spellings are the ways in which a text may lie somewhere.
func spellings(text string) (all [][]byte) {
	for _, t := range []string{text, strings.ToLower(text), strings.ToUpper(text)} {
		b := []byte(t)
		all = append(all, b, []byte(hex.EncodeToString(b)))
		for shift := range 3 { // what lies in the middle of something longer, too
			padded := append(make([]byte, shift), b...)
			encoded := base64.StdEncoding.EncodeToString(padded)
			end := len(encoded) / 4 * 4
			all = append(all, []byte(encoded[[]int{0, 2, 3}[shift]:end-4]))
		}
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			var wide []byte
			for _, unit := range utf16.Encode([]rune(t)) {
				wide = order.AppendUint16(wide, unit)
			}
			all = append(all, wide)
		}
	}
	return all
}

// finder finds many needles at once, by their first eight bytes.
type finder struct {
	byStart map[uint64][][]byte
	starts  [1 << 16]bool
}

func newFinder(needles [][]byte) *finder {
	f := &finder{byStart: map[uint64][][]byte{}}
	for _, n := range needles {
		if len(n) < 8 {
			continue
		}
		k := binary.LittleEndian.Uint64(n)
		f.byStart[k] = append(f.byStart[k], n)
		f.starts[uint16(k)] = true
	}
	return f
}

func (f *finder) in(b []byte, found map[string]bool) {
	if len(f.byStart) == 0 {
		return
	}
	for i := 0; i+8 <= len(b); i++ {
		if !f.starts[binary.LittleEndian.Uint16(b[i:])] {
			continue
		}
		for _, n := range f.byStart[binary.LittleEndian.Uint64(b[i:])] {
			if bytes.HasPrefix(b[i:], n) {
				found[string(n)] = true
			}
		}
	}
}

func eachFile(dir string, fn func([]byte)) error {
	for _, root := range []string{dir, dir + ".forgetting"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			fn(b)
			fn([]byte(path))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// eachMapping reads the memory of a process that runs. What can't be read is
// passed over.
func eachMapping(pid int, fn func([]byte)) error {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	defer maps.Close()
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		return err
	}
	defer memory.Close()
	const most = 64 << 20
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		var from, to int64
		var rights string
		if _, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &rights); err != nil || rights[0] != 'r' || strings.HasSuffix(lines.Text(), "[vvar]") || strings.HasSuffix(lines.Text(), "[vsyscall]") {
			continue
		}
		for at := from; at < to; {
			b := make([]byte, min(most, to-at))
			n, err := memory.ReadAt(b, at)
			fn(b[:n])
			if err != nil && !errors.Is(err, io.EOF) || n < len(b) {
				break
			}
			at += int64(n)
			if at < to {
				at -= 4096 // what lies across the border
			}
		}
	}
	return lines.Err()
}
