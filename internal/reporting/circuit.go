// SPDX-License-Identifier: AGPL-3.0-or-later

package reporting

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// circuitNet are the addresses under which tor names circuits
// (HiddenServiceExportCircuitID haproxy): nobody's on any network.
var circuitNet = netip.MustParsePrefix("fc00:dead:beef:4dad::/64")

func isCircuit(ip net.IP) bool {
	a, ok := netip.AddrFromSlice(ip)
	return ok && circuitNet.Contains(a)
}

// headWait is how long tor may take to say which circuit it is.
const headWait = 5 * time.Second

// headMost is the longest line of the PROXY protocol, version 1.
const headMost = 107

// Circuits takes connections that each begin with a line of the PROXY protocol
// (version 1), as tor writes it with HiddenServiceExportCircuitID haproxy, and
// gives them the address of their circuit. What begins otherwise is closed:
// with it on, nothing but tor is to reach the listener.
func Circuits(l net.Listener) net.Listener { return circuits{l} }

type circuits struct{ net.Listener }

func (l circuits) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &circuit{Conn: c}, nil
}

// circuit reads its line when it is first asked for anything: by the goroutine
// that serves it, so that nobody keeps others waiting.
type circuit struct {
	net.Conn
	once   sync.Once
	source net.Addr
	err    error
}

func (c *circuit) begin() {
	c.once.Do(func() {
		c.source = c.Conn.RemoteAddr()
		if c.err = c.SetReadDeadline(time.Now().Add(headWait)); c.err != nil { //nolint:forbidigo // a deadline is by the machine's clock
			return
		}
		var line []byte
		for one := make([]byte, 1); len(line) < headMost && !bytes.HasSuffix(line, []byte("\r\n")); line = append(line, one[0]) {
			if _, c.err = c.Conn.Read(one); c.err != nil {
				return
			}
		}
		words := strings.Fields(string(line))
		if len(words) != 6 || words[0] != "PROXY" || words[1] != "TCP6" && words[1] != "TCP4" {
			c.err = io.EOF // as if it had ended: the server answers nothing
			return
		}
		ip := net.ParseIP(words[2])
		if ip == nil {
			c.err = io.EOF
			return
		}
		c.source = &net.TCPAddr{IP: ip, Port: 1}
		c.err = c.SetReadDeadline(time.Time{})
	})
}

func (c *circuit) Read(b []byte) (int, error) {
	if c.begin(); c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(b)
}

func (c *circuit) RemoteAddr() net.Addr {
	c.begin()
	return c.source
}
