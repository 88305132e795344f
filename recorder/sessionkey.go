package recorder

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"

	"github.com/sallyport/sallyport/access"
)

// keyFile holds the key of one encrypted recording, wrapped for the
// recipients: an age file whose text is an age identity. With it
//
//	age -d -i AUDITOR key.age > session.key
//	age -d -i session.key 0001.cast.zst.age | zstd -d
//
// gives the cast back. Deleting it makes the recording unreadable for ever.
const keyFile = "key.age"

// sessionKey opens one recording. The bastion keeps only what it needs to go
// on writing, and that in memory only: the public half for segments, and the
// symmetric keys of tail and rings, which are derived from the private half.
type sessionKey struct {
	id      access.SessionID
	to      age.Recipient // of segments
	private age.Identity  // nil but for who unwrapped it
	frames  cipher.AEAD   // of tail.enc
	ring    cipher.Block  // of the ends of streams beyond the limit
}

// newSessionKey makes a key and gives it wrapped, as key.age holds it.
func newSessionKey(id access.SessionID, to Recipients) (*sessionKey, []byte, error) {
	made, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, nil, err
	}
	var wrapped bytes.Buffer
	w, err := age.Encrypt(&wrapped, to...)
	if err != nil {
		return nil, nil, err
	}
	if _, err := fmt.Fprintf(w, "# session key of the recording %s\n%s\n", id, made); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	k, err := deriveKey(id, made)
	if err != nil {
		return nil, nil, err
	}
	k.private = nil
	return k, wrapped.Bytes(), nil
}

func deriveKey(id access.SessionID, private *age.X25519Identity) (*sessionKey, error) {
	block := func(use string) (cipher.Block, error) {
		key, err := hkdf.Key(sha256.New, []byte(private.String()), []byte(id), "sallyport "+use+" 1", 32)
		if err != nil {
			return nil, err
		}
		return aes.NewCipher(key)
	}
	tail, err1 := block("tail")
	ring, err2 := block("ring")
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	frames, err := cipher.NewGCM(tail)
	return &sessionKey{id: id, to: private.Recipient(), private: private, frames: frames, ring: ring}, err
}

// maxKeyFile bounds key.age: some 200 bytes a recipient, 600 with RSA.
const maxKeyFile = 1 << 20

// unwrapKey opens key.age of a folder, of the recording id.
func unwrapKey(dir string, id access.SessionID, with Identities) (*sessionKey, error) {
	f, err := openRegular(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := age.Decrypt(io.LimitReader(f, maxKeyFile), with...)
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, errors.New("the recording is encrypted for others than this identity")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	ids, err := age.ParseIdentities(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	private, ok := ids[0].(*age.X25519Identity)
	if !ok || len(ids) != 1 {
		return nil, fmt.Errorf("%s: not the key of one recording", keyFile)
	}
	return deriveKey(id, private)
}

// ErrEncrypted says that a recording is encrypted for its recipients, and
// that nobody else, the bastion included, can read it. It is an
// [*access.Error], fit for the person.
var ErrEncrypted error = access.Refuse(access.ReasonRecording, "the recording is encrypted for its recipients",
	"Export it, and open it where your key is: sallyport replay FOLDER --identity KEY")

// IsEncrypted reports whether a folder is that of an encrypted recording.
func IsEncrypted(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, keyFile))
	return err == nil
}
