// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package main

import "os"

// mostMemory is not known here.
func mostMemory(*os.ProcessState) int { return 0 }
