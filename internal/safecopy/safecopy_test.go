// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

func deflated(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A WebP of one pixel, lossless.
const onePixelWebP = "RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"

func TestPicturesAreDrawnAnew(t *testing.T) {
	img := drawn(60, 40)
	encoded := map[Kind][]byte{JPEG: asJPEG(t, img), PNG: asPNG(t, img), WebP: []byte(onePixelWebP)}
	var b bytes.Buffer
	if err := gif.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	encoded[GIF] = bytes.Clone(b.Bytes())
	b.Reset()
	if err := tiff.Encode(&b, img, &tiff.Options{Compression: tiff.Deflate}); err != nil {
		t.Fatal(err)
	}
	encoded[TIFF] = bytes.Clone(b.Bytes())
	b.Reset()
	if err := bmp.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	encoded[BMP] = bytes.Clone(b.Bytes())
	for kind, file := range encoded {
		report, copied, err := made(t, Job{Media: string(kind)}, file)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if report.Kind != kind || len(report.Notes) != 0 || Sniff(copied) != report.Copy || len(report.Thumbnail) == 0 {
			t.Errorf("%s: %+v", kind, report)
		}
		again, _, err := image.Decode(bytes.NewReader(copied))
		if err != nil || kind != WebP && again.Bounds() != img.Bounds() {
			t.Errorf("%s: the copy can't be decoded as it was: %v", kind, err)
			continue
		}
		if kind != WebP && (!near(again.At(5, 5), img.At(5, 5)) || !near(again.At(50, 30), img.At(50, 30))) {
			t.Errorf("%s: the copy looks different", kind)
		}
		// What is cut off is no picture, and never a panic.
		for n := range 20 {
			cut := file[:len(file)*n/20]
			if report, _, err := made(t, Job{}, cut); err == nil && report.Kind.Picture() && kind != BMP && kind != GIF && n < 10 {
				t.Errorf("%s cut to %d of %d bytes is copied", kind, len(cut), len(file))
			}
		}
	}
}

func near(a, b color.Color) bool {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return far(ar, br)+far(ag, bg)+far(ab, bb) < 24<<8
}

func far(a, b uint32) uint32 { return max(a, b) - min(a, b) }

func TestOrientation(t *testing.T) {
	// Where the red corner of a picture stands after it is turned: EXIF 2.32, 4.6.4.
	corner := map[int][2]bool{1: {false, false}, 2: {true, false}, 3: {true, true}, 4: {false, true}, 5: {false, false}, 6: {true, false}, 7: {true, true}, 8: {false, true}}
	for o, want := range corner {
		block := exifBlock(map[uint16]exifEntry{tagOrientation: {kind: 3, count: 1, body: []byte{byte(o), 0}}}, nil)
		file := withSegment(asJPEG(t, drawn(80, 40)), 0xe1, append([]byte("Exif\x00\x00"), block...))
		report, copied, err := made(t, Job{}, file)
		if err != nil {
			t.Fatal(err)
		}
		img, err := jpeg.Decode(bytes.NewReader(copied))
		if err != nil {
			t.Fatal(err)
		}
		x, y := 5, 5
		if want[0] {
			x = report.Width - 6
		}
		if want[1] {
			y = report.Height - 6
		}
		if (report.Width < report.Height) != (o >= 5) || !near(img.At(x, y), color.RGBA{200, 0, 0, 255}) {
			t.Errorf("orientation %d: %d × %d, corner %v", o, report.Width, report.Height, img.At(x, y))
		}
	}
}

func TestMetadataIsTold(t *testing.T) {
	block := exifBlock(
		map[uint16]exifEntry{0x010f: word("Kamera"), 0x9003: word("2022:01:05 14:30:00")},
		map[uint16]exifEntry{1: word("N"), 2: rationals(43, 15, 18), 3: word("E"), 4: rationals(76, 54, 36)})
	iptc := "8BIM\x04\x04\x00\x00\x00\x00\x00\x0a\x1c\x02\x5a\x00\x05Aqtau"
	xmp := "http://ns.adobe.com/xap/1.0/\x00<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='r'><rdf:Description xmp:CreatorTool='Tool' xmlns:dc='d'><dc:creator><rdf:Seq><rdf:li>Invented One</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
	file := asJPEG(t, drawn(8, 8))
	for _, s := range []struct {
		marker byte
		body   string
	}{{0xe1, "Exif\x00\x00" + string(block)}, {0xe1, xmp}, {0xed, "Photoshop 3.0\x00" + iptc}, {0xfe, "от Ерлана"}} {
		file = withSegment(file, s.marker, []byte(s.body))
	}
	report, copied, err := made(t, Job{}, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Fact{
		{"EXIF", "Camera maker", "Kamera"}, {"EXIF", "Taken", "2022:01:05 14:30:00"}, {"GPS", "Position", "43.255000 N, 76.910000 E"},
		{"XMP", "xmp:CreatorTool", "Tool"}, {"XMP", "dc:creator", "Invented One"}, {"IPTC", "City", "Aqtau"}, {"JPEG", "Comment", "от Ерлана"},
	} {
		if !hasFact(report, f.Where, f.Name, f.Value) {
			t.Errorf("%v isn't told: %v", f, report.Metadata)
		}
	}
	again, _, err := made(t, Job{}, copied)
	if err != nil || len(again.Metadata) != 0 {
		t.Errorf("the copy says about itself %v, %v", again.Metadata, err)
	}

	file = asPNG(t, drawn(8, 8))
	file = withChunk(file, "tEXt", []byte("Author\x00Invented"))
	file = withChunk(file, "zTXt", append([]byte("Comment\x00\x00"), deflated(t, []byte("packed"))...))
	file = withChunk(file, "iTXt", []byte("Title\x00\x00\x00kk\x00\x00Куә"))
	file = withChunk(file, "tIME", []byte{0x07, 0xe6, 1, 5, 14, 30, 0})
	file = withChunk(file, "eXIf", block)
	report, copied, err = made(t, Job{}, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []Fact{{"PNG", "Author", "Invented"}, {"PNG", "Comment", "packed"}, {"PNG", "Title", "Куә"}, {"PNG", "Time", "2022-01-05 14:30:00"}, {"EXIF", "Camera maker", "Kamera"}} {
		if !hasFact(report, f.Where, f.Name, f.Value) {
			t.Errorf("%v isn't told: %v", f, report.Metadata)
		}
	}
	if again, _, err := made(t, Job{}, copied); err != nil || len(again.Metadata) != 0 {
		t.Errorf("the copy says about itself %v, %v", again.Metadata, err)
	}
	var many []byte
	many = asPNG(t, drawn(8, 8))
	for i := range maxFacts + 10 {
		many = withChunk(many, "tEXt", fmt.Appendf(nil, "k%d\x00v", i))
	}
	if report, _, err := made(t, Job{}, many); err != nil || len(report.Metadata) != maxFacts || !strings.Contains(notes(report), string(CutMetadata)) {
		t.Errorf("%d facts, notes %v, %v", len(report.Metadata), report.Notes, err)
	}
}

func TestPlainText(t *testing.T) {
	report, copied, err := made(t, Job{Media: "text/plain"}, []byte("Меня били.\r\nТри дня.\u202e"))
	if err != nil || string(copied) != "Меня били.\nТри дня." || report.Copy != Text || report.Text != string(copied) {
		t.Errorf("%q, %+v, %v", copied, report, err)
	}
	refused(t, Empty, Job{}, nil)
	refused(t, IsUnknown, Job{}, []byte{0, 1, 2, 3})
	refused(t, Broken, Job{}, append(bytes.Repeat([]byte("a"), HeadSize), 0))
	refused(t, NoBoxes, Job{Boxes: []Box{{Page: 1, Width: 1, Height: 1}}}, []byte("text"))
}

func TestTimeIsBounded(t *testing.T) {
	limits := DefaultLimits()
	limits.Time = 1
	refused(t, TooLong, Job{Limits: limits}, asPNG(t, drawn(8, 8)))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Make(ctx, Job{Limits: DefaultLimits()}, bytes.NewReader([]byte("a")), &bytes.Buffer{}); err == nil {
		t.Error("goes on after it was called off")
	}
}

func TestRedactedPicture(t *testing.T) {
	img := drawn(100, 100)
	box := Box{Page: 1, X: 0.245, Y: 0.25, Width: 0.255, Height: 0.25}
	report, copied, err := made(t, Job{Boxes: []Box{box, {Page: 2, Width: 1, Height: 1}}}, withChunk(asPNG(t, img), "tEXt", []byte("Author\x00Invented")))
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := image.Decode(bytes.NewReader(copied))
	if err != nil {
		t.Fatal(err)
	}
	black := color.RGBA{0, 0, 0, 255}
	for y := range 100 {
		for x := range 100 {
			in := x >= 24 && x < 50 && y >= 25 && y < 50
			if in != (color.RGBAModel.Convert(out.At(x, y)) == black) {
				t.Fatalf("pixel %d, %d is %v", x, y, out.At(x, y))
			}
		}
	}
	if len(report.Metadata) != 0 || !strings.Contains(notes(report), string(BoxedNoText)) {
		t.Errorf("what was hidden stands beside: %+v", report)
	}
	nan := 0.0
	nan /= nan
	for _, b := range []Box{{X: -5, Y: -5, Width: 99, Height: 99}, {X: nan, Width: nan, Height: 1e300}, {X: 2, Y: 2, Width: 1, Height: 1}} {
		Redact(img, []Box{b})
	}
}

func TestRedactedDocument(t *testing.T) {
	file := written("", "Name Invented Person")
	job := Job{Boxes: []Box{{Page: 1, X: 0, Y: 0.1, Width: 1, Height: 0.15}}}
	if find("pdftoppm") == "" {
		refused(t, NeedsProgram, job, file)
		return
	}
	_, open, err := made(t, Job{}, file)
	if err != nil {
		t.Fatal(err)
	}
	report, copied, err := made(t, job, file)
	if err != nil {
		t.Fatal(err)
	}
	if report.Text != "" || len(report.Metadata) != 0 {
		t.Errorf("what was hidden stands beside: %+v", report)
	}
	if have := read(t, copied); strings.Contains(have, "Invented") {
		t.Errorf("the text under the box is there: %q", have)
	}
	for name, look := range map[string]func(*testing.T, []byte) string{"pdftotext": extracted, "the bytes, unpacked": unpacked} {
		if !strings.Contains(look(t, file), "Invented Person") {
			t.Errorf("%s doesn't find the text in the original", name)
		}
		for _, hidden := range []string{"Invented", "Person", "(Name"} {
			if strings.Contains(look(t, copied), hidden) {
				t.Errorf("%s finds %q in the copy", name, hidden)
			}
		}
	}
	if find("tesseract") != "" {
		if have := read(t, open); !strings.Contains(have, "Invented") {
			t.Errorf("without the box the text can't be read: %q", have)
		}
	}
	// Whatever the readers say: no pixel under the box is left.
	program := find("pdftoppm")
	cmd := exec.Command(program, "-r", "50", "-gray", "-")
	cmd.Stdin = bytes.NewReader(copied)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var width, height, most int
	if _, err := fmt.Sscanf(string(out[:20]), "P5\n%d %d\n%d", &width, &height, &most); err != nil {
		t.Fatal(err)
	}
	pixels := out[len(out)-width*height:]
	for y := height * 11 / 100; y < height*24/100; y++ {
		for x := 2; x < width-2; x++ {
			if pixels[y*width+x] > 12 {
				t.Fatalf("pixel %d, %d under the box is %d", x, y, pixels[y*width+x])
			}
		}
	}
}

// extracted is the text that pdftotext takes out of a PDF.
func extracted(t *testing.T, file []byte) string {
	t.Helper()
	cmd := exec.Command(find("pdftotext"), "-", "-")
	cmd.Stdin = bytes.NewReader(file)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// unpacked is the bytes of a file, and of whatever stream in it can be unpacked.
func unpacked(t *testing.T, file []byte) string {
	t.Helper()
	var all bytes.Buffer
	all.Write(file)
	for at := 0; ; {
		i := bytes.Index(file[at:], []byte("stream\n"))
		if i < 0 {
			return all.String()
		}
		at += i + len("stream\n")
		if z, err := zlib.NewReader(bytes.NewReader(file[at:])); err == nil {
			_, _ = io.Copy(&all, z) // to where it is damaged
		}
	}
}

// read is all text that pdftotext and, where it is installed, tesseract find.
func read(t *testing.T, file []byte) string {
	t.Helper()
	report, _, err := made(t, Job{Do: Read}, file)
	if err != nil {
		t.Fatal(err)
	}
	return report.Text
}

func TestRecordingsLoseWhatTheySay(t *testing.T) {
	program := find("ffmpeg")
	if program == "" {
		r := refused(t, NeedsProgram, Job{}, []byte("OggS\x00\x02"))
		if !strings.Contains(r.Error(), "install ffmpeg") {
			t.Errorf("said %v", r)
		}
		return
	}
	dir := t.TempDir()
	for _, name := range []string{"a.mp4", "a.mkv", "a.mp3", "a.ogg", "a.wav", "a.flac"} {
		args := []string{"-v", "error", "-f", "lavfi", "-i", "sine=d=1"}
		if strings.HasSuffix(name, "4") || strings.HasSuffix(name, "v") && name != "a.wav" {
			args = append(args, "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-shortest")
		}
		path := dir + "/" + name
		args = append(args, "-metadata", "title=Invented", "-metadata", "location=+43.2500+076.9000/", "-metadata", "artist=Somebody", path)
		if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		file := mustRead(t, path)
		report, copied, err := made(t, Job{}, file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		told := fmt.Sprint(report.Metadata)
		if !strings.Contains(told, "Invented") {
			t.Errorf("%s: told %s", name, told)
		}
		for _, mark := range []string{"Invented", "43.25", "Somebody", "Lavf5", "Lavf6"} {
			if bytes.Contains(copied, []byte(mark)) {
				t.Errorf("%s: %s is in the copy", name, mark)
			}
		}
		if again, _, err := made(t, Job{}, copied); err != nil || again.Kind != report.Copy {
			t.Errorf("%s: the copy is %s, %v", name, again.Kind, err)
		}
	}
}

func TestRecordingsArePackedForBrowsers(t *testing.T) {
	for _, c := range []struct {
		kind         Kind
		video, audio []string
		want         Kind
	}{
		{MP4, []string{"h263"}, []string{"amr_nb"}, MP4},
		{Ogg, nil, []string{"opus"}, Ogg},
		{Matroska, []string{"vp9"}, []string{"opus"}, WebM},
		{Matroska, nil, []string{"opus"}, WebM},
		{Matroska, []string{"h264"}, []string{"aac"}, MP4},
		{Matroska, []string{"h264"}, []string{"opus"}, Matroska},
		{AVI, []string{"mjpeg"}, []string{"pcm_s16le"}, Matroska},
		{AVI, []string{"mpeg4"}, []string{"mp3"}, MP4},
	} {
		if have := packed(c.kind, c.video, c.audio); have != c.want {
			t.Errorf("%v is packed as %s", c, have)
		}
	}
	if find("ffmpeg") == "" {
		return // told by TestRecordingsLoseWhatTheySay
	}
	path := t.TempDir() + "/a.mkv"
	if out, err := exec.Command(find("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", "-c:v", "mpeg4", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	report, copied, err := made(t, Job{}, mustRead(t, path))
	if err != nil || report.Copy != MP4 || Sniff(copied) != MP4 {
		t.Fatalf("%s, %v", report.Copy, err)
	}
	// What a browser must know to wind stands before the sound and the picture.
	index, content := bytes.Index(copied, []byte("moov")), bytes.Index(copied, []byte("mdat"))
	if index < 0 || content < index {
		t.Errorf("the index stands at %d, the content at %d", index, content)
	}
	limits := DefaultLimits()
	limits.Bytes = 5000
	refused(t, TooManyBytes, Job{Limits: limits}, mustRead(t, path))
	refused(t, Broken, Job{}, mustRead(t, path)[:200])
}

func TestPagesOfACopy(t *testing.T) {
	var b bytes.Buffer
	doc := newPages(&b)
	sizes := []image.Point{{30, 40}, {40, 30}, {30, 40}}
	for i, size := range sizes {
		img := drawn(size.X, size.Y)
		img.SetRGBA(0, 0, color.RGBA{byte(80 * i), 0, 0, 255})
		if err := doc.add(img); err != nil {
			t.Fatal(err)
		}
	}
	if err := doc.close(); err != nil {
		t.Fatal(err)
	}
	for i, size := range sizes {
		picture, err := Page(bytes.NewReader(b.Bytes()), i+1)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || c.Width != size.X || c.Height != size.Y {
			t.Errorf("page %d: %+v, %v", i+1, c, err)
		}
	}
	for _, n := range []int{-1, 0, 4, 1 << 30} {
		if _, err := Page(bytes.NewReader(b.Bytes()), n); !errors.Is(err, ErrNoPage) {
			t.Errorf("page %d: %v", n, err)
		}
	}
	for n := range b.Len() {
		if _, err := Page(bytes.NewReader(b.Bytes()[:n]), 1); !errors.Is(err, ErrNoPage) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if find("pdfinfo") != "" {
		report, _, err := made(t, Job{}, b.Bytes())
		if err != nil || report.Pages != 3 || len(report.Notes) != 0 {
			t.Errorf("read again: %+v, %v", report, err)
		}
	}
}

func TestOtherReadings(t *testing.T) {
	have := otherReadings("Бурабай: сараптама корытындысы № 4711, аныкталды. Куә, куә", "Бурабай: сараптама қорытындысы Мо 4711, анықталды. КУӘ әр қорытындысы")
	if have != "қорытындысы анықталды" {
		t.Errorf("also read as %q", have)
	}
}
