// SPDX-License-Identifier: AGPL-3.0-or-later

package safecopy

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
)

// container is how ffmpeg is told to read a kind and write its copy. The reader is
// named so that no file is taken for a list of other files.
type container struct {
	read, write string
	copy        Kind
	options     []string
}

var containers = map[Kind]container{
	MP4:      {"mov", "mp4", MP4, []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof"}},
	Matroska: {"matroska", "matroska", Matroska, nil},
	AVI:      {"avi", "matroska", Matroska, nil},
	MP3:      {"mp3", "mp3", MP3, []string{"-id3v2_version", "0", "-write_xing", "0"}},
	Ogg:      {"ogg", "ogg", Ogg, nil},
	WAV:      {"wav", "wav", WAV, nil},
	FLAC:     {"flac", "flac", FLAC, nil},
	AMR:      {"amr", "amr", AMR, nil},
}

// recording packs sound and film anew without what the file says about itself: the
// sound and the picture are as they were, what stands inside their streams too.
func (w *work) recording(data []byte) error {
	program, probe := find("ffmpeg"), find("ffprobe")
	if program == "" || probe == "" {
		return &RefusedError{Code: NeedsProgram, Need: "ffmpeg"}
	}
	c := containers[w.report.Kind]
	if err := w.probed(probe, c, data); err != nil {
		return err
	}
	if w.job.Do == Read {
		return nil
	}
	args := append(reading(c), "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact")
	args = append(append(args, c.options...), "-f", c.write, "pipe:1")
	complaint := &cut{left: 4096}
	written := &counted{to: w.out}
	if err := w.media(program, data, written, complaint, args); err != nil {
		return err
	}
	if written.n == 0 {
		return refuse(Broken)
	}
	w.report.Copy = c.copy
	return nil
}

// source is where ffmpeg reads: a file that is in memory only, as films often have
// at their end what one must know at their beginning.
const source = "/proc/self/fd/3"

func reading(c container) []string {
	args := []string{"-v", "error", "-nostdin", "-protocol_whitelist", "file,pipe", "-f", c.read, "-i", source}
	return args
}

// media starts ffmpeg or ffprobe over a file.
func (w *work) media(program string, data []byte, out io.Writer, complaint *cut, args []string) error {
	file, err := memoryFile(data)
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := command(w.ctx, program, nil, args...)
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stdout, cmd.Stderr = out, complaint
	if err := cmd.Run(); err != nil {
		return w.failed(complaint.String(), err)
	}
	return nil
}

// probed reads what a recording says about itself.
func (w *work) probed(probe string, c container, data []byte) error {
	out, complaint := &cut{left: maxBlock}, &cut{left: 4096}
	args := []string{"-v", "error", "-protocol_whitelist", "file,pipe", "-f", c.read, "-show_format", "-show_streams", "-of", "json", source}
	if err := w.media(probe, data, out, complaint, args); err != nil {
		return err
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
		return refuse(Broken)
	}
	w.report.fact("Recording", "Seconds", found.Format.Duration)
	w.tags("Recording", found.Format.Tags)
	for _, s := range found.Streams {
		if s.CodecType == "video" && w.report.Width == 0 {
			w.report.Width, w.report.Height = s.Width, s.Height
		}
		w.report.fact("Recording, "+s.CodecType, "Codec", s.CodecName)
		w.tags("Recording, "+s.CodecType, s.Tags)
	}
	return nil
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

type counted struct {
	to io.Writer
	n  int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	return n, err
}
