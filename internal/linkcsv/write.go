// SPDX-License-Identifier: AGPL-3.0-or-later

package linkcsv

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kua-registry/kua/internal/linkage"
	"github.com/kua-registry/kua/internal/sheet"
)

// WriteFile writes a file for its owner alone, whole or not at all.
func WriteFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".kua-link-*") // 0600
	if err != nil {
		return fmt.Errorf("%s can't be written: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 1<<18)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("%s can't be written: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("%s can't be written: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("%s can't be written: %w", path, err)
	}
	return nil
}

// WritePairs writes the pairs, the likeliest first: id_a,id_b,probability, then
// the lists where there are several, and with weights a column for each part of
// the waterfall.
func (l *Linked) WritePairs(w io.Writer, weights bool) error {
	out := csv.NewWriter(w)
	head := []string{"id_a", "id_b", "probability"}
	lists := len(l.Lists) > 1
	if lists {
		head = append(head, "list_a", "list_b")
	}
	fields := 0
	if weights && l.Rows() > 1 {
		for _, f := range l.Found.Explain(0, 1) {
			head = append(head, sheet.Plain("weight_"+f.Field))
			fields++
		}
	}
	if err := out.Write(head); err != nil {
		return err
	}
	row := make([]string, 0, len(head))
	err := l.Found.Pairs(func(m linkage.Match) error {
		row = append(row[:0], sheet.Plain(l.ID(m.A)), sheet.Plain(l.ID(m.B)), strconv.FormatFloat(m.Probability, 'f', 6, 64))
		if lists {
			row = append(row, sheet.Plain(l.List(m.A)), sheet.Plain(l.List(m.B)))
		}
		if fields > 0 {
			for _, f := range l.Found.Explain(m.A, m.B) {
				row = append(row, strconv.FormatFloat(f.Weight, 'f', 3, 64))
			}
		}
		return out.Write(row)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// explained is a pair in the file of explanations.
type explained struct {
	A           string      `json:"id_a"`
	B           string      `json:"id_b"`
	ListA       string      `json:"list_a,omitempty"`
	ListB       string      `json:"list_b,omitempty"`
	Probability float64     `json:"probability"`
	Weight      float64     `json:"weight"`
	SameCluster bool        `json:"same_cluster"`
	Decided     bool        `json:"decided,omitempty"`
	Fields      []fieldJSON `json:"fields"`
}

type fieldJSON struct {
	Field  string  `json:"field"`
	Level  string  `json:"level,omitempty"`
	Weight float64 `json:"weight"`
	A      string  `json:"a,omitempty"`
	B      string  `json:"b,omitempty"`
}

// WriteExplanations writes each pair with the weights it is made of, a JSON object a line.
func (l *Linked) WriteExplanations(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return l.Found.Pairs(func(m linkage.Match) error {
		e := explained{A: l.ID(m.A), B: l.ID(m.B), Probability: m.Probability, Weight: m.Weight, SameCluster: m.Accepted, Decided: m.Decided}
		if len(l.Lists) > 1 {
			e.ListA, e.ListB = l.List(m.A), l.List(m.B)
		}
		for _, f := range l.Found.Explain(m.A, m.B) {
			e.Fields = append(e.Fields, fieldJSON(f))
		}
		return out.Encode(e)
	})
}

// WriteClusters writes every row with the number of its cluster: id,cluster, and
// the list where there are several. Clusters are numbered by their first row.
func (l *Linked) WriteClusters(w io.Writer) error {
	out := csv.NewWriter(w)
	head := []string{"id", "cluster"}
	if len(l.Lists) > 1 {
		head = append(head, "list")
	}
	if err := out.Write(head); err != nil {
		return err
	}
	numbers := make([]int32, l.Rows())
	next := int32(0)
	for i := range l.Rows() {
		root := l.Found.Cluster(i)
		if numbers[root] == 0 {
			next++
			numbers[root] = next
		}
		row := []string{sheet.Plain(l.ID(i)), strconv.Itoa(int(numbers[root]))}
		if len(l.Lists) > 1 {
			row = append(row, sheet.Plain(l.List(i)))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Clusters counts the clusters, and those of more than one row.
func (l *Linked) Clusters() (all, several int) {
	size := make([]int32, l.Rows())
	for i := range l.Rows() {
		root := l.Found.Cluster(i)
		if size[root]++; size[root] == 1 {
			all++
		} else if size[root] == 2 {
			several++
		}
	}
	return all, several
}
