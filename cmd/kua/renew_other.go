// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !unix

package main

import "errors"

func renew([]string, lasting) error { return errors.New("this system does not replace a process") }
