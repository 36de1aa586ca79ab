// SPDX-License-Identifier: AGPL-3.0-or-later

// Package typeface carries the letters in which documents and pictures are
// written where the reader's machine may have none: Noto Sans, regular, bold and
// italic, cut to Latin, Cyrillic with Kazakh, punctuation, arrows and a few
// signs. How the files are made of Noto's own is in make.py; their sums are in
// SHA256SUMS. They stand under the SIL Open Font License 1.1, see OFL.txt.
package typeface
