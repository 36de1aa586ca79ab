// SPDX-License-Identifier: AGPL-3.0-or-later

package linkage

// surelyDifferent is the probability under which two records may not stand in
// one cluster, however strong the chain between them is. A person decides then.
const surelyDifferent = 0.02

// maxCrossing bounds how many pairs are compared to join two large clusters.
const maxCrossing = 10_000

// clusters joins records, the likeliest pairs first, and keeps apart what must be.
type clusters struct {
	parent    []int
	members   [][]int
	different map[uint64]bool
	same      map[uint64]bool
	apart     []func(i, j int) bool // true: these two are not joined without a person
	lists     []int32
	onePer    bool
	score     func(i, j int) float64 // probability
}

func newClusters(n int) *clusters {
	c := &clusters{parent: make([]int, n), members: make([][]int, n), different: map[uint64]bool{}, same: map[uint64]bool{}}
	for i := range n {
		c.parent[i] = i
		c.members[i] = []int{i}
	}
	return c
}

func (c *clusters) find(i int) int {
	for c.parent[i] != i {
		c.parent[i] = c.parent[c.parent[i]]
		i = c.parent[i]
	}
	return i
}

// join puts two records' clusters together and reports whether they now are one.
// With force only people's decisions can stand against it.
func (c *clusters) join(i, j int, force bool) bool {
	a, b := c.find(i), c.find(j)
	if a == b {
		return true
	}
	for _, x := range c.members[a] {
		for _, y := range c.members[b] {
			if c.different[pairOf(x, y)] {
				return false
			}
		}
	}
	if !force && !c.compatible(a, b) {
		return false
	}
	if len(c.members[a]) < len(c.members[b]) || len(c.members[a]) == len(c.members[b]) && b < a {
		a, b = b, a
	}
	c.parent[b] = a
	c.members[a] = append(c.members[a], c.members[b]...)
	c.members[b] = nil
	return true
}

func (c *clusters) compatible(a, b int) bool {
	if len(c.members[a])*len(c.members[b]) > maxCrossing {
		return false
	}
	for _, x := range c.members[a] {
		for _, y := range c.members[b] {
			if c.same[pairOf(x, y)] {
				continue
			}
			if c.onePer && c.lists[x] == c.lists[y] {
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
