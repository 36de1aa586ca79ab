// SPDX-License-Identifier: AGPL-3.0-or-later

package dossier

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

const format = "kua bundle 1"

type manifest struct {
	Format     string          `json:"format"`
	Language   string          `json:"language"`
	Title      string          `json:"title"`
	From       string          `json:"from,omitempty"`
	For        string          `json:"for,omitempty"`
	Made       string          `json:"made"`
	Key        string          `json:"register_key"`
	Checkpoint string          `json:"checkpoint"`
	Cases      []manifestCase  `json:"cases"`
	Gaps       []manifestGap   `json:"gaps"`
	Exhibits   []manifestItem  `json:"exhibits"`
	Things     []manifestThing `json:"things,omitempty"`
	Forms      []manifestForm  `json:"forms,omitempty"`
	Entries    []manifestEntry `json:"entries"`
	Stamps     []manifestStamp `json:"time_stamps"`
	Chained    []manifestChain `json:"opentimestamps,omitempty"`
	Files      []manifestFile  `json:"files"`
}

type manifestCase struct {
	Number string           `json:"number"`
	Title  string           `json:"title,omitempty"`
	People []manifestPerson `json:"people,omitempty"`
	Events []manifestEvent  `json:"events"`
}

type manifestPerson struct {
	Role string `json:"role"`
	Name string `json:"name,omitempty"`
}

type manifestEvent struct {
	When     string   `json:"when"`
	What     string   `json:"what"`
	Details  []string `json:"details,omitempty"`
	Sources  []string `json:"sources,omitempty"`
	Exhibits []int    `json:"exhibits,omitempty"`
}

type manifestItem struct {
	Number int    `json:"number"`
	Title  string `json:"title"`
	Name   string `json:"received_as"`
	Case   string `json:"case,omitempty"`
	Media  string `json:"media,omitempty"`
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	manifestCustody
}

type manifestGap struct {
	Case string `json:"case,omitempty"`
	Text string `json:"text"`
}

type manifestThing struct {
	Title string `json:"title"`
	Case  string `json:"case,omitempty"`
	manifestCustody
}

type manifestForm struct {
	Title string   `json:"title"`
	Files []string `json:"files"`
}

type manifestCustody struct {
	Custody []manifestHand `json:"custody,omitempty"`
	Digest  string         `json:"custody_digest,omitempty"`
}

type manifestHand struct {
	When  string   `json:"when"`
	What  string   `json:"what,omitempty"`
	From  string   `json:"from"`
	To    string   `json:"to"`
	How   string   `json:"how,omitempty"`
	Place string   `json:"place,omitempty"`
	Seal  string   `json:"seal,omitempty"`
	State string   `json:"state,omitempty"`
	Gaps  []string `json:"gaps,omitempty"`
}

type manifestEntry struct {
	Index uint64 `json:"index"`
	Leaf  string `json:"leaf"`
	About string `json:"about"`
	File  string `json:"file"`
}

type manifestStamp struct {
	Over      string `json:"over"`
	Time      string `json:"time"`
	Authority string `json:"authority"`
	File      string `json:"file"`
}

type manifestChain struct {
	Over   string          `json:"over"`
	Blocks []manifestBlock `json:"blocks,omitempty"`
	File   string          `json:"file"`
}

type manifestBlock struct {
	Height uint64 `json:"height"`
	Root   string `json:"merkle_root,omitempty"`
}

type manifestFile struct {
	Name   string `json:"name"`
	Size   int    `json:"size"`
	SHA256 string `json:"sha256"`
}

// manifest says in one file, for programs, what the index says to people.
func (b *Bundle) manifest(names []string, files []file) ([]byte, error) {
	m := manifest{
		Format: format, Language: b.Lang, Title: b.Title, From: b.From, For: b.For, Made: b.Made.Format(time.RFC3339),
		Key: hex.EncodeToString(b.Key), Checkpoint: string(b.Checkpoint),
		Cases: []manifestCase{}, Gaps: []manifestGap{}, Exhibits: []manifestItem{}, Entries: []manifestEntry{}, Stamps: []manifestStamp{},
	}
	for _, c := range b.Cases {
		events := []manifestEvent{}
		for _, e := range c.Events {
			events = append(events, manifestEvent(e))
		}
		var people []manifestPerson
		for _, p := range c.People {
			people = append(people, manifestPerson(p))
		}
		m.Cases = append(m.Cases, manifestCase{c.Number, c.Title, people, events})
	}
	for i, e := range b.Exhibits {
		item := manifestItem{
			Number: i + 1, Title: e.Title, Name: e.Name, Case: e.Case, Media: e.Media,
			File: names[i], Size: e.Size, SHA256: hex.EncodeToString(e.SHA256[:]), manifestCustody: custodyOf(e.Custody),
		}
		m.Exhibits = append(m.Exhibits, item)
	}
	for _, g := range b.Gaps {
		m.Gaps = append(m.Gaps, manifestGap(g))
	}
	for _, t := range b.Things {
		m.Things = append(m.Things, manifestThing{t.Title, t.Case, custodyOf(t.Custody)})
	}
	for i, f := range b.Forms {
		m.Forms = append(m.Forms, manifestForm{f.Document.Title, []string{b.formName(i) + ".pdf", b.formName(i) + ".docx"}})
	}
	for i, e := range b.Entries {
		m.Entries = append(m.Entries, manifestEntry{e.Index, hex.EncodeToString(e.Leaf[:]), e.About, b.proofName(i)})
	}
	for i, s := range b.Stamps {
		m.Stamps = append(m.Stamps, manifestStamp{over(s.Exhibit, names), s.Time.UTC().Format(time.RFC3339), s.Authority, b.stampName(i) + ".tst"})
	}
	for i, c := range b.Chained {
		var blocks []manifestBlock
		for _, block := range c.Blocks {
			blocks = append(blocks, manifestBlock(block))
		}
		m.Chained = append(m.Chained, manifestChain{over(c.Exhibit, names), blocks, b.chainedName(i)})
	}
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		m.Files = append(m.Files, manifestFile{f.name, len(f.data), hex.EncodeToString(sum[:])})
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("the manifest of the bundle: %w", err)
	}
	return append(text, '\n'), nil
}

func custodyOf(c Custody) manifestCustody {
	m := manifestCustody{Digest: c.Digest}
	for _, h := range c.Hands {
		m.Custody = append(m.Custody, manifestHand(h))
	}
	return m
}
