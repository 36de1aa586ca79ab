// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"strconv"

	"github.com/kua-registry/kua/internal/registry"
	"github.com/kua-registry/kua/internal/webarchive"
)

// webCard is what a file says of itself as a web capture, in words. Nothing of
// the capture itself is shown: addresses stand as text, and lead nowhere.
type webCard struct {
	Verdict tag
	Says    string
	Facts   []fact
	Pages   []webPage
	Files   []webFile
	More    string // that there is more than is listed
}

type webPage struct {
	Address, When, Media, Status string
	Tag                          *tag
}

type webFile struct {
	Path, Size string
	Tag        tag
}

// verdictTones are how the verdicts on web captures look.
var verdictTones = map[string]string{
	registry.CaptureSame: "good", registry.CaptureAltered: "bad", registry.CaptureMissing: "bad", registry.CaptureDamaged: "bad", registry.CaptureUnread: "wait",
}

func (v *voice) webVerdict(w *registry.WebCapture) tag {
	return tag{v.label("capture_verdict", w.Verdict), verdictTones[w.Verdict]}
}

// webCard puts a web capture into words; nil: the file is none.
func (v *voice) webCard(w *registry.WebCapture) *webCard {
	if w == nil {
		return nil
	}
	c := w.Found
	card := &webCard{Verdict: v.webVerdict(w), Says: v.T("webcapture.says." + w.Verdict)}
	add := func(key, text string) {
		if text != "" {
			card.Facts = append(card.Facts, fact{Label: v.T(key), Text: text})
		}
	}
	add("webcapture.address", w.Address)
	switch {
	case !c.Taken.IsZero():
		add("webcapture.taken", v.moment(c.Taken))
	case !w.Day.IsZero():
		add("webcapture.taken", v.Date(w.Day))
	}
	add("webcapture.form", joined(" · ", v.label("capture_form", w.Form), c.Software))
	if c.Form != "" {
		add("webcapture.counts", v.T("webcapture.counted", v.Number(c.Counts[webarchive.Right]), v.Number(c.Counts[webarchive.Wrong]), v.Number(c.Counts[webarchive.Missing]), v.Number(c.Counts[webarchive.None]+c.Counts[webarchive.Unknown])))
	}
	for _, p := range c.Pages {
		page := webPage{Address: p.Address, Media: p.Media}
		if p.Status > 0 {
			page.Status = strconv.Itoa(p.Status)
		}
		if !p.Taken.IsZero() {
			page.When = v.moment(p.Taken)
		}
		if p.Digest == webarchive.Wrong {
			t := v.digest(p.Digest)
			page.Tag = &t
		}
		card.Pages = append(card.Pages, page)
	}
	for _, f := range c.Files {
		file := webFile{Path: f.Path, Tag: v.digest(f.Digest)}
		if f.Digest != webarchive.Missing {
			file.Size = v.size(f.Size)
		}
		card.Files = append(card.Files, file)
	}
	if n := max(c.PageCount-len(c.Pages), 0) + max(c.FileCount-len(c.Files), 0); n > 0 {
		card.More = v.T("webcapture.more", v.Number(n))
	}
	return card
}

// digest says what the hash of one file or answer says.
func (v *voice) digest(d webarchive.Verdict) tag {
	tone := ""
	switch d {
	case webarchive.Right:
		tone = "good"
	case webarchive.Wrong, webarchive.Missing:
		tone = "bad"
	}
	return tag{v.T("webcapture.digest." + string(d)), tone}
}
