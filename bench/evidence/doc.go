// SPDX-License-Identifier: AGPL-3.0-or-later

// Command evidence makes a large file up as it goes and seals it with the vault,
// both hashes included, and with age alone: how fast each is, and how much
// memory each takes at the most. With -store it also takes the file to a bucket
// on this machine and back, sealed by the vault, and plain by minio-go alone.
// docs/performance.md keeps the figures.
//
// It must never read a file of anybody's: what it seals means nothing, and is
// taken away again.
package main
