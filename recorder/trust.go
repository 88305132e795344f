package recorder

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// PublicKey is a key that signs manifests, as it lies beside the private one
// and in trust files: one line of JSON.
type PublicKey struct {
	Type      string            `json:"sallyport"` // "recording-key"
	ID        string            `json:"id"`        // begins SHA-256 of the key
	Key       ed25519.PublicKey `json:"key"`       // base64 of its 32 bytes
	CreatedAt time.Time         `json:"created_at"`
	SignedBy  string            `json:"signed_by,omitempty"` // ID of the key before it
	// Signature of that key over the same line without this member.
	Signature []byte `json:"signature,omitempty"`
}

const publicKeyType = "recording-key"

// signed is what an endorsement signs.
func (p PublicKey) signed() ([]byte, error) {
	p.Signature = nil
	return json.Marshal(p)
}

// encode gives the line, endorsed by signer unless that is nil.
func (p PublicKey) encode(signer ed25519.PrivateKey) ([]byte, error) {
	p.Type = publicKeyType
	if signer != nil {
		data, err := p.signed()
		if err != nil {
			return nil, err
		}
		p.Signature = ed25519.Sign(signer, data)
	}
	line, err := json.Marshal(p)
	return append(line, '\n'), err
}

func parsePublicKey(line []byte) (PublicKey, error) {
	var p PublicKey
	if err := json.Unmarshal(line, &p); err != nil {
		return p, err
	}
	if p.Type != publicKeyType || len(p.Key) != ed25519.PublicKeySize || p.ID != keyID(p.Key) {
		return p, errors.New("not a public key of recordings")
	}
	return p, nil
}

// Trust is the set of keys that may sign manifests, by ID. Whoever verifies
// must have it from elsewhere than from beside the recordings.
type Trust map[string]ed25519.PublicKey

// Trust holds all keys of k, past ones included.
func (k *Keyring) Trust() Trust {
	t := Trust{}
	for _, p := range k.Public() {
		t[p.ID] = p.Key
	}
	return t
}

// ExportTrust gives the public keys as a trust file, for [ParseTrust].
func (k *Keyring) ExportTrust() ([]byte, error) {
	var out []byte
	for _, p := range k.Public() {
		line, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		out = append(append(out, line...), '\n')
	}
	return out, nil
}

// ParseTrust reads a trust file: lines as in recording-KEYID.pub. All its keys
// are trusted, because the file is. Blank lines and those that begin with #
// are skipped.
func ParseTrust(data []byte) (Trust, error) {
	t := Trust{}
	for i, line := range bytes.Split(data, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		p, err := parsePublicKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		t[p.ID] = p.Key
	}
	if len(t) == 0 {
		return nil, errors.New("no public key of recordings in it")
	}
	return t, nil
}

// Endorse adds to t the keys that a trusted one endorsed, directly or not,
// whatever their order. It returns how many it added.
func (t Trust) Endorse(keys []PublicKey) (added int) {
	for again := true; again; {
		again = false
		for _, p := range keys {
			by, ok := t[p.SignedBy]
			if _, known := t[p.ID]; known || !ok {
				continue
			}
			data, err := p.signed()
			if err == nil && ed25519.Verify(by, data, p.Signature) {
				t[p.ID] = p.Key
				added, again = added+1, true
			}
		}
	}
	return added
}
