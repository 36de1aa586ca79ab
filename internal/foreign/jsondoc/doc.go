// SPDX-License-Identifier: AGPL-3.0-or-later

// Package jsondoc reads JSON from outside as it stands: keys in their order,
// numbers as they are written, the line of each value, several documents one
// after another where a program wrote them so, within limits on depth and
// number.
//
// It must never know what a key means.
package jsondoc
