// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// network is a hub and some spaces, each with a line to the hub.
type network struct {
	hub        string
	hubAddress string
	spaces     []string
}

func ip(args ...string) error {
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// mayMakeNamespaces tries it.
func mayMakeNamespaces() error {
	name := fmt.Sprintf("kua%d-try", os.Getpid())
	if err := ip("netns", "add", name); err != nil {
		return err
	}
	return ip("netns", "del", name)
}

func newNetwork(n int) (_ *network, err error) {
	w := &network{hub: fmt.Sprintf("kua%d-hub", os.Getpid()), hubAddress: "10.77.0.1"}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	steps := [][]string{
		{"netns", "add", w.hub},
		{"-n", w.hub, "link", "set", "lo", "up"},
		{"-n", w.hub, "link", "add", "br0", "type", "bridge"},
		{"-n", w.hub, "addr", "add", w.hubAddress + "/24", "dev", "br0"},
		{"-n", w.hub, "link", "set", "br0", "up"},
	}
	for i := range n {
		space, there := fmt.Sprintf("kua%d-%d", os.Getpid(), i), fmt.Sprintf("line%d", i)
		w.spaces = append(w.spaces, space)
		steps = append(steps, [][]string{
			{"netns", "add", space},
			{"-n", space, "link", "set", "lo", "up"},
			{"-n", w.hub, "link", "add", there, "type", "veth", "peer", "name", "eth0", "netns", space},
			{"-n", w.hub, "link", "set", there, "master", "br0", "up"},
			{"-n", space, "addr", "add", fmt.Sprintf("10.77.0.%d/24", 10+i), "dev", "eth0"},
			{"-n", space, "link", "set", "eth0", "up"},
		}...)
	}
	for _, step := range steps {
		if err := ip(step...); err != nil {
			return w, err
		}
	}
	return w, nil
}

// line cuts or mends the line of a space.
func (w *network) line(i int, up bool) error {
	state := "down"
	if up {
		state = "up"
	}
	return ip("-n", w.hub, "link", "set", fmt.Sprintf("line%d", i), state)
}

func (w *network) close() error {
	var errs []error
	for _, space := range append(w.spaces, w.hub) {
		errs = append(errs, ip("netns", "del", space))
	}
	return errors.Join(errs...)
}
