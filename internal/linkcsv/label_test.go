// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"bytes"
	"io"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func TestLabelsComeBack(t *testing.T) {
	l, err := Link(t.Context(), Options{Files: []string{write(t, "list.csv", list(400))}, Propose: LabelPropose, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	labels, err := l.Draw(40, 1)
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.Draw(40, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(labels, again) {
		t.Error("the same seed draws other pairs")
	}
	if len(labels.Pairs) != 40 {
		t.Fatalf("%d pairs drawn of 40", len(labels.Pairs))
	}
	labels.Pairs[3].Same = yes
	var out bytes.Buffer
	if err := labels.Write(&out); err != nil {
		t.Fatal(err)
	}
	back, err := ReadLabels("label.csv", &out)
	if err != nil {
		t.Fatal(err)
	}
	for k, p := range back.Pairs {
		p.Probability = labels.Pairs[k].Probability // six places are written
		if !reflect.DeepEqual(p, labels.Pairs[k]) {
			t.Errorf("%+v, want %+v", p, labels.Pairs[k])
		}
	}
}

// A person answers, corrects the last answer, stops, and goes on later.
func TestAsking(t *testing.T) {
	l := &Labels{Fields: []string{"name"}}
	for _, id := range []string{"1", "2", "3"} {
		l.Pairs = append(l.Pairs, Label{A: id, B: "x", Stratum: "s", Of: 3, Joined: true, Values: [][2]string{{"Ким\x1b[2J", "Kim"}}})
	}
	saved := 0
	save := func() error { saved++; return nil }
	var out strings.Builder
	if err := l.Ask(strings.NewReader("y\nwhat\nn\nb\nиә\nq\n"), &out, save); err != nil {
		t.Fatal(err)
	}
	if l.Pairs[0].Same != yes || l.Pairs[1].Same != yes || l.Pairs[2].Same != "" || saved != 3 {
		t.Errorf("%+v, saved %d times", l.Pairs, saved)
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("what stands in a file steers the terminal")
	}
	if err := l.Ask(strings.NewReader("u\n"), io.Discard, save); err != nil || l.Open() != 0 {
		t.Errorf("%v, %d open", err, l.Open())
	}
}

// The interval holds the truth about as often as it says, over many samples.
func TestIntervalsHoldTheTruth(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 1))
	strata := []struct {
		name   string
		of     int
		p      float64
		joined bool
	}{{"a", 3000, 0.998, true}, {"b", 400, 0.93, true}, {"c", 150, 0.6, false}, {"d", 600, 0.08, false}}
	right, joined, lost := 0.0, 0.0, 0.0
	for _, s := range strata {
		n := float64(int(s.p * float64(s.of)))
		if s.joined {
			right, joined = right+n, joined+float64(s.of)
		} else {
			lost += n
		}
	}
	const samples = 1000
	inPrecision, inRecall := 0, 0
	for range samples {
		l := &Labels{}
		for _, s := range strata {
			truth := rng.Perm(s.of)
			for k := range 50 {
				p := Label{Stratum: s.name, Of: s.of, Joined: s.joined, Same: no}
				if truth[k] < int(s.p*float64(s.of)) {
					p.Same = yes
				}
				l.Pairs = append(l.Pairs, p)
			}
		}
		j := l.Judge()
		if x := right / joined; j.Precision.Low <= x && x <= j.Precision.High {
			inPrecision++
		}
		if x := right / (right + lost); j.Recall.Low <= x && x <= j.Recall.High {
			inRecall++
		}
	}
	t.Logf("seed %d: precision in %d, recall in %d of %d intervals", seed, inPrecision, inRecall, samples)
	if inPrecision < 0.93*samples || inRecall < 0.93*samples {
		t.Errorf("95 %% intervals hold precision %d and recall %d times of %d", inPrecision, inRecall, samples)
	}
}

func TestNothingIsSaidOfWhatNobodyJudged(t *testing.T) {
	l := &Labels{Pairs: []Label{{Stratum: "a", Of: 10, Joined: true, Same: yes}, {Stratum: "b", Of: 10}}}
	if j := l.Judge(); j.Enough || len(j.Unseen) != 1 || j.Open != 1 {
		t.Errorf("%+v", j)
	}
	if j := (&Labels{}).Judge(); j.Enough {
		t.Errorf("%+v", j)
	}
}
