// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorsFile = "testdata/vectors.json"

// vectors are the test vectors of docs/spec/ledger.md for what this package does.
type vectors struct {
	Comment string         `json:"comment"`
	Padded  map[int]int    `json:"padded"` // length → padded length
	Part    map[string]any `json:"part"`
	Wrapped map[string]any `json:"wrapped"`
	KeyFile map[string]any `json:"key_file"`
}

func TestVectorsGolden(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	get := func(m map[string]any, name string) []byte {
		t.Helper()
		b, err := hex.DecodeString(m[name].(string))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for n, want := range v.Padded {
		if PaddedLen(n) != want {
			t.Errorf("%d is padded to %d, not %d", n, PaddedLen(n), want)
		}
	}
	plain, err := new(Parts).Open(Key(get(v.Part, "key")), FactPart, get(v.Part, "header"), get(v.Part, "sealed"))
	if err != nil || !bytes.Equal(plain, get(v.Part, "plain")) {
		t.Errorf("part: %x, %v", plain, err)
	}
	vault := &Vault{[16]byte(get(v.Wrapped, "vault")), Key(get(v.Wrapped, "vault_key"))}
	key, err := vault.UnwrapCaseKey([16]byte(get(v.Wrapped, "stream")), IdentityPart, uint32(v.Wrapped["epoch"].(float64)), get(v.Wrapped, "wrapped"))
	if err != nil || !bytes.Equal(key[:], get(v.Wrapped, "key")) {
		t.Errorf("wrapped: %v", err)
	}
	file, err := json.Marshal(v.KeyFile["file"])
	if err != nil {
		t.Fatal(err)
	}
	locked, err := DecodeLocked(file)
	if err != nil {
		t.Fatal(err)
	}
	o, err := locked.OpenPassphrase(v.KeyFile["passphrase"].(string), cheap())
	if err != nil {
		t.Fatal(err)
	}
	id := o.Identity.ID()
	if !bytes.Equal(o.Identity.sign.Seed(), get(v.KeyFile, "signing_seed")) || o.Identity.age.String() != v.KeyFile["age_identity"] ||
		!bytes.Equal(id[:], get(v.KeyFile, "id")) {
		t.Error("the key file opened to something else")
	}
}

func writeVectors(t *testing.T) {
	t.Helper()
	v := vectors{Comment: "Test vectors of docs/spec/ledger.md. The keys are for nothing else.", Padded: map[int]int{}}
	for _, n := range []int{0, 511, 512, 1000, 1023, 1024, 9999, 65535, 1 << 20, MaxPlain} {
		v.Padded[n] = PaddedLen(n)
	}
	text := func(b []byte) string { return hex.EncodeToString(b) }
	key, header := NewKey(), []byte("a header")
	sealed, err := new(Parts).Seal(nil, key, FactPart, header, []byte("plain text"))
	if err != nil {
		t.Fatal(err)
	}
	v.Part = map[string]any{"key": text(key[:]), "part": "fact", "header": text(header), "plain": text([]byte("plain text")), "sealed": text(sealed)}
	vault, stream := NewVault(), [16]byte{1, 2, 3}
	wrapped, err := vault.WrapCaseKey(stream, IdentityPart, 7, key)
	if err != nil {
		t.Fatal(err)
	}
	v.Wrapped = map[string]any{"vault": text(vault.id[:]), "vault_key": text(vault.key[:]), "stream": text(stream[:]), "part": "identity", "epoch": 7, "key": text(key[:]), "wrapped": text(wrapped)}
	id := newIdentityT(t)
	locked, err := LockPassphrase(id, "member", "куә witness", cheap())
	if err != nil {
		t.Fatal(err)
	}
	file, err := locked.Encode()
	if err != nil {
		t.Fatal(err)
	}
	name := id.ID()
	v.KeyFile = map[string]any{"file": json.RawMessage(file), "passphrase": "куә witness", "id": text(name[:]), "signing_seed": text(id.sign.Seed()), "age_identity": id.age.String()}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
