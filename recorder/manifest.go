package recorder

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
)

// Manifest says what a recording consists of. The file is one JSON object
// whose last line is the signature: ed25519 by Key over all bytes before that
// line. Its own SHA-256, all bytes, is what the bastion's next manifest has
// as Previous, so that a recording cannot vanish from between two others.
type Manifest struct {
	Type      string         `json:"sallyport"` // "manifest"
	Version   int            `json:"version"`
	Session   Facts          `json:"session"`
	Counts    Counts         `json:"counts"`
	Files     []FileDigest   `json:"files"`
	Streams   []StreamDigest `json:"streams,omitempty"` // of a session without a terminal
	Blocks    uint64         `json:"blocks"`
	Chain     string         `json:"chain"` // the last one of session.idx
	Failure   string         `json:"failure,omitempty"`
	Gaps      []Gap          `json:"gaps,omitempty"`
	Recovery  *Recovery      `json:"recovery,omitempty"`
	BastionID string         `json:"bastion"`
	Sequence  uint64         `json:"sequence"` // 1, 2, … per bastion
	Previous  string         `json:"previous"` // digest of the manifest before it; zeros for the first
	Key       string         `json:"key"`
	// Keys are the one that signed, last, and before it each that endorsed the
	// next: who trusts any of them can trust that one. Left out without any
	// rotation.
	Keys []PublicKey `json:"keys,omitempty"`
}

// FileDigest is a file of the recording, whole.
type FileDigest struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// StreamDigest tells of all bytes that passed in one direction. Beyond
// Recorded only the digest and the last MiB (NAME.tail) tell of them.
type StreamDigest struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`
	Recorded int64  `json:"recorded"`
	// SHA256 of the first Hashed bytes; fewer than Bytes after a crash only.
	SHA256   string `json:"sha256,omitempty"`
	Hashed   int64  `json:"hashed"`
	TailFrom int64  `json:"tail_from,omitempty"` // offset in the stream at which NAME.tail begins
}

const (
	manifestType    = "manifest"
	manifestVersion = 1
	maxManifest     = 1 << 20 // bytes
	signatureKey    = `"signature":"`
	signatureEnd    = `"}` + "\n"
)

// encode gives the file, signed.
func (m *Manifest) encode(k *Keyring) ([]byte, error) {
	m.Type, m.Version = manifestType, manifestVersion
	var key ed25519.PrivateKey
	m.Key, key, m.Keys = k.signer()
	return signDocument(m, key)
}

// signDocument gives v as a file whose last line is the signature.
func signDocument(v any, key ed25519.PrivateKey) ([]byte, error) {
	body, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return nil, err
	}
	body = append(bytes.TrimSuffix(body, []byte("\n}")), ",\n"...)
	sig := ed25519.Sign(key, body)
	body = append(body, signatureKey...)
	body = base64.StdEncoding.AppendEncode(body, sig)
	body = append(body, signatureEnd...)
	if len(body) > maxManifest {
		return nil, fmt.Errorf("manifest of %d bytes: at most %d", len(body), maxManifest)
	}
	return body, nil
}

// parseManifest reads a manifest. Signed is what the signature is over; the
// signature has exactly one form, so that no byte of the file can differ.
func parseManifest(data []byte) (m Manifest, signed, sig []byte, err error) {
	if err := json.Unmarshal(data, &m); err != nil {
		return m, nil, nil, err
	}
	if m.Type != manifestType || m.Version != manifestVersion {
		return m, nil, nil, errors.New("not a manifest of version 1")
	}
	signed, sig, err = splitSignature(data)
	return m, signed, sig, err
}

// splitSignature takes a signed file apart.
func splitSignature(data []byte) (signed, sig []byte, err error) {
	i := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n') + 1
	signed, last := data[:i], data[i:]
	text := bytes.TrimSuffix(bytes.TrimPrefix(last, []byte(signatureKey)), []byte(signatureEnd))
	sig, err = base64.StdEncoding.Strict().DecodeString(string(text))
	if err == nil && string(last) != signatureKey+base64.StdEncoding.EncodeToString(sig)+signatureEnd {
		err = errors.New("the last line is not a signature")
	}
	return signed, sig, err
}

// ReadManifest reads the manifest of a sealed recording without verifying
// anything; see [Verify].
func ReadManifest(dir string) (Manifest, error) {
	data, err := readManifestFile(dir)
	if err != nil {
		return Manifest{}, err
	}
	m, _, _, err := parseManifest(data)
	return m, err
}

// verifySignature reports what is wrong with a manifest's signature.
func (m *Manifest) verifySignature(signed, sig []byte, trust Trust) error {
	return verifySigned(m.Key, m.Keys, signed, sig, trust)
}

// verifySigned reports what is wrong with the signature of a file that names
// its key, and the chain of endorsements to it.
func verifySigned(id string, chain []PublicKey, signed, sig []byte, trust Trust) error {
	key, ok := trust[id]
	if !ok && len(chain) > 0 {
		extended := maps.Clone(trust)
		extended.Endorse(chain)
		key, ok = extended[id]
	}
	if !ok {
		return fmt.Errorf("signed by %q, which is not a trusted key", id)
	}
	if !ed25519.Verify(key, signed, sig) {
		return errors.New("the signature does not fit")
	}
	return nil
}

// errOversize says that a file is longer than any of its kind.
var errOversize = errors.New("the file is too long")

// readManifestFile reads the manifest of a folder as it is stored.
func readManifestFile(dir string) ([]byte, error) {
	f, err := openRegular(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(data) > maxManifest {
		err = errOversize
	}
	return data, errors.Join(err, f.Close())
}
