// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
)

// MostShares is the greatest number of shares of one secret.
const MostShares = 16

// point is one of the values that a
// secret is split into (Shamir, "How to share a secret", 1979), byte by byte
// over GF(2⁸).
type point struct {
	x byte // 1 to 255
	y Key
}

// split makes n points of a secret, of which any need give it back, and any
// fewer say nothing about it.
func split(secret Key, need, n int) ([]point, error) {
	if need < 2 || n < need || n > MostShares {
		return nil, fmt.Errorf("a secret is split into at most %d shares, of which at least 2 and at most all are needed", MostShares)
	}
	points := make([]point, n)
	for i := range points {
		points[i].x = byte(i + 1)
	}
	random := make([]byte, need-1)
	for b := range secret {
		rand.Read(random) // never fails: see crypto/rand
		for i := range points {
			y := byte(0)
			for j := len(random) - 1; j >= 0; j-- { // Horner, from the highest coefficient
				y = mul(y, points[i].x) ^ random[j]
			}
			points[i].y[b] = mul(y, points[i].x) ^ secret[b]
		}
	}
	return points, nil
}

// combine gives back the secret that points were made of. It can't tell
// whether they belong together: whoever calls it checks what comes out.
func combine(points []point) (Key, error) {
	seen := map[byte]bool{}
	for _, p := range points {
		if p.x == 0 || seen[p.x] {
			return Key{}, errors.New("the same share twice")
		}
		seen[p.x] = true
	}
	var secret Key
	for _, p := range points {
		at := byte(1) // Lagrange's polynomial of the point, at 0
		for _, q := range points {
			if q.x != p.x {
				at = mul(at, mul(q.x, inverse(q.x^p.x)))
			}
		}
		for b := range secret {
			secret[b] ^= mul(at, p.y[b])
		}
	}
	return secret, nil
}

// mul multiplies in GF(2⁸) with the polynomial of AES, in the same time
// whatever the values.
func mul(a, b byte) byte {
	var p byte
	for range 8 {
		p ^= -(b & 1) & a
		a = a<<1 ^ -(a>>7)&0x1b
		b >>= 1
	}
	return p
}

// inverse is a⁻¹ = a²⁵⁴; of 0 it is 0.
func inverse(a byte) byte {
	result := byte(1)
	for range 7 {
		a = mul(a, a)
		result = mul(result, a)
	}
	return result
}
