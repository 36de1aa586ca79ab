// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// readers is how ffmpeg is told to read a kind, so that no file is taken for a
// list of other files.
var readers = map[Kind]string{
	MP4: "mov", Matroska: "matroska", WebM: "matroska", AVI: "avi", MP3: "mp3", Ogg: "ogg", WAV: "wav", FLAC: "flac", AMR: "amr",
}

// container is how ffmpeg writes a copy.
type container struct {
	name    string
	options []string
}

var writers = map[Kind]container{
	MP4:      {"mp4", []string{"-movflags", "+faststart"}},
	WebM:     {"webm", nil},
	Matroska: {"matroska", nil},
	MP3:      {"mp3", []string{"-id3v2_version", "0", "-write_xing", "0"}},
	Ogg:      {"ogg", nil},
	WAV:      {"wav", nil},
	FLAC:     {"flac", nil},
	AMR:      {"amr", nil},
}

// packed is the kind of the copy of a recording: where browsers play what is in a
// film in another package, that one is taken.
func packed(kind Kind, video, audio []string) Kind {
	if kind != Matroska && kind != AVI {
		return kind
	}
	fits := func(pictures, sounds string) bool {
		for _, x := range []struct {
			have []string
			may  string
		}{{video, pictures}, {audio, sounds}} {
			for _, codec := range x.have {
				if !slices.Contains(strings.Fields(x.may), codec) {
					return false
				}
			}
		}
		return true
	}
	switch {
	case fits("vp8 vp9 av1", "opus vorbis"):
		return WebM
	case fits("h264 hevc av1 mpeg4", "aac mp3"):
		return MP4
	}
	return Matroska
}

// recording packs sound and film anew without what the file says about itself: the
// sound and the picture are as they were, what stands inside their streams too.
func (w *work) recording(in io.Reader) error {
	program, probe := find("ffmpeg"), find("ffprobe")
	if program == "" || probe == "" {
		return &RefusedError{Code: NeedsProgram, Need: "ffmpeg"}
	}
	// Films have often at their end what one must know at their beginning, and so
	// have copies that can be wound: both lie in memory only, once.
	original, err := memoryFile("original")
	if err != nil {
		return err
	}
	defer original.Close()
	n, err := io.Copy(original, in)
	switch {
	case w.ctx.Err() != nil:
		return refuse(TooLong)
	case err != nil:
		return fmt.Errorf("the file can't be read: %w", err)
	case n > w.job.Limits.Bytes:
		return &RefusedError{Code: TooManyBytes, Most: w.job.Limits.Bytes}
	}
	kind, err := w.probed(probe, original)
	if err != nil || w.job.Do == Read {
		return err
	}
	copied, err := memoryFile("copy")
	if err != nil {
		return err
	}
	defer copied.Close()
	to := writers[kind]
	args := append(w.reading(), "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
	args = append(append(args, to.options...), "-f", to.name, "-y", target)
	if err := w.media(program, io.Discard, args, original, copied); err != nil {
		return err
	}
	if _, err := copied.Seek(0, io.SeekStart); err != nil {
		return err
	}
	written, err := io.Copy(w.out, copied)
	if err != nil {
		return err
	}
	if written == 0 {
		return refuse(Broken)
	}
	w.report.Copy = kind
	return nil
}

// Where ffmpeg reads and writes: files that are in memory only.
const (
	source = "/proc/self/fd/3"
	target = "/proc/self/fd/4"
)

func (w *work) reading() []string {
	return []string{"-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-f", readers[w.report.Kind], "-i", source}
}

// media starts ffmpeg or ffprobe over files in memory.
func (w *work) media(program string, out io.Writer, args []string, files ...*os.File) error {
	complaint := &cut{left: 4096}
	cmd := command(w.ctx, program, nil, args...)
	cmd.ExtraFiles = files
	cmd.Stdout, cmd.Stderr = out, complaint
	if err := cmd.Run(); err != nil {
		return w.failed(complaint.String(), err)
	}
	return nil
}

// probed reads what a recording says about itself, and gives the kind of its copy.
func (w *work) probed(probe string, original *os.File) (Kind, error) {
	out := &cut{left: maxBlock}
	args := []string{"-v", "error", "-protocol_whitelist", "file,pipe", "-f", readers[w.report.Kind], "-show_format", "-show_streams", "-of", "json", source}
	if err := w.media(probe, out, args, original); err != nil {
		return "", err
	}
	var found struct {
		Streams []struct {
			CodecType     string            `json:"codec_type"`
			CodecName     string            `json:"codec_name"`
			Width, Height int               `json:",omitempty"`
			Tags          map[string]string `json:"tags"`
		} `json:"streams"`
		Format struct {
			Duration string            `json:"duration"`
			Tags     map[string]string `json:"tags"`
		} `json:"format"`
	}
	if err := json.NewDecoder(bytes.NewReader(out.Bytes())).Decode(&found); err != nil || len(found.Streams) == 0 {
		return "", refuse(Broken)
	}
	w.report.fact("Recording", "Seconds", found.Format.Duration)
	w.tags("Recording", found.Format.Tags)
	codecs := map[string][]string{}
	for _, s := range found.Streams {
		if s.CodecType == "video" && w.report.Width == 0 {
			w.report.Width, w.report.Height = s.Width, s.Height
		}
		codecs[s.CodecType] = append(codecs[s.CodecType], s.CodecName)
		w.report.fact("Recording, "+s.CodecType, "Codec", s.CodecName)
		w.tags("Recording, "+s.CodecType, s.Tags)
	}
	return packed(w.report.Kind, codecs["video"], codecs["audio"]), nil
}

func (w *work) tags(where string, tags map[string]string) {
	names := make([]string, 0, len(tags))
	for name := range tags {
		names = append(names, name)
	}
	slices.SortFunc(names, strings.Compare)
	for _, name := range names {
		w.report.fact(where, name, tags[name])
	}
}
