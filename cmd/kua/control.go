// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// controlName is the socket, in the register's directory, by which a program
// that serves the register is told to lock it. It needs no passphrase: whoever
// can reach the file may lock, and can do nothing else.
const controlName = "control.sock"

// What is said over the socket: a word, and a word in answer.
const (
	sayLock   = "lock"
	sayState  = "state"
	isLocked  = "locked"
	isOpen    = "open"
	wordLimit = 64
)

// controlTimeout is how long an answer may take: requests that are being
// answered, the files, and the start of the new process.
const controlTimeout = finishTimeout + closeTimeout + 10*time.Second

// sunPath is what a socket's path may be long, in the systems that allow least.
const sunPath = 100

// errNobody says that nothing serves the register.
var errNobody = errors.New("nothing serves this register")

// controlPath is where the socket is. A path that is too long for a socket is
// reached through the directory; done lets go of it.
func controlPath(dir string) (path string, done func(), err error) {
	path = filepath.Join(dir, controlName)
	if len(path) <= sunPath || runtime.GOOS != "linux" {
		return path, func() {}, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), controlName), func() { d.Close() }, nil
}

// listenControl makes the socket. It answers an error where another program
// serves the register, and nil where the disk has no sockets: the pages can do
// without.
func listenControl(dir string) (net.Listener, error) {
	if _, err := askControl(context.Background(), dir, sayState); err == nil {
		return nil, errors.New("another program serves this register already; 'kua lock' locks it")
	}
	path, done, err := controlPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	os.Remove(path) // of a program that was killed
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, nil //nolint:nilerr // said by the caller's warning
	}
	return l, nil
}

// obey does what is said over the socket until the context ends.
func (h *host) obey(ctx context.Context, l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		go h.obeyOne(ctx, c)
	}
}

func (h *host) obeyOne(ctx context.Context, c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(controlTimeout)) // a connection that is gone is noticed below
	word, err := readWord(c)
	if err != nil {
		return
	}
	answer := isLocked
	switch {
	case word == sayLock:
		ack := make(chan struct{})
		select {
		case h.asks <- ack:
		case <-ctx.Done():
			return
		}
		select {
		case <-ack: // else the process is replaced, and with it this connection ends
		case <-ctx.Done():
			return
		}
	case word == sayState && h.open.Load():
		answer = isOpen
	case word != sayState:
		return
	}
	fmt.Fprintln(c, answer)
}

func readWord(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, wordLimit)).ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// askControl says a word to the program that serves the register in dir:
// errNobody where there is none, io.EOF where it ended without an answer.
func askControl(ctx context.Context, dir, word string) (string, error) {
	path, done, err := controlPath(dir)
	if err != nil {
		return "", err
	}
	defer done()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNobody, err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(controlTimeout)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(c, word); err != nil {
		return "", err
	}
	return readWord(c)
}
