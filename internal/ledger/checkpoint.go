// SPDX-License-Identifier: AGPL-3.0-or-later

package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/kua-registry/kua/internal/seal"
)

// A checkpoint is a C2SP signed note of three lines: origin, size, root.

const originPrefix = "kua/ledger/"

func originOf(ledger ID) string { return originPrefix + ledger.String() }

// noteSigner signs notes in the name of a ledger. It implements note.Signer.
type noteSigner struct {
	note.Verifier
	id *seal.Identity
}

func (s noteSigner) Sign(message []byte) ([]byte, error) { return s.id.Sign(message), nil }

// CheckpointVerifier verifies the checkpoints of a ledger that key signs.
func CheckpointVerifier(ledger ID, key ed25519.PublicKey) (note.Verifier, error) {
	text, err := note.NewEd25519VerifierKey(originOf(ledger), key)
	if err != nil {
		return nil, err
	}
	return note.NewVerifier(text)
}

// StatementKey is the key by which statements of a ledger are verified, as
// C2SP signed notes write it. It is the key of the checkpoints under a name of
// its own: no statement can be taken for a checkpoint.
func StatementKey(ledger ID, key ed25519.PublicKey) (string, error) {
	return note.NewEd25519VerifierKey("kua/statement/"+ledger.String(), key)
}

// SignStatement signs the text of a statement's manifest.
func SignStatement(ledger ID, id *seal.Identity, text string) ([]byte, error) {
	key, err := StatementKey(ledger, id.Public().Signing())
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: text}, noteSigner{verifier, id})
}

// BundleSigner signs what is handed over in bundles with the key of the
// checkpoints, under a name of its own: no bundle can be taken for a checkpoint.
func BundleSigner(ledger ID, id *seal.Identity) (note.Signer, error) {
	key, err := note.NewEd25519VerifierKey("kua/bundle/"+ledger.String(), id.Public().Signing())
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	return noteSigner{verifier, id}, nil
}

func checkpointText(ledger ID, size uint64, root Hash) string {
	return fmt.Sprintf("%s\n%d\n%s\n", originOf(ledger), size, base64.StdEncoding.EncodeToString(root[:]))
}

// ParseCheckpoint reads a checkpoint and checks that key signed it.
func ParseCheckpoint(checkpoint []byte, key ed25519.PublicKey) (Head, error) {
	bad := func(err error) (Head, error) { return Head{}, fmt.Errorf("the checkpoint: %w", err) }
	origin, _, _ := strings.Cut(string(checkpoint), "\n")
	hex, ok := strings.CutPrefix(origin, originPrefix)
	ledger, err := ParseID(hex)
	if !ok || err != nil || ledger.String() != hex {
		return bad(ErrFormat)
	}
	verifier, err := CheckpointVerifier(ledger, key)
	if err != nil {
		return bad(err)
	}
	n, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return bad(fmt.Errorf("%w (%w)", ErrAuthor, err))
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 {
		return bad(ErrFormat)
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil {
		return bad(ErrFormat)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) {
		return bad(ErrFormat)
	}
	if n.Text != checkpointText(ledger, size, Hash(root)) { // one text for one head
		return bad(ErrFormat)
	}
	return Head{Ledger: ledger, Size: size, Root: Hash(root), Checkpoint: checkpoint}, nil
}
