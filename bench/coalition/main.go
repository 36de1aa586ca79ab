// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()%1e9), "what all chance is drawn from")
	days := flag.Int("days", 14, "days of work")
	cases := flag.Int("cases", 6, "cases that an organisation takes in on a day, at the most")
	child := flag.String("child", "", "relay or node: this process is one, and is told what to do on standard input")
	dir := flag.String("dir", "", "of the child")
	listen := flag.String("listen", "", "of the relay")
	flag.Parse()
	var err error
	switch *child {
	case "relay":
		err = beRelay(*dir, *listen)
	case "node":
		err = beNode(*dir)
	default:
		err = play(*seed, *days, *cases)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/coalition:", err)
		os.Exit(1)
	}
}
