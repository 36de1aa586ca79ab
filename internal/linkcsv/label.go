// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kua-registry/kua/internal/linkage"
	"github.com/kua-registry/kua/internal/sheet"
)

// LabelPropose is the probability from which pairs are drawn for a person to
// judge: below what is shown otherwise, so that what was not joined is seen too.
const LabelPropose = 0.01

// cuts divide the pairs by probability. Those that are joined and those that are
// not are apart, too.
var cuts = []float64{0.2, 0.5, 0.9, 0.99, 0.9999}

// Label is a pair for a person to judge.
type Label struct {
	A, B, ListA, ListB string
	Probability        float64
	Joined             bool
	Stratum            string
	Of                 int // pairs in the stratum, drawn or not
	Values             [][2]string
	Same               string // yes, no, unsure; empty: not asked yet
}

// Labels are pairs drawn for a person to judge.
type Labels struct {
	Fields []string // that Values are of
	Pairs  []Label
	Missed float64 // share of the true pairs that no rule brings together, as estimated; -1: no two rules could tell
}

func stratumOf(p float64, joined bool) string {
	k, _ := slices.BinarySearch(cuts, p)
	if k < len(cuts) && p == cuts[k] {
		k++
	}
	bounds := append(append([]float64{LabelPropose}, cuts...), 1)
	where := "apart"
	if joined {
		where = "joined"
	}
	return fmt.Sprintf("%v-%v %s", bounds[k], bounds[k+1], where)
}

// Draw draws about n pairs for a person to judge, as many of each stratum as
// there are, at most an even share. The same seed draws the same.
func (l *Linked) Draw(n int, seed uint64) (*Labels, error) {
	type drawn struct {
		linkage.Match
		order uint64
	}
	of, best := map[string]int{}, map[string][]drawn{}
	err := l.Found.Pairs(func(m linkage.Match) error {
		if m.Decided {
			return nil
		}
		s := stratumOf(m.Probability, m.Accepted)
		of[s]++
		d := drawn{m, shuffle(seed, m.A, m.B)}
		// The n with the least numbers: which come first does not matter.
		list := best[s]
		at, _ := slices.BinarySearchFunc(list, d, func(x, y drawn) int { return cmp.Compare(x.order, y.order) })
		if at < n {
			list = slices.Insert(list, at, d)
			best[s] = list[:min(n, len(list))]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &Labels{Missed: -1}
	if l.Found.Missed.A != "" {
		out.Missed = l.Found.Missed.Share
	}
	var strata []string
	for s := range of {
		strata = append(strata, s)
	}
	slices.SortFunc(strata, func(x, y string) int { return cmp.Or(cmp.Compare(len(best[x]), len(best[y])), cmp.Compare(x, y)) })
	var all []drawn
	for k, s := range strata { // the small ones first: what they lack, the others get
		share := (n - len(all)) / (len(strata) - k)
		all = append(all, best[s][:min(share, len(best[s]))]...)
	}
	slices.SortFunc(all, func(x, y drawn) int { return cmp.Compare(x.order, y.order) })
	for _, d := range all {
		s := stratumOf(d.Probability, d.Accepted)
		p := Label{A: l.ID(d.A), B: l.ID(d.B), Probability: d.Probability, Joined: d.Accepted, Stratum: s, Of: of[s]}
		if len(l.Lists) > 1 {
			p.ListA, p.ListB = l.List(d.A), l.List(d.B)
		}
		out.Fields = out.Fields[:0]
		for _, f := range l.Found.Explain(d.A, d.B) {
			if f.Field != "prior" && f.Field != "list" {
				out.Fields = append(out.Fields, f.Field)
				p.Values = append(p.Values, [2]string{f.A, f.B})
			}
		}
		out.Pairs = append(out.Pairs, p)
	}
	return out, nil
}

func shuffle(seed uint64, a, b int) uint64 {
	h := seed ^ uint64(a)<<32 ^ uint64(b) //nolint:gosec // row numbers
	for range 2 {
		h = (h ^ h>>33) * 0xff51afd7ed558ccd
		h = (h ^ h>>29) * 0xc4ceb9fe1a85ec53
	}
	return h ^ h>>32
}

var labelHead = []string{"same", "id_a", "id_b", "list_a", "list_b", "probability", "joined", "stratum", "pairs_in_stratum", "missed_by_rules"}

// Write writes the pairs as a table with a column to fill.
func (l *Labels) Write(w io.Writer) error {
	out := csv.NewWriter(w)
	head := slices.Clone(labelHead)
	for _, f := range l.Fields {
		head = append(head, sheet.Plain(f+" (a)"), sheet.Plain(f+" (b)"))
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for _, p := range l.Pairs {
		joined := no
		if p.Joined {
			joined = yes
		}
		row := []string{p.Same, sheet.Plain(p.A), sheet.Plain(p.B), sheet.Plain(p.ListA), sheet.Plain(p.ListB), strconv.FormatFloat(p.Probability, 'f', 6, 64), joined, p.Stratum, strconv.Itoa(p.Of), strconv.FormatFloat(l.Missed, 'f', 6, 64)}
		for _, v := range p.Values {
			row = append(row, sheet.Plain(v[0]), sheet.Plain(v[1]))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// ReadLabels reads the table again.
func ReadLabels(name string, in io.Reader) (*Labels, error) {
	r, err := newReader(name, in)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for _, c := range labelHead {
		if at[c], err = r.find(c); err != nil {
			return nil, err
		}
	}
	l := &Labels{Missed: -1}
	var values [][2]int
	for i, h := range r.head {
		if field, ok := strings.CutSuffix(h, " (a)"); ok {
			if k, err := r.find(field + " (b)"); err == nil {
				l.Fields, values = append(l.Fields, field), append(values, [2]int{i, k})
			}
		}
	}
	for {
		row, err := r.read()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		get := func(i int) string {
			if i >= len(row) {
				return ""
			}
			return strings.Clone(unplain(strings.TrimSpace(row[i])))
		}
		cell := func(c string) string { return get(at[c]) }
		bad := func(c, want string) error {
			return fmt.Errorf("%s, line %d, column %q: %s", r.name, r.line, c, want)
		}
		p := Label{A: cell("id_a"), B: cell("id_b"), ListA: cell("list_a"), ListB: cell("list_b"), Joined: cell("joined") == yes, Stratum: cell("stratum")}
		same, ok := answers[strings.ToLower(cell("same"))]
		if !ok && cell("same") != "" {
			return nil, bad("same", "write yes, no or unsure")
		}
		p.Same = same
		if p.Of, err = strconv.Atoi(cell("pairs_in_stratum")); err != nil || p.Of < 1 {
			return nil, bad("pairs_in_stratum", "this is no number of pairs: leave the column as it was written")
		}
		if p.Probability, err = strconv.ParseFloat(cell("probability"), 64); err != nil || !(p.Probability >= 0 && p.Probability <= 1) {
			return nil, bad("probability", "this is no probability: leave the column as it was written")
		}
		if l.Missed, err = strconv.ParseFloat(cell("missed_by_rules"), 64); err != nil || !(l.Missed >= -1 && l.Missed <= 1) {
			return nil, bad("missed_by_rules", "this is no share: leave the column as it was written")
		}
		for _, v := range values {
			p.Values = append(p.Values, [2]string{get(v[0]), get(v[1])})
		}
		l.Pairs = append(l.Pairs, p)
	}
}

// Open is how many pairs are not judged yet.
func (l *Labels) Open() int {
	n := 0
	for _, p := range l.Pairs {
		if p.Same == "" {
			n++
		}
	}
	return n
}

// Ask asks a person pair by pair, side by side, and saves after each answer. It
// ends when all are judged, at q, or when there is nothing more to read.
func (l *Labels) Ask(in io.Reader, out io.Writer, save func() error) error {
	lines := bufio.NewScanner(in)
	wide := 0
	for _, f := range l.Fields {
		wide = max(wide, len([]rune(f)))
	}
	var before []int
	next := func() int { return slices.IndexFunc(l.Pairs, func(p Label) bool { return p.Same == "" }) }
	for at := next(); at >= 0; {
		p := &l.Pairs[at]
		fmt.Fprintf(out, "\n%d of %d judged\n", len(l.Pairs)-l.Open(), len(l.Pairs))
		show := func(field, a, b string) {
			fmt.Fprintf(out, "  %s%s  %s%s | %s\n", field, strings.Repeat(" ", wide-min(wide, len([]rune(field)))), a, strings.Repeat(" ", 28-min(28, len([]rune(a)))), b)
		}
		show("", strings.TrimPrefix(p.ListA+" "+p.A, " "), strings.TrimPrefix(p.ListB+" "+p.B, " "))
		for k, f := range l.Fields {
			show(f, printable(p.Values[k][0]), printable(p.Values[k][1]))
		}
		fmt.Fprint(out, "The same person? y yes, n no, u unsure, b back, q quit: ")
		if !lines.Scan() {
			fmt.Fprintln(out)
			return lines.Err()
		}
		text := strings.ToLower(strings.TrimSpace(lines.Text()))
		switch text {
		case "q", "quit":
			return nil
		case "b", "back":
			if len(before) > 0 {
				at = before[len(before)-1]
				before = before[:len(before)-1]
				l.Pairs[at].Same = ""
			}
			continue
		}
		answer, ok := answers[text]
		if !ok {
			continue
		}
		p.Same = answer
		before = append(before, at)
		if err := save(); err != nil {
			return err
		}
		at = next()
	}
	return nil
}

// printable keeps what could steer a terminal out of it.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return ' '
		}
		return r
	}, s)
}

// Share is an estimated share with its 95 % interval.
type Share struct {
	Estimate, Low, High float64
}

// Judged is what the answers say of the linkage.
type Judged struct {
	Answered, Unsure, Open int
	Precision              Share // of the pairs that are joined, how many are one person
	Recall                 Share // of the true pairs that were compared, how many are joined
	Missed                 float64
	Unseen                 []string // strata of which no pair is judged: nothing is known of them
	Enough                 bool     // there is an answer in every stratum
}

// Judge estimates precision and recall: each answer stands for as many pairs as
// its stratum has for each that was judged (Horvitz and Thompson 1952). The
// intervals are Wilson's (1927) for the effective sample size: that of a simple
// sample with the variance of the stratified one, and where all answers agree,
// so that there is no variance to see, Kish's (1965) for unequal weights. Pairs
// of which a person is not sure are left out.
func (l *Labels) Judge() Judged {
	type stratum struct {
		of, n, yes float64
		joined     bool
	}
	strata := map[string]*stratum{}
	j := Judged{Missed: l.Missed}
	for _, p := range l.Pairs {
		s := strata[p.Stratum]
		if s == nil {
			s = &stratum{of: float64(p.Of), joined: p.Joined}
			strata[p.Stratum] = s
		}
		switch p.Same {
		case yes:
			s.n, s.yes = s.n+1, s.yes+1
			j.Answered++
		case no:
			s.n++
			j.Answered++
		case unsure:
			j.Unsure++
		default:
			j.Open++
		}
	}
	var joined, right, rightVar, lost, lostVar float64
	var kishJoined, kish, all, judgedJoined float64
	var keys []string
	for k := range strata {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		s := strata[k]
		if s.n == 0 {
			j.Unseen = append(j.Unseen, k)
			continue
		}
		p := s.yes / s.n
		v := 0.0
		if s.n > 1 {
			v = s.of * s.of * (1 - s.n/max(s.of, s.n)) * p * (1 - p) / (s.n - 1)
		}
		all += s.of
		kish += s.of * s.of / s.n
		if s.joined {
			joined += s.of
			judgedJoined += s.n
			right += s.of * p
			rightVar += v
			kishJoined += s.of * s.of / s.n
		} else {
			lost += s.of * p
			lostVar += v
		}
	}
	j.Enough = len(j.Unseen) == 0 && j.Answered > 0
	if joined > 0 {
		p := right / joined
		j.Precision = wilson(p, effective(p, rightVar/(joined*joined), judgedJoined, joined*joined/kishJoined))
	}
	if total := right + lost; total > 0 {
		p := right / total
		v := (lost*lost*rightVar + right*right*lostVar) / (total * total * total * total)
		j.Recall = wilson(p, effective(p, v, float64(j.Answered), all*all/kish))
	}
	return j
}

// effective is the size of a simple sample with this variance, no more than were judged.
func effective(p, variance, judged, kish float64) float64 {
	if variance <= 0 {
		return min(kish, judged)
	}
	return min(p*(1-p)/variance, judged)
}

// wilson is the interval of Wilson (1927) for a share seen among n.
func wilson(p, n float64) Share {
	const z = 1.959964
	n = max(n, 1)
	middle := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return Share{p, max(0, middle-half), min(1, middle+half)}
}
