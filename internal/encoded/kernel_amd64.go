// SPDX-License-Identifier: AGPL-3.0-or-later

package encoded

import "golang.org/x/sys/cpu"

// kernelWords is the length of filters that the kernel takes: 1,024 bits.
const kernelWords = 16

func hasKernel() bool { return cpu.X86.HasAVX512F && cpu.X86.HasAVX512VPOPCNTDQ }

// kernel goes through blocks of eight filters, which lie word by word, and stops
// at the first that has one which differs from a in at most allowed places. It
// answers how many blocks it passed over, and a bit for each filter of the block.
//
//go:noescape
func kernel(a, blocks *uint64, count int, allowed uint64) (passed int, hits uint64)
