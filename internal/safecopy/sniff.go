// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Kind is what a file is by its content.
type Kind string

// The kinds that are told apart.
const (
	JPEG     Kind = "image/jpeg"
	PNG      Kind = "image/png"
	GIF      Kind = "image/gif"
	WebP     Kind = "image/webp"
	TIFF     Kind = "image/tiff"
	BMP      Kind = "image/bmp"
	HEIC     Kind = "image/heic"
	SVG      Kind = "image/svg+xml"
	HTML     Kind = "text/html"
	PDF      Kind = "application/pdf"
	MP4      Kind = "video/mp4"
	Matroska Kind = "video/x-matroska"
	WebM     Kind = "video/webm"
	AVI      Kind = "video/x-msvideo"
	MP3      Kind = "audio/mpeg"
	Ogg      Kind = "audio/ogg"
	WAV      Kind = "audio/wav"
	FLAC     Kind = "audio/flac"
	AMR      Kind = "audio/amr"
	Office   Kind = "application/office"
	Archive  Kind = "application/archive"
	Capture  Kind = "application/warc"
	Text     Kind = "text/plain"
	Unknown  Kind = "application/octet-stream"
)

// Picture says whether the kind is a picture that can be drawn anew.
func (k Kind) Picture() bool {
	switch k {
	case JPEG, PNG, GIF, WebP, TIFF, BMP:
		return true
	}
	return false
}

// Recording says whether the kind is sound or film.
func (k Kind) Recording() bool {
	switch k {
	case MP4, Matroska, WebM, AVI, MP3, Ogg, WAV, FLAC, AMR:
		return true
	}
	return false
}

// HeadSize is how many bytes of the beginning Sniff wants, where there are so many.
const HeadSize = 4096

// Sniff tells what a file is by its first bytes. A file that is several things at
// once is told as the most dangerous of those its beginning shows.
func Sniff(head []byte) Kind {
	if len(head) > HeadSize {
		head = head[:HeadSize]
	}
	at := func(i int, s string) bool { return len(head) >= i+len(s) && string(head[i:i+len(s)]) == s }
	switch {
	case at(0, "\xff\xd8\xff"):
		return JPEG
	case at(0, "\x89PNG\r\n\x1a\n"):
		return PNG
	case at(0, "GIF87a"), at(0, "GIF89a"):
		return GIF
	case at(0, "II*\x00"), at(0, "MM\x00*"):
		return TIFF
	case at(0, "RIFF") && at(8, "WEBP"):
		return WebP
	case at(0, "RIFF") && at(8, "WAVE"):
		return WAV
	case at(0, "RIFF") && at(8, "AVI "):
		return AVI
	case at(0, "BM") && len(head) >= 18 && binary.LittleEndian.Uint32(head[6:10]) == 0 && binary.LittleEndian.Uint32(head[14:18]) < 256:
		return BMP
	case at(4, "ftyp"):
		return sniffBrand(head)
	case at(0, "\x1aE\xdf\xa3"):
		if bytes.Contains(head[:min(len(head), 64)], []byte("\x42\x82\x84webm")) {
			return WebM
		}
		return Matroska
	case at(0, "ID3"), len(head) > 3 && head[0] == 0xff && head[1]&0xe6 == 0xe2 && head[2]&0xf0 != 0xf0:
		return MP3
	case at(0, "OggS"):
		return Ogg
	case at(0, "fLaC"):
		return FLAC
	case at(0, "#!AMR"):
		return AMR
	case at(0, "PK\x03\x04"), at(0, "PK\x05\x06"), at(0, "PK\x07\x08"):
		return sniffZip(head)
	case at(0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), at(0, "{\\rtf"):
		return Office
	case at(0, "WARC/"):
		return Capture
	case at(0, "\x1f\x8b"), at(0, "BZh"), at(0, "\xfd7zXZ\x00"), at(0, "7z\xbc\xaf\x27\x1c"), at(0, "Rar!\x1a\x07"), at(0, "\x28\xb5\x2f\xfd"), at(257, "ustar"):
		return Archive
	}
	// Readers of PDF look for its mark in the first kilobyte; so does who hides one.
	if i := bytes.Index(head[:min(len(head), 1024)], []byte("%PDF-")); i >= 0 {
		if bytes.IndexByte(head[:i], '<') < 0 {
			return PDF
		}
	}
	return sniffText(head)
}

func sniffBrand(head []byte) Kind {
	if len(head) < 12 {
		return Unknown
	}
	switch string(head[8:12]) {
	case "heic", "heix", "heim", "heis", "hevc", "mif1", "msf1", "avif", "avis":
		return HEIC
	}
	return MP4
}

// sniffZip tells office documents, which are archives, from other archives.
func sniffZip(head []byte) Kind {
	for _, mark := range []string{"[Content_Types].xml", "word/", "xl/", "ppt/", "mimetypeapplication/vnd.oasis", "mimetypeapplication/epub"} {
		if bytes.Contains(head, []byte(mark)) {
			return Office
		}
	}
	return Archive
}

func sniffText(head []byte) Kind {
	text := bytes.ToLower(bytes.TrimPrefix(head, []byte("\ufeff")))
	for _, mark := range []string{"<svg", "http://www.w3.org/2000/svg"} {
		if bytes.Contains(text, []byte(mark)) {
			return SVG
		}
	}
	for _, mark := range []string{"<!doctype", "<html", "<head", "<body", "<script", "<iframe", "<object", "<embed", "<meta", "<title", "<style", "<table", "<img", "<a ", "<form", "<link", "<?xml", "<?php", "javascript:"} {
		if bytes.Contains(text, []byte(mark)) {
			return HTML
		}
	}
	if len(bytes.TrimSpace(head)) > 0 && isText(head) {
		return Text
	}
	return Unknown
}

// isText says whether bytes are text in UTF-8; a letter cut off at the end is let go.
func isText(b []byte) bool {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			return len(b) < utf8.UTFMax && !utf8.FullRune(b)
		}
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' || r == 0x7f {
			return false
		}
		b = b[n:]
	}
	return true
}
