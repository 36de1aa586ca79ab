// SPDX-License-Identifier: AGPL-3.0-or-later

package doctor

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kua-registry/kua/internal/locale"
)

// Finding is something that is not as it should be.
type Finding struct {
	ID   string   `json:"id"`
	Args []string `json:"args"` // files, ports, numbers: never what is in a register
}

// Found makes a finding.
func Found(id string, args ...string) Finding {
	if args == nil {
		args = []string{}
	}
	return Finding{id, args}
}

// Says tells what is the matter.
func (f Finding) Says(l *locale.Language) string { return l.T("doctor."+f.ID, f.args()...) }

// Remedy tells what helps.
func (f Finding) Remedy(l *locale.Language) string { return l.T("doctor."+f.ID+".do", f.args()...) }

func (f Finding) args() []any {
	all := make([]any, len(f.Args))
	for i, a := range f.Args {
		all[i] = a
	}
	return all
}

// Machine is what is looked at beside the register's own folders. What is not
// known of a system is nil there, and not looked at.
type Machine struct {
	Now       time.Time                               // by its clock
	Proc, Sys fs.FS                                   // of Linux
	CoreLimit uint64                                  // bytes that a core dump of this process may have
	Synced    func() (bool, error)                    // is the clock kept right by a time service
	Disk      func(path string) (Disk, error)         // that a file is on
	Owner     func(fs.FileInfo) (uid uint32, ok bool) // nil: modes of files mean nothing here
}

// Disk is what a file lies on.
type Disk struct {
	Free, Size uint64 // bytes, to whoever asks
	Network    string // the file system, if it is reached over a network
	Device     string // its numbers, as 8:1; empty: not one device
}

// Place is where a register lies.
type Place struct {
	Dir        string // of the register
	Forgetting string // of its forgetting keys
	Public     string // what is meant for everybody, below Dir
	Passphrase string // file name under which samples keep theirs, in Dir
	// Certificate is the file of the certificate by which the pages are reached;
	// empty: none is known.
	Certificate string
}

const (
	// leastFree is what an erasure, an index made anew and a day's work need at the least.
	leastFree = 1 << 30
	// leastShare is the share of a disk below which it will soon be full: 1 of this.
	leastShare = 20
	// clockSlack is how far a file may be in the clock's future: what daylight
	// saving that was set by hand, and nothing worse, makes of it.
	clockSlack = 2 * time.Hour
	// certificateSoon is how long before its end a certificate should have been
	// renewed: an authority's is, thirty days before.
	certificateSoon = 14 * 24 * time.Hour
	// named is how many files a finding names.
	named = 3
)

// expected are the ports on which a machine answers everybody as a matter of
// course: SSH, and the web.
var expected = []int{22, 80, 443}

// Look looks at a register's folders and at the machine they are on.
func Look(m Machine, p Place) ([]Finding, error) {
	var all []Finding
	for _, look := range []func(Machine, Place) ([]Finding, error){files, forgetting, disk, memory, clock, ports, certificate} {
		found, err := look(m, p)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// some names a few of many.
func some(names []string) string {
	slices.Sort(names)
	more := len(names) - named
	if more <= 0 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:named], ", ") + ", … +" + strconv.Itoa(more)
}

// files are looked at one by one: who may read them, whose they are, whether a
// clock that was ahead has written them.
func files(m Machine, p Place) ([]Finding, error) {
	var open, foreign, ahead []string
	top, err := os.Stat(p.Dir)
	if err != nil {
		return nil, err
	}
	for _, root := range []string{p.Dir, p.Forgetting} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // gone meanwhile, or looked at below
				return nil
			}
			if err != nil {
				return err
			}
			if p.Public != "" && path == p.Public {
				return fs.SkipDir
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if !m.Now.IsZero() && info.ModTime().After(m.Now.Add(clockSlack)) {
				ahead = append(ahead, path)
			}
			if m.Owner == nil || info.Mode().Type() == fs.ModeSocket {
				return nil
			}
			if info.Mode().Perm()&0o077 != 0 && info.Mode().Type() != fs.ModeSymlink {
				open = append(open, path)
			}
			own, ok := m.Owner(info)
			if first, known := m.Owner(top); ok && known && own != first {
				foreign = append(foreign, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var found []Finding
	if len(open) > 0 {
		found = append(found, Found("open", some(open), p.Dir, p.Forgetting))
	}
	if len(foreign) > 0 {
		found = append(found, Found("foreign", some(foreign), p.Dir, p.Forgetting))
	}
	if len(ahead) > 0 {
		found = append(found, Found("behind", some(ahead)))
	}
	if p.Passphrase != "" {
		if _, err := os.Stat(filepath.Join(p.Dir, p.Passphrase)); err == nil {
			found = append(found, Found("passphrase", filepath.Join(p.Dir, p.Passphrase)))
		}
	}
	return found, nil
}

// forgetting looks whether the forgetting keys are there, and were ever copied.
func forgetting(_ Machine, p Place) ([]Finding, error) {
	keys, err := filepath.Glob(filepath.Join(p.Forgetting, "*.key"))
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return []Finding{Found("forgetting", p.Forgetting)}, nil
	}
	copies, err := filepath.Glob(filepath.Join(p.Forgetting, "copies-*"))
	if err == nil && len(copies) == 0 {
		return []Finding{Found("copy")}, nil
	}
	return nil, err
}

func disk(m Machine, p Place) ([]Finding, error) {
	if m.Disk == nil {
		return nil, nil
	}
	d, err := m.Disk(p.Dir)
	if err != nil {
		return nil, err
	}
	var found []Finding
	if d.Free < leastFree || d.Free < d.Size/leastShare {
		found = append(found, Found("full", strconv.FormatUint(d.Free>>20, 10)))
	}
	if d.Network != "" {
		found = append(found, Found("network", d.Network))
	}
	if m.Sys != nil && d.Device != "" {
		if sealed, known := encrypted(m.Sys, "dev/block/"+d.Device); known && !sealed {
			found = append(found, Found("plain"))
		}
	}
	return found, nil
}

// encrypted tells whether a block device is encrypted, or all that it is made of.
func encrypted(sys fs.FS, device string) (sealed, known bool) {
	if _, err := fs.Stat(sys, device); err != nil {
		return false, false
	}
	if id, err := fs.ReadFile(sys, device+"/dm/uuid"); err == nil && strings.HasPrefix(string(id), "CRYPT-") {
		return true, true
	}
	below, err := fs.ReadDir(sys, device+"/slaves")
	if err != nil || len(below) == 0 {
		return false, true
	}
	for _, d := range below {
		if sealed, known := encrypted(sys, device+"/slaves/"+d.Name()); !known || !sealed {
			return false, known
		}
	}
	return true, true
}

// memory looks whether what programs hold in memory can come onto the disk.
func memory(m Machine, _ Place) ([]Finding, error) {
	if m.Proc == nil {
		return nil, nil
	}
	var found []Finding
	if swaps, err := fs.ReadFile(m.Proc, "swaps"); err == nil {
		if plain := plainSwaps(m, string(swaps)); len(plain) > 0 {
			found = append(found, Found("swap", some(plain)))
		}
	}
	if pattern, err := fs.ReadFile(m.Proc, "sys/kernel/core_pattern"); err == nil {
		pattern := strings.TrimSpace(string(pattern))
		piped := strings.HasPrefix(pattern, "|") // whatever the limit says
		if pattern != "" && pattern != "|/bin/false" && (piped || m.CoreLimit > 0) {
			found = append(found, Found("core", pattern))
		}
	}
	return found, nil
}

// plainSwaps are the places of swap that lie on a disk and are not encrypted.
func plainSwaps(m Machine, swaps string) (plain []string) {
	lines := strings.Split(swaps, "\n")
	for _, line := range lines[min(1, len(lines)):] { // the first is a heading
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		name := fields[0]
		device := "class/block/" + filepath.Base(name)
		if fields[1] == "file" {
			device = ""
			if m.Disk != nil {
				if d, err := m.Disk(name); err == nil && d.Device != "" {
					device = "dev/block/" + d.Device
				}
			}
		}
		if strings.HasPrefix(filepath.Base(name), "zram") { // in memory
			continue
		}
		if m.Sys != nil && device != "" {
			if sealed, _ := encrypted(m.Sys, device); sealed {
				continue
			}
		}
		plain = append(plain, name)
	}
	return plain
}

func clock(m Machine, _ Place) ([]Finding, error) {
	if m.Synced == nil {
		return nil, nil
	}
	if ok, err := m.Synced(); err != nil || ok {
		return nil, nil //nolint:nilerr // a system that does not say
	}
	return []Finding{Found("clock")}, nil
}

// ports are those on which this machine answers more than itself.
func ports(m Machine, _ Place) ([]Finding, error) {
	if m.Proc == nil {
		return nil, nil
	}
	var open []int
	for _, name := range []string{"net/tcp", "net/tcp6"} {
		table, err := fs.ReadFile(m.Proc, name)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(table), "\n") {
			if port, ok := listening(line); ok && !slices.Contains(open, port) && !slices.Contains(expected, port) {
				open = append(open, port)
			}
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	slices.Sort(open)
	var names []string
	for _, port := range open {
		names = append(names, strconv.Itoa(port))
	}
	return []Finding{Found("ports", strings.Join(names, ", "))}, nil
}

// listening reads a line of the kernel's table of TCP sockets: the port of one
// that listens to more than this machine.
func listening(line string) (port int, ok bool) {
	const listen = "0A"
	fields := strings.Fields(line)
	if len(fields) < 4 || fields[3] != listen {
		return 0, false
	}
	address, number, ok := strings.Cut(fields[1], ":")
	if !ok || loopback(address) {
		return 0, false
	}
	n, err := strconv.ParseUint(number, 16, 16)
	return int(n), err == nil
}

// certificate looks at how long the pages can still be reached by TLS.
func certificate(m Machine, p Place) ([]Finding, error) {
	if p.Certificate == "" || m.Now.IsZero() {
		return nil, nil
	}
	ends, err := CertificateEnds(p.Certificate)
	if err != nil {
		return []Finding{Found("certificate.none", p.Certificate)}, nil //nolint:nilerr // it is what was found
	}
	day := ends.UTC().Format(time.DateOnly)
	switch left := ends.Sub(m.Now); {
	case left <= 0:
		return []Finding{Found("certificate.over", day)}, nil
	case left < certificateSoon:
		return []Finding{Found("certificate.soon", day)}, nil
	}
	return nil, nil
}

// CertificateEnds is the day until which the first certificate of a PEM file is
// good; a key may stand before it.
func CertificateEnds(file string) (time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}, err
	}
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return time.Time{}, fmt.Errorf("there is no certificate in %s", file)
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return time.Time{}, fmt.Errorf("the certificate in %s can't be read: %w", file, err)
		}
		return c.NotAfter, nil
	}
}

// loopback reads an address as the kernel writes it: 32-bit words, each in the
// order of the machine, which is little-endian on all that this is built for.
func loopback(address string) bool {
	switch {
	case len(address) == 8:
		return strings.HasSuffix(address, "7F")
	case strings.HasPrefix(address, "0000000000000000FFFF0000"): // IPv4 within IPv6
		return strings.HasSuffix(address, "7F")
	}
	return address == "00000000000000000000000001000000"
}
