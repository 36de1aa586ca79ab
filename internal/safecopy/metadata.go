// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The most that is read of one piece of metadata, and how many pieces.
const (
	maxBlock  = 1 << 20
	maxBlocks = 4096
)

// metadata reads what a picture says about itself into the report and gives how
// it was held: 1 to 8, as EXIF counts, 1 where it doesn't say.
func (w *work) metadata(data []byte) int {
	m := &reader{report: w.report, orientation: 1}
	switch w.report.Kind {
	case JPEG:
		m.jpeg(data)
	case PNG:
		m.png(data)
	case WebP:
		m.webp(data)
	case TIFF:
		m.exif(data)
	case GIF:
		m.gif(data)
	}
	return m.orientation
}

// reader reads metadata. It never fails: what can't be read isn't told.
type reader struct {
	report      *Report
	orientation int
}

// jpeg walks the segments before the picture (ITU T.81, B.1.1).
func (m *reader) jpeg(data []byte) {
	at := 2
	for range maxBlocks {
		for at < len(data) && data[at] != 0xff {
			at++
		}
		for at < len(data) && data[at] == 0xff {
			at++
		}
		if at >= len(data) {
			return
		}
		marker := data[at]
		at++
		switch {
		case marker == 0xd9 || marker == 0xda:
			if end := bytes.LastIndex(data, []byte("\xff\xd9")); end >= 0 && len(bytes.Trim(data[end+2:], "\x00")) > 0 {
				m.report.note(HadTail)
			}
			return
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7:
			continue
		}
		if at+2 > len(data) {
			return
		}
		size := int(binary.BigEndian.Uint16(data[at:]))
		if size < 2 || at+size > len(data) {
			return
		}
		segment := data[at+2 : at+size]
		at += size
		switch marker {
		case 0xe1:
			if rest, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); ok {
				m.exif(rest)
			} else if rest, ok := bytes.CutPrefix(segment, []byte("http://ns.adobe.com/xap/1.0/\x00")); ok {
				m.xmp(rest)
			}
		case 0xed:
			if rest, ok := bytes.CutPrefix(segment, []byte("Photoshop 3.0\x00")); ok {
				m.photoshop(rest)
			}
		case 0xfe:
			m.report.fact("JPEG", "Comment", text(segment))
		}
	}
}

// png walks the chunks (ISO 15948, 5.3).
func (m *reader) png(data []byte) {
	at := 8
	for range maxBlocks {
		if at+12 > len(data) {
			return
		}
		size := int64(binary.BigEndian.Uint32(data[at:]))
		if size > int64(len(data)-at-12) {
			return
		}
		name, body := string(data[at+4:at+8]), data[at+8:at+8+int(size)]
		at += 12 + int(size)
		switch name {
		case "IEND":
			if len(data) > at {
				m.report.note(HadTail)
			}
			return
		case "acTL":
			m.report.note(FirstPicture)
		case "eXIf":
			m.exif(body)
		case "tIME":
			if len(body) == 7 {
				m.report.fact("PNG", "Time", fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d", binary.BigEndian.Uint16(body), body[2], body[3], body[4], body[5], body[6]))
			}
		case "tEXt":
			key, value, _ := bytes.Cut(body, []byte{0})
			m.report.fact("PNG", latin(key), latin(value))
		case "zTXt":
			key, rest, ok := bytes.Cut(body, []byte{0})
			if ok && len(rest) > 1 {
				m.report.fact("PNG", latin(key), latin(inflate(rest[1:])))
			}
		case "iTXt":
			m.png2(body)
		}
	}
}

// png2 is an international text: a key, how it is packed, its language, its key
// in that language, its text.
func (m *reader) png2(body []byte) {
	key, rest, ok := bytes.Cut(body, []byte{0})
	if !ok || len(rest) < 2 {
		return
	}
	packed := rest[0] == 1
	_, rest, ok = bytes.Cut(rest[2:], []byte{0})
	if !ok {
		return
	}
	_, rest, ok = bytes.Cut(rest, []byte{0})
	if !ok {
		return
	}
	if packed {
		rest = inflate(rest)
	}
	if string(key) == "XML:com.adobe.xmp" {
		m.xmp(rest)
		return
	}
	m.report.fact("PNG", latin(key), text(rest))
}

// inflate unpacks no more than a block.
func inflate(b []byte) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, maxBlock))
	return out
}

// webp walks the chunks of a RIFF file (RFC 9649).
func (m *reader) webp(data []byte) {
	at := 12
	for range maxBlocks {
		if at+8 > len(data) {
			return
		}
		size := int64(binary.LittleEndian.Uint32(data[at+4:]))
		if size > int64(len(data)-at-8) {
			return
		}
		name, body := string(data[at:at+4]), data[at+8:at+8+int(size)]
		at += 8 + int(size) + int(size&1)
		switch name {
		case "EXIF":
			m.exif(bytes.TrimPrefix(body, []byte("Exif\x00\x00")))
		case "XMP ":
			m.xmp(body)
		case "ANIM":
			m.report.note(FirstPicture)
		}
	}
}

// gif reads the comments (GIF89a, 24).
func (m *reader) gif(data []byte) {
	gifBlocks(data, func(label byte, body []byte) {
		if label == 0xfe {
			m.report.fact("GIF", "Comment", text(body))
		}
	})
}

// gifMoves says whether there is more than one picture.
func gifMoves(data []byte) bool {
	pictures := 0
	gifBlocks(data, func(label byte, _ []byte) {
		if label == 0x2c {
			pictures++
		}
	})
	return pictures > 1
}

// gifBlocks walks the blocks of a GIF: extensions by their label, pictures as 0x2c.
func gifBlocks(data []byte, found func(label byte, body []byte)) {
	if len(data) < 13 {
		return
	}
	at := 13
	if flags := data[10]; flags&0x80 != 0 {
		at += 3 << (flags&7 + 1)
	}
	for range maxBlocks {
		if at+2 > len(data) {
			return
		}
		label := data[at]
		switch label {
		case 0x21:
			label = data[at+1]
			at += 2
		case 0x2c:
			if at+11 > len(data) {
				return
			}
			flags := data[at+9]
			at += 10
			if flags&0x80 != 0 {
				at += 3 << (flags&7 + 1)
			}
			at++ // the size of codes
		default:
			return
		}
		var body []byte
		for at < len(data) && data[at] != 0 {
			end := at + 1 + int(data[at])
			if end > len(data) {
				return
			}
			if label != 0x2c && len(body) < maxValue*utf8.UTFMax {
				body = append(body, data[at+1:end]...)
			}
			at = end
		}
		at++
		found(label, body)
	}
}

// photoshop finds the IPTC block among Photoshop's resources.
func (m *reader) photoshop(b []byte) {
	for range maxBlocks {
		if len(b) < 12 || string(b[:4]) != "8BIM" {
			return
		}
		id := binary.BigEndian.Uint16(b[4:])
		name := int(b[6]) + 1
		name += name & 1
		if len(b) < 6+name+4 {
			return
		}
		b = b[6+name:]
		size := int64(binary.BigEndian.Uint32(b))
		b = b[4:]
		if size > int64(len(b)) {
			return
		}
		body := b[:size]
		b = b[min(int64(len(b)), size+size&1):]
		if id == 0x0404 {
			m.iptc(body)
		}
	}
}

// The datasets of IPTC's application record that people fill in (IIM 4.2, chapter 6).
var iptcNames = map[byte]string{
	5: "Title", 25: "Keyword", 40: "Instructions", 55: "Date created", 60: "Time created", 62: "Digitised", 80: "Author", 85: "Author's position",
	90: "City", 92: "Place", 95: "Region", 101: "Country", 105: "Headline", 110: "Credit", 115: "Source", 116: "Copyright", 118: "Contact", 120: "Caption", 122: "Caption by",
}

func (m *reader) iptc(b []byte) {
	for range maxBlocks {
		if len(b) < 5 || b[0] != 0x1c {
			return
		}
		record, set, size := b[1], b[2], int(binary.BigEndian.Uint16(b[3:]))
		b = b[5:]
		if size > len(b) {
			return
		}
		if name := iptcNames[set]; record == 2 && name != "" {
			m.report.fact("IPTC", name, text(b[:size]))
		}
		b = b[size:]
	}
}

// xmp reads the leaves of an XMP packet: elements with text and the attributes of
// descriptions (ISO 16684-1, 7).
func (m *reader) xmp(b []byte) {
	d := xml.NewDecoder(bytes.NewReader(b[:min(len(b), maxBlock)]))
	d.Strict = false
	d.Entity = nil
	var path []string
	for range maxBlocks * 4 {
		token, err := d.RawToken()
		if err != nil {
			return
		}
		switch t := token.(type) {
		case xml.StartElement:
			if len(path) > 64 {
				return
			}
			name := t.Name.Space + ":" + t.Name.Local
			path = append(path, name)
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" || a.Name.Space == "rdf" || a.Name.Space == "xml" || a.Name.Space == "x" {
					continue
				}
				m.report.fact("XMP", a.Name.Space+":"+a.Name.Local, a.Value)
			}
		case xml.EndElement:
			if len(path) > 0 {
				path = path[:len(path)-1]
			}
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); s != "" {
				m.report.fact("XMP", leaf(path), s)
			}
		}
	}
}

// leaf is the name of what a text stands in: the last one that isn't a list of RDF.
func leaf(path []string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if !strings.HasPrefix(path[i], "rdf:") {
			return path[i]
		}
	}
	return ""
}

// text is bytes as text: UTF-8 where they are, Latin 1 else.
func text(b []byte) string {
	b = bytes.TrimRight(b[:min(len(b), maxValue*8)], "\x00 ")
	if isText(b) {
		return string(b)
	}
	return latin(b)
}

func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b[:min(len(b), maxValue*2)] {
		s.WriteRune(rune(c))
	}
	return s.String()
}
