// SPDX-License-Identifier: AGPL-3.0-or-later

package submission

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"filippo.io/age"
	"pgregory.net/rapid"
)

func identity(t testing.TB) *age.HybridIdentity {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// drawn is a message as people write: each field or none, in any letters.
func drawn(t *rapid.T, answers string) Message {
	text := func(name string) string {
		return rapid.OneOf(rapid.Just(""), rapid.String(), rapid.StringMatching(`[А-яәғқңөұүһі ",<&>\\]{0,40}`)).Draw(t, name)
	}
	m := Message{
		Format: 1, Language: rapid.SampledFrom([]string{"en", "ru", "kk"}).Draw(t, "language"),
		Told: text("told"), Who: text("who"), Where: text("where"), When: text("when"), By: text("by"), Mark: rapid.SampledFrom([]string{"", "00112233445566778899aabbccddeeff"}).Draw(t, "mark"),
		Wish: text("wish"), Contact: text("contact"), Answers: answers,
		Consents: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"store", "un", "statistics"}), 0, 3, rapid.ID).Draw(t, "consents"),
	}
	if len(m.Consents) == 0 {
		m.Consents = nil
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "files") {
		n := rapid.Int64Range(0, MaxFile).Draw(t, "bytes")
		sum := sha256.Sum256([]byte{byte(i)})
		m.Files = append(m.Files, File{
			Name: FileName(rapid.String().Draw(t, "name")), Type: "image/jpeg", Bytes: n,
			Upload: NewUpload(), Pieces: PiecesOf(n), SHA256: hex.EncodeToString(sum[:]),
		})
	}
	if rapid.Bool().Draw(t, "by a member") {
		said := rapid.SampledFrom([]string{"", "yes", "no", "unknown"})
		m.Format, m.Answers, m.Conversation = 2, "", &Conversation{
			Day: rapid.SampledFrom([]string{"2026-11-27", "2024-02-29"}).Draw(t, "day"), Speaker: rapid.SampledFrom([]string{"", "relative"}).Draw(t, "speaker"),
			Known: text("known"), Complaint: said.Draw(t, "complaint"), Registered: said.Draw(t, "registered"), Examined: said.Draw(t, "examined"), State: text("state"),
		}
	}
	return m
}

func TestMessageComesBack(t *testing.T) {
	id, other := identity(t), identity(t)
	rapid.Check(t, func(t *rapid.T) {
		m := drawn(t, id.Recipient().String())
		sealed, err := Seal([]age.Recipient{id.Recipient()}, m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Open(id, sealed)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, m)
		}
		if _, err := Open(other, sealed); !errors.Is(err, ErrOpen) {
			t.Fatalf("opened with another identity: %v", err)
		}
		sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1
		if _, err := Open(id, sealed); !errors.Is(err, ErrOpen) {
			t.Fatalf("opened after it was changed: %v", err)
		}
	})
}

// TestLengthsTellLittle: a word and a page of text are sealed as long.
func TestLengthsTellLittle(t *testing.T) {
	to := []age.Recipient{identity(t).Recipient()}
	var lengths []int
	for _, n := range []int{1, 3000} {
		sealed, err := Seal(to, Message{Format: 1, Language: "en", Told: strings.Repeat("a", n)})
		if err != nil {
			t.Fatal(err)
		}
		piece, err := SealPiece(to, make([]byte, n))
		if err != nil {
			t.Fatal(err)
		}
		lengths = append(lengths, len(sealed), len(piece))
	}
	if lengths[0] != lengths[2] || lengths[1] != lengths[3] {
		t.Errorf("lengths of a message and a piece, short and long: %v", lengths)
	}
}

func TestPieceComesBack(t *testing.T) {
	id := identity(t)
	for _, n := range []int{0, 1, pieceRow, pieceRow + 1, PieceBytes} {
		plain := bytes.Repeat([]byte{7}, n)
		f := File{Bytes: int64(n), Pieces: 1}
		sealed, err := SealPiece([]age.Recipient{id.Recipient()}, plain)
		if err != nil || len(sealed) > MaxPiece {
			t.Fatalf("%d bytes, %d of them sealed: %v", n, len(sealed), err)
		}
		if got, err := OpenPiece(id, f, 0, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %d came back (%v)", n, len(got), err)
		}
	}
	if _, err := SealPiece([]age.Recipient{id.Recipient()}, make([]byte, PieceBytes+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long a piece: %v", err)
	}
}

func TestReadIsStrict(t *testing.T) {
	file := `{"name":"a","bytes":5,"upload":"` + strings.Repeat("a", 32) + `","pieces":1,"sha256":"` + strings.Repeat("0", 64) + `"}`
	for text, good := range map[string]bool{
		`{"format":1,"language":"kk"}`:                        true,
		`{"format":1,"language":"kk"}   ` + "\n":              true,
		`{"format":1,"language":"en","files":[` + file + `]}`: true,
		``:                                      false,
		`null`:                                  false,
		`[]`:                                    false,
		`{"format":2,"language":"en"}`:          false,
		`{"format":1,"language":"fr"}`:          false,
		`{"format":1,"language":"en","more":1}`: false,
		`{"format":1,"language":"en","told":"a","told":"b"}`:                                       false,
		`{"format":1,"language":"en","Told":"a"}`:                                                  false,
		`{"format":1,"language":"en","told":null}`:                                                 false,
		`{"format":1,"language":"en"}{}`:                                                           false,
		`{"format":1,"language":"en","consents":["un","un"]}`:                                      false,
		`{"format":1,"language":"en","consents":["../un"]}`:                                        false,
		`{"format":1,"language":"en","answers":"age1abc"}`:                                         false,
		`{"format":1,"language":"en","files":[` + file + `,` + file + `]}`:                         false,
		`{"format":1,"language":"en","files":[` + strings.Replace(file, `"a"`, `"../a"`, 1) + `]}`: false,
		`{"format":1,"language":"en","files":[` + strings.Replace(file, `:1,`, `:2,`, 1) + `]}`:    false,
		"{\"format\":1,\"language\":\"en\",\"told\":\"\xff\"}":                                     false,
	} {
		if _, err := Read([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Write(Message{Format: 1, Language: "en", Told: strings.Repeat("a", MaxText+1)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long a text: %v", err)
	}
}

func TestFileName(t *testing.T) {
	for given, want := range map[string]string{
		"фото.jpg": "фото.jpg", `C:\Users\a\b.png`: "b.png", "../../etc/passwd": "passwd", "": "file", "..": "file",
		"a\u202egpj.exe": "agpj.exe", "a\x00b": "ab", strings.Repeat("ы", 200) + ".pdf": strings.Repeat("ы", 125) + ".pdf",
	} {
		if got := FileName(given); got != want || FileName(got) != got {
			t.Errorf("%q: %q, and then %q", given, got, FileName(got))
		}
	}
}

func TestRecipientsAreHybrid(t *testing.T) {
	x, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Recipients(x.Recipient().String()); err == nil {
		t.Error("a key that a quantum computer breaks was taken")
	}
	if _, err := Recipients(); err == nil {
		t.Error("nobody was taken")
	}
	if all, err := Recipients(identity(t).Recipient().String()); err != nil || len(all) != 1 {
		t.Errorf("%d: %v", len(all), err)
	}
}

func readAll(b []byte) (text string, err error) {
	message, err := ReadFile(bytes.NewReader(b),
		func(h Head) error { text += fmt.Sprintf("%x %s", h.Door, h.Answers); return nil },
		func(u [16]byte, n int, sealed []byte) error {
			text += fmt.Sprintf(" %x %d %q", u, n, sealed)
			return nil
		})
	return text + fmt.Sprintf(" %q", message), err
}

func TestFileComesBackWholeOrNotAtAll(t *testing.T) {
	answers := identity(t).Recipient().String()
	rapid.Check(t, func(t *rapid.T) {
		h := Head{Door: [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "door")), Answers: answers}
		var out bytes.Buffer
		w, err := WriteFile(&out, h)
		want := fmt.Sprintf("%x %s", h.Door, h.Answers)
		for range rapid.IntRange(0, 4).Draw(t, "pieces") {
			u := [16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "upload"))
			n := rapid.IntRange(0, MaxPieces-1).Draw(t, "n")
			b := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "piece")
			err = errors.Join(err, w.Piece(u, n, b))
			want += fmt.Sprintf(" %x %d %q", u, n, b)
		}
		m := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "message")
		if err := errors.Join(err, w.Message(m)); err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(out.Bytes()); err != nil || got != want+fmt.Sprintf(" %q", m) {
			t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
		}
		if _, err := readAll(out.Bytes()[:rapid.IntRange(0, out.Len()-1).Draw(t, "cut")]); !errors.Is(err, ErrFile) {
			t.Fatalf("cut off, and taken: %v", err)
		}
		if _, err := readAll(append(out.Bytes(), 0)); !errors.Is(err, ErrFile) {
			t.Fatalf("something stands after it, and it was taken: %v", err)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"format":1,"language":"kk","told":"мен","consents":["un"]}`))
	f.Add([]byte(`{"format":2,"language":"ru","told":"a","conversation":{"day":"2026-11-27","speaker":"witness","known":"b","complaint":"no","state":"c"}}`))
	f.Add([]byte(`{"format":1,"language":"en","files":[{"name":"a","bytes":5,"upload":"00","pieces":1,"sha256":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if err != nil {
			return
		}
		again, err := Write(m)
		if errors.Is(err, ErrTooLong) {
			return
		}
		if err != nil {
			t.Fatalf("read, and can't be written: %v", err)
		}
		got, err := Read(again)
		if once, same := Write(got); err != nil || same != nil || !bytes.Equal(once, again) {
			t.Errorf("%v: %+v became %+v", err, m, got)
		}
	})
}

func FuzzReadFile(f *testing.F) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		f.Fatal(err)
	}
	var out bytes.Buffer
	w, err := WriteFile(&out, Head{Answers: id.Recipient().String()})
	if err := errors.Join(err, w.Piece([16]byte{1}, 0, []byte("p")), w.Message([]byte("m"))); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add([]byte(magic + "\xff\xff\xff\xff"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = ReadFile(bytes.NewReader(b), func(Head) error { return nil },
			func(_ [16]byte, _ int, sealed []byte) error { _, err := io.Discard.Write(sealed); return err })
	})
}

func TestAnswersOpenWithTheirSeedAlone(t *testing.T) {
	id, err := AnswersIdentity([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	to, err := Recipients(id.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal(to, Message{Format: 1, Language: "ru", Told: "ответ"})
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Open(id, sealed); err != nil || m.Told != "ответ" {
		t.Errorf("%+v: %v", m, err)
	}
	other, err := AnswersIdentity([32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("opened with the seed of another receipt: %v", err)
	}
}

// TestConversationIsReadStrictly: a format says what is in it, and nothing else
// is taken for an answer.
func TestConversationIsReadStrictly(t *testing.T) {
	for text, good := range map[string]bool{
		`{"format":2,"language":"kk","told":"a","conversation":{"day":"2026-11-27"}}`:                       true,
		`{"format":2,"language":"kk","conversation":{"day":"2026-11-27","state":"a"}}`:                      true,
		`{"format":1,"language":"kk","told":"a","conversation":{"day":"2026-11-27"}}`:                       false,
		`{"format":2,"language":"kk","told":"a"}`:                                                           false,
		`{"format":3,"language":"kk","told":"a","conversation":{"day":"2026-11-27"}}`:                       false,
		`{"format":2,"language":"kk","told":"a","conversation":{}}`:                                         false,
		`{"format":2,"language":"kk","told":"a","conversation":null}`:                                       false,
		`{"format":2,"language":"kk","told":"a","conversation":{"day":"2026-02-30"}}`:                       false,
		`{"format":2,"language":"kk","told":"a","conversation":{"day":"2026-11-27","speaker":"<b>"}}`:       false,
		`{"format":2,"language":"kk","told":"a","conversation":{"day":"2026-11-27","complaint":"perhaps"}}`: false,
		`{"format":2,"language":"kk","told":"a","conversation":{"day":"2026-11-27","phone":"x"}}`:           false,
		`{"format":2,"language":"kk","told":"a","conversation":{"day":"2026-11-27","Day":"2026-11-28"}}`:    false,
	} {
		if _, err := Read([]byte(text)); (err == nil) != good {
			t.Errorf("%s: %v", text, err)
		}
	}
}
