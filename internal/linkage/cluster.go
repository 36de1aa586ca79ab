// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

// surelyDifferent is the probability under which two records may not stand in
// one cluster, however strong the chain between them is. A person decides then.
const surelyDifferent = 0.02

// maxCrossing bounds how many pairs are compared to join two large clusters.
const maxCrossing = 10_000

// clusters joins records, the likeliest pairs first, and keeps apart what must be.
type clusters struct {
	parent    []int32
	next      []int32       // the next member of the cluster, in a ring
	size      map[int32]int // of those with more than one
	different map[int32][]int32
	same      map[uint64]bool
	apart     []func(i, j int) bool // true: these two are not joined without a person
	list      func(i int) uint32
	onePer    bool
	score     func(i, j int) float64 // probability
}

func newClusters(n int) *clusters {
	c := &clusters{parent: make([]int32, n), next: make([]int32, n), size: map[int32]int{}, different: map[int32][]int32{}, same: map[uint64]bool{}}
	for i := range n {
		c.parent[i], c.next[i] = int32(i), int32(i) //nolint:gosec // row numbers
	}
	return c
}

func (c *clusters) find(row int) int {
	i := int32(row) //nolint:gosec // a row number
	for c.parent[i] != i {
		c.parent[i] = c.parent[c.parent[i]]
		i = c.parent[i]
	}
	return int(i)
}

// keepApart says that a person found two records to be different.
func (c *clusters) keepApart(i, j int) {
	a, b := int32(i), int32(j) //nolint:gosec // row numbers
	c.different[a] = append(c.different[a], b)
	c.different[b] = append(c.different[b], a)
}

func (c *clusters) count(root int) int { return max(1, c.size[int32(root)]) } //nolint:gosec // a row number

// members are the records of a cluster.
func (c *clusters) members(root int) []int {
	out := []int{root}
	for i := c.next[root]; int(i) != root; i = c.next[i] {
		out = append(out, int(i))
	}
	return out
}

// join puts two records' clusters together and reports whether they now are one.
// With force only people's decisions can stand against it.
func (c *clusters) join(i, j int, force bool) bool {
	a, b := c.find(i), c.find(j)
	if a == b {
		return true
	}
	if len(c.different) > 0 {
		for _, x := range c.members(a) {
			for _, y := range c.different[int32(x)] { //nolint:gosec // a row number
				if c.find(int(y)) == b {
					return false
				}
			}
		}
	}
	if !force && !c.compatible(a, b) {
		return false
	}
	n, m := c.count(a), c.count(b)
	if n < m || n == m && b < a {
		a, b = b, a
	}
	x, y := int32(a), int32(b) //nolint:gosec // row numbers
	c.parent[y] = x
	c.next[x], c.next[y] = c.next[y], c.next[x]
	delete(c.size, y)
	c.size[x] = n + m
	return true
}

func (c *clusters) compatible(a, b int) bool {
	if c.count(a)*c.count(b) > maxCrossing {
		return false
	}
	others := c.members(b)
	for _, x := range c.members(a) {
		for _, y := range others {
			if c.same[pairOf(x, y)] {
				continue
			}
			if c.onePer && c.list(x) == c.list(y) {
				return false
			}
			for _, conflict := range c.apart {
				if conflict(x, y) {
					return false
				}
			}
			if c.score(x, y) < surelyDifferent {
				return false
			}
		}
	}
	return true
}
