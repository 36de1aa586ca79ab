// SPDX-License-Identifier: AGPL-3.0-or-later

// Package receipt makes and reads the eight words with which somebody who sent
// a report comes back to it. A receipt is 88 random bits; each word stands for
// 11 of them, from a list of 2048 in English, Russian or Kazakh.
//
// The words are things of every day: none that is a wound to read after what
// its reader went through, no names, no peoples, no faiths. As they are read
// (Kazakh letters as a Russian keyboard has them, ё as е), no two of a list
// are one slip of the pen apart, so that one wrong, missing, added or swapped
// letter in a word is set right.
//
// What is stored at the register is made from a receipt by Argon2id, bound to
// the installation, and cannot be turned back into it: see [Receipt.Stretch].
//
// It must never store, log or print a receipt, nor accept one that could be
// two.
package receipt
