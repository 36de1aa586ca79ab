// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// What is read of EXIF at the most.
const (
	maxDirectories = 16
	maxEntries     = 512
	maxValues      = 16 // of one entry
)

// The tags of TIFF 6.0 and EXIF 2.32 that say something about who, when, where and
// with what. Others are told by their number.
var exifNames = map[uint16]string{
	0x010d: "Document name", 0x010e: "Description", 0x010f: "Camera maker", 0x0110: "Camera model", 0x0112: "Orientation", 0x0131: "Software",
	0x0132: "Changed", 0x013b: "Artist", 0x013c: "Computer", 0x8298: "Copyright", 0x829a: "Exposure time", 0x829d: "Aperture", 0x8827: "ISO",
	0x9000: "EXIF version", 0x9003: "Taken", 0x9004: "Digitised", 0x9010: "Changed, offset", 0x9011: "Taken, offset", 0x9012: "Digitised, offset",
	0x9209: "Flash", 0x920a: "Focal length", 0x9286: "Comment", 0x9290: "Changed, fraction", 0x9291: "Taken, fraction", 0x9c9b: "Windows title",
	0x9c9c: "Windows comment", 0x9c9d: "Windows author", 0x9c9e: "Windows keywords", 0x9c9f: "Windows subject", 0xa002: "Width", 0xa003: "Height",
	0xa420: "Picture's id", 0xa430: "Camera owner", 0xa431: "Camera's serial number", 0xa432: "Lens", 0xa433: "Lens maker", 0xa434: "Lens model",
	0xa435: "Lens's serial number",
}

var gpsNames = map[uint16]string{
	1: "Latitude, side", 2: "Latitude", 3: "Longitude, side", 4: "Longitude", 5: "Altitude, reference", 6: "Altitude", 7: "Time (UTC)", 12: "Speed, unit", 13: "Speed",
	16: "Direction, reference", 17: "Direction", 18: "Datum", 27: "Method", 28: "Area", 29: "Date (UTC)",
}

// Tags that lead to other directories, and those whose value is no news.
const (
	tagExif        = 0x8769
	tagGPS         = 0x8825
	tagOrientation = 0x0112
)

// tiff is a TIFF file or an EXIF block, which is one.
type tiffFile struct {
	data  []byte
	order binary.ByteOrder
}

// exif reads an EXIF block or a TIFF file.
func (m *reader) exif(data []byte) {
	if len(data) < 8 {
		return
	}
	t := tiffFile{data: data}
	switch string(data[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return
	}
	type directory struct {
		at   uint32
		name string
	}
	todo := []directory{{t.order.Uint32(data[4:]), "EXIF"}}
	seen := map[uint32]bool{}
	pictures := 0
	for len(todo) > 0 && len(seen) < maxDirectories {
		d := todo[0]
		todo = todo[1:]
		if seen[d.at] || int64(d.at)+2 > int64(len(data)) {
			continue
		}
		seen[d.at] = true
		if d.name == "EXIF" {
			pictures++
		}
		count := int(t.order.Uint16(data[d.at:]))
		var lat, lon, latSide, lonSide string
		at := int64(d.at) + 2
		for i := range count {
			if i >= maxEntries || at+12 > int64(len(data)) {
				break
			}
			entry := data[at : at+12]
			at += 12
			tag := t.order.Uint16(entry)
			switch tag {
			case tagExif, tagGPS:
				name := "EXIF, photograph"
				if tag == tagGPS {
					name = "GPS"
				}
				todo = append(todo, directory{t.order.Uint32(entry[8:]), name})
				continue
			}
			names := exifNames
			if d.name == "GPS" {
				names = gpsNames
			}
			name := names[tag]
			if name == "" {
				continue // strips, tables, makers' notes
			}
			value := t.value(entry)
			if tag == tagOrientation && d.name == "EXIF" && pictures == 1 {
				if n, err := strconv.Atoi(value); err == nil && n >= 1 && n <= 8 {
					m.orientation = n
				}
			}
			if d.name == "GPS" {
				switch tag {
				case 1:
					latSide = value
					continue
				case 2:
					lat = value
					continue
				case 3:
					lonSide = value
					continue
				case 4:
					lon = value
					continue
				}
			}
			m.report.fact(d.name, name, value)
		}
		if lat != "" || lon != "" {
			m.report.fact("GPS", "Position", degrees(lat)+" "+latSide+", "+degrees(lon)+" "+lonSide)
		}
		// The next picture of the file, a thumbnail in EXIF.
		if d.name == "EXIF" && at+4 <= int64(len(data)) && count <= maxEntries {
			if next := t.order.Uint32(data[at:]); next != 0 {
				todo = append(todo, directory{next, "EXIF"})
			}
		}
	}
	if m.report.Kind == TIFF && pictures > 1 {
		m.report.note(FirstPicture)
	}
}

// value is an entry's value as text.
func (t tiffFile) value(entry []byte) string {
	sizes := [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8}
	tag, kind, count := t.order.Uint16(entry), t.order.Uint16(entry[2:]), int64(t.order.Uint32(entry[4:]))
	if int(kind) >= len(sizes) || sizes[kind] == 0 || count == 0 {
		return ""
	}
	size := sizes[kind] * count
	body := entry[8:12]
	if size > 4 {
		at := int64(t.order.Uint32(entry[8:]))
		if at+size > int64(len(t.data)) {
			return ""
		}
		body = t.data[at : at+size]
	}
	body = body[:size]
	if tag >= 0x9c9b && tag <= 0x9c9f {
		return wide(body)
	}
	switch kind {
	case 2:
		return text(body)
	case 7:
		if tag == 0x9286 || tag == 27 || tag == 28 {
			return comment(body)
		}
		if isText(body) {
			return text(body)
		}
		return hex.EncodeToString(body[:min(len(body), 32)])
	}
	var values []string
	for i := range min(count, maxValues) {
		b := body[i*sizes[kind]:]
		switch kind {
		case 1:
			values = append(values, strconv.Itoa(int(b[0])))
		case 6:
			values = append(values, strconv.Itoa(int(int8(b[0]))))
		case 3:
			values = append(values, strconv.Itoa(int(t.order.Uint16(b))))
		case 8:
			values = append(values, strconv.Itoa(int(int16(t.order.Uint16(b)))))
		case 4:
			values = append(values, strconv.FormatUint(uint64(t.order.Uint32(b)), 10))
		case 9:
			values = append(values, strconv.Itoa(int(int32(t.order.Uint32(b)))))
		case 5:
			values = append(values, fmt.Sprintf("%d/%d", t.order.Uint32(b), t.order.Uint32(b[4:])))
		case 10:
			values = append(values, fmt.Sprintf("%d/%d", int32(t.order.Uint32(b)), int32(t.order.Uint32(b[4:]))))
		}
	}
	return strings.Join(values, " ")
}

// comment is a text that says first how it is written.
func comment(b []byte) string {
	if len(b) < 8 {
		return text(b)
	}
	if strings.HasPrefix(string(b), "UNICODE") {
		return wide(b[8:])
	}
	return text(b[8:])
}

// wide is text in UTF-16, little endian, as Windows writes it.
func wide(b []byte) string {
	b = b[:min(len(b), maxValue*4)]
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(b[i:]))
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// degrees is degrees, minutes and seconds as a decimal.
func degrees(s string) string {
	total, scale := 0.0, 1.0
	for _, part := range strings.Fields(s) {
		var over, under float64
		if _, err := fmt.Sscanf(part, "%f/%f", &over, &under); err != nil || under == 0 {
			return s
		}
		total += over / under / scale
		scale *= 60
	}
	return strconv.FormatFloat(total, 'f', 6, 64)
}
