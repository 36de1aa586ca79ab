// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/kua-registry/kua/internal/inbox"
)

// BenchmarkReports sends reports of 1 MB to a server of its own, work and all,
// and looks whether each is there. make bench-reports.
func BenchmarkReports(b *testing.B) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		b.Fatal(err)
	}
	to := []age.Recipient{id.Recipient()}
	piece := bytes.Repeat([]byte("1"), 1<<20)
	dir := b.TempDir()
	server := start(b, dir, id.Recipient().String())
	c := &client{base: server.base}
	var known []inbox.Door
	for i := 0; b.Loop(); i++ {
		r := newReport(b, to, fmt.Sprint("told ", i), piece, 1)
		if ok, err := c.send(r); !ok {
			b.Fatal(err)
		}
		known = append(known, r.door)
	}
	most := 0
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", server.cmd.Process.Pid)); err == nil {
		if found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status); found != nil {
			most, _ = strconv.Atoi(string(found[1])) // it is digits
		}
	}
	server.kill()
	store, err := inbox.Open(inbox.Options{Dir: dir, Most: 1 << 40, Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	lost := 0
	for _, door := range known {
		if r, err := store.Get(door); err != nil || len(r.Messages) != 1 || len(r.Messages[0].Files) != 1 {
			lost++
		}
	}
	b.ReportMetric(float64(most)/1024, "server-MiB")
	b.ReportMetric(float64(lost), "lost")
}
