// SPDX-License-Identifier: AGPL-3.0-or-later

// Package wholefile writes files that are whole or not there, whenever the
// power goes. It must never leave half a file under its name, nor say that a
// file is there before the disk does.
package wholefile
