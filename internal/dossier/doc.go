// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dossier writes bundles: a case or several as one archive that an
// expert of a court checks with sha256sum, openssl and a short script that
// stands in the bundle's own README, and with nothing of ours.
//
// A [Bundle] is what whoever asks has put together; [Write] streams it as a zip
// in which every file is listed with its hash, the list is signed with the
// register's key, each entry that the bundle rests on comes with its proof of
// inclusion under a checkpoint of the register, and time stamps stand beside
// what they are over. [Seal] writes the same, sealed to recipients or to a
// passphrase. docs/spec/dossier.md has it byte for byte.
//
// It must never write an exhibit that is not, byte for byte, the one that was
// promised, nor a proof or a signature that does not hold; never read a clock,
// so that the same bundle is the same bytes; never decide what may leave the
// register; and never let a file name from outside name anything but a file
// within the bundle.
package dossier
