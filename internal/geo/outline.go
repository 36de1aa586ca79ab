// SPDX-License-Identifier: AGPL-3.0-or-later

package geo

import (
	"cmp"
	"container/heap"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Point is a place on a drawing: to the right, downwards.
type Point struct{ X, Y int }

// Shape is the outline of one region: rings of a drawing, borders and holes
// alike, to be filled by the even-odd rule.
type Shape struct {
	Code  string
	Rings [][]Point
}

// Drawing holds the outlines of regions, in order of their codes.
type Drawing struct {
	Width, Height int
	Shapes        []Shape
}

// drawn is how many units a drawing is wide, and at most high.
const drawn = 1000

// ErrNoRegion says that nothing in a file is a region that is known.
var ErrNoRegion = errors.New("no feature of the map is one of the regions: name the property that holds their codes")

// Outline draws the areas of each region with at most so many points
// altogether. What has no area on the drawing is left out.
func Outline(regions map[string][]Polygon, points int) (Drawing, error) {
	codes := slices.Sorted(maps.Keys(regions))
	var all []Ring
	var of []string
	for _, code := range codes {
		for _, p := range regions[code] {
			for _, ring := range p {
				all = append(all, unrolled(ring))
				of = append(of, code)
			}
		}
	}
	if len(all) == 0 {
		return Drawing{}, ErrNoRegion
	}
	turn(all)
	d, rings := project(all)
	kept := simplify(rings, points)
	for i, ring := range kept {
		if len(ring) < 3 {
			continue
		}
		n := len(d.Shapes)
		if n == 0 || d.Shapes[n-1].Code != of[i] {
			d.Shapes = append(d.Shapes, Shape{Code: of[i]})
			n++
		}
		d.Shapes[n-1].Rings = append(d.Shapes[n-1].Rings, ring)
	}
	if len(d.Shapes) == 0 {
		return Drawing{}, ErrNoRegion
	}
	return d, nil
}

// unrolled undoes jumps over the antimeridian: a step of more than half the
// globe is one the other way round.
func unrolled(ring Ring) Ring {
	out := slices.Clone(ring)
	for i := 1; i < len(out); i++ {
		for out[i].Lon-out[i-1].Lon > 180 {
			out[i].Lon -= 360
		}
		for out[i].Lon-out[i-1].Lon < -180 {
			out[i].Lon += 360
		}
	}
	return out
}

// turn moves rings by whole turns so that all of them stand together: the map
// is cut open where the widest stretch of longitudes has nothing in it. A
// country that was cut at the antimeridian is whole again.
func turn(rings []Ring) {
	type stretch struct{ from, to float64 }
	var taken []stretch
	for _, ring := range rings {
		s := stretch{math.Inf(1), math.Inf(-1)}
		for _, p := range ring {
			s.from, s.to = min(s.from, p.Lon), max(s.to, p.Lon)
		}
		turns := math.Floor((s.from + 180) / 360)
		s.from, s.to = s.from-360*turns, s.to-360*turns
		taken = append(taken, s)
	}
	sorted := slices.Clone(taken)
	slices.SortFunc(sorted, func(a, b stretch) int { return cmp.Compare(a.from, b.from) })
	// The first gap goes over the end, from the last stretch to the first.
	end := math.Inf(-1)
	for _, s := range sorted {
		end = max(end, s.to)
	}
	start, widest := sorted[0].from, sorted[0].from+360-end
	reach := sorted[0].to
	for _, s := range sorted[1:] {
		if gap := s.from - reach; gap > widest {
			start, widest = s.from, gap
		}
		reach = max(reach, s.to)
	}
	for i, ring := range rings {
		from := math.Inf(1)
		for _, p := range ring {
			from = min(from, p.Lon)
		}
		// By how much the ring is moved so that it begins at start or after it.
		move := 360 * (math.Ceil((start-from)/360 - 1e-9))
		for j := range rings[i] {
			rings[i][j].Lon += move
		}
	}
}

// project puts degrees on a drawing: equirectangular, the longitudes scaled by
// the cosine of the middle latitude.
func project(rings []Ring) (Drawing, [][]Point) {
	west, east, south, north := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, ring := range rings {
		for _, p := range ring {
			west, east = min(west, p.Lon), max(east, p.Lon)
			south, north = min(south, p.Lat), max(north, p.Lat)
		}
	}
	narrow := max(math.Cos((south+north)/2*math.Pi/180), 0.01)
	width, height := (east-west)*narrow, north-south
	scale := drawn / max(width, height, 1e-9)
	out := make([][]Point, len(rings))
	for i, ring := range rings {
		for _, p := range ring {
			at := Point{int(math.Round((p.Lon - west) * narrow * scale)), int(math.Round((north - p.Lat) * scale))}
			if n := len(out[i]); n == 0 || out[i][n-1] != at {
				out[i] = append(out[i], at)
			}
		}
		if n := len(out[i]); n > 1 && out[i][0] == out[i][n-1] {
			out[i] = out[i][:n-1]
		}
	}
	return Drawing{Width: max(1, int(math.Ceil(width*scale))), Height: max(1, int(math.Ceil(height*scale)))}, out
}

// weighed is a point of a ring with the area that is lost without it, and its neighbours.
type weighed struct {
	area, order int // order: of its place, so that ties are decided alike from both sides
	heap        int // its place in the heap; -1: taken out
	prev, next  int
}

// simplify takes points out of rings, those first that change the least, until
// so many are left.
func simplify(rings [][]Point, most int) [][]Point {
	fixed := junctions(rings)
	weights := make([][]int, len(rings))
	var all []int
	for i, ring := range rings {
		weights[i] = weigh(ring, fixed)
		all = append(all, weights[i]...)
	}
	least := 1 // what is on a straight line is never needed
	if most > 0 && len(all) > most {
		slices.SortFunc(all, func(a, b int) int { return cmp.Compare(b, a) })
		if least = max(least, all[most]); least < all[0] {
			least++ // none of those that would be too many
		}
	}
	out := make([][]Point, len(rings))
	for i, ring := range rings {
		for j, p := range ring {
			if weights[i][j] >= least {
				out[i] = append(out[i], p)
			}
		}
	}
	return out
}

// junctions are the points at which more than two borders meet.
func junctions(rings [][]Point) map[Point]bool {
	near := map[Point][]Point{}
	add := func(p, q Point) {
		if !slices.Contains(near[p], q) {
			near[p] = append(near[p], q)
		}
	}
	for _, ring := range rings {
		for i, p := range ring {
			q := ring[(i+1)%len(ring)]
			add(p, q)
			add(q, p)
		}
	}
	found := map[Point]bool{}
	for p, of := range near {
		if len(of) > 2 {
			found[p] = true
		}
	}
	return found
}

// weigh answers for each point of a ring the area that counts for keeping it.
// The area of a point counts at least as much as those taken out beside it
// before, and nothing that is not beside it matters: so two regions weigh the
// border they share alike. The last three points stand and fall together.
func weigh(ring []Point, fixed map[Point]bool) []int {
	n := len(ring)
	weights := make([]int, n)
	if n < 3 {
		return weights
	}
	points := make([]weighed, n)
	h := &byArea{points: points}
	area := func(i int) int {
		a, b, c := ring[points[i].prev], ring[i], ring[points[i].next]
		if fixed[b] {
			return math.MaxInt
		}
		twice := (b.X-a.X)*(c.Y-a.Y) - (c.X-a.X)*(b.Y-a.Y)
		return max(twice, -twice)
	}
	for i, p := range ring {
		points[i] = weighed{prev: (i + n - 1) % n, next: (i + 1) % n, order: p.X*(drawn+1) + p.Y, heap: i}
		h.of = append(h.of, i)
	}
	for i := range points {
		points[i].area = area(i)
	}
	heap.Init(h)
	for left := n; left > 3; left-- {
		i := heap.Pop(h).(int) //nolint:forcetypeassert // it holds nothing else
		p := points[i]
		weights[i] = p.area
		points[p.prev].next, points[p.next].prev = p.next, p.prev
		for _, j := range []int{p.prev, p.next} {
			points[j].area = max(area(j), p.area)
			heap.Fix(h, points[j].heap)
		}
	}
	most := 0
	for _, i := range h.of {
		most = max(most, points[i].area)
	}
	for _, i := range h.of {
		weights[i] = most
	}
	return weights
}

// byArea is a heap of points, the least area on top.
type byArea struct {
	points []weighed
	of     []int
}

func (h *byArea) Len() int { return len(h.of) }

func (h *byArea) Less(i, j int) bool {
	a, b := h.points[h.of[i]], h.points[h.of[j]]
	return a.area < b.area || a.area == b.area && a.order < b.order
}

func (h *byArea) Swap(i, j int) {
	h.of[i], h.of[j] = h.of[j], h.of[i]
	h.points[h.of[i]].heap, h.points[h.of[j]].heap = i, j
}

// Push is of the heap's interface; nothing is ever put back.
func (h *byArea) Push(any) {}

// Pop takes the last one off.
func (h *byArea) Pop() any {
	n := len(h.of) - 1
	i := h.of[n]
	h.of = h.of[:n]
	h.points[i].heap = -1
	return i
}

// MarshalText writes a shape in a line: its code, then its rings, each its
// first point and from there the steps.
func (s Shape) MarshalText() ([]byte, error) {
	var b strings.Builder
	b.WriteString(s.Code)
	for _, ring := range s.Rings {
		last := Point{}
		for i, p := range ring {
			sep := " "
			if i == 0 {
				sep = ";"
			}
			b.WriteString(sep + strconv.Itoa(p.X-last.X) + " " + strconv.Itoa(p.Y-last.Y))
			last = p
		}
	}
	return []byte(b.String()), nil
}

// UnmarshalText reads what MarshalText wrote, and refuses what lies off a drawing.
func (s *Shape) UnmarshalText(text []byte) error {
	bad := errors.New("a shape of the map is damaged: set the map again")
	parts := strings.Split(string(text), ";")
	*s = Shape{Code: parts[0]}
	for _, part := range parts[1:] {
		numbers := strings.Split(part, " ")
		if len(numbers) < 6 || len(numbers)%2 != 0 {
			return bad
		}
		var ring []Point
		at := Point{}
		for i := 0; i < len(numbers); i += 2 {
			x, err1 := strconv.ParseInt(numbers[i], 10, 16)
			y, err2 := strconv.ParseInt(numbers[i+1], 10, 16)
			if err1 != nil || err2 != nil {
				return bad
			}
			at = Point{at.X + int(x), at.Y + int(y)}
			if at.X < 0 || at.Y < 0 || at.X > drawn+1 || at.Y > drawn+1 {
				return bad
			}
			ring = append(ring, at)
		}
		s.Rings = append(s.Rings, ring)
	}
	if s.Code == "" || len(s.Rings) == 0 {
		return bad
	}
	return nil
}
