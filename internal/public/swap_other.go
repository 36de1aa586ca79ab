// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !linux

package public

import "errors"

// swap is not to be had here.
func swap(_, _ string) error { return errors.ErrUnsupported }
