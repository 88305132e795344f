package certs

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// maxKeyFile bounds what is read as a private key. The largest real ones, RSA
// of 16384 bits, have some 13 KiB.
const maxKeyFile = 64 << 10

// The keys of the data directory, below keys/.
const (
	hostKeyFile = "host_ed25519"
	hostCAFile  = "host_ca_ed25519"
	userCAFile  = "user_ca_ed25519"
)

// HostKeys loads the bastion's own host keys from files, or, without any,
// loads or generates an ed25519 key in dir, the keys directory. Of two keys of
// one type SSH could show only one, so that is an error.
func HostKeys(files []string, dir string) ([]ssh.Signer, error) {
	if len(files) == 0 {
		key, err := loadOrCreate(filepath.Join(dir, hostKeyFile), "sallyport host key")
		if err != nil {
			return nil, err
		}
		return []ssh.Signer{key}, nil
	}
	var keys []ssh.Signer
	for _, file := range files {
		key, err := LoadKey(file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if i, j := SameType(keys); j > 0 {
		return nil, fmt.Errorf("%s and %s are both of the type %s, of which a server shows one key only: take one out", files[i], files[j], keys[j].PublicKey().Type())
	}
	return keys, nil
}

// SameType finds the first two keys of one type: client and server agree on an
// algorithm, not on a key (RFC 4253, section 7.1). j is 0 when there are none;
// keys may hold nil.
func SameType(keys []ssh.Signer) (i, j int) {
	first := map[string]int{}
	for j, key := range keys {
		if key == nil {
			continue
		}
		kind := key.PublicKey().Type()
		if i, ok := first[kind]; ok {
			return i, j
		}
		first[kind] = j
	}
	return 0, 0
}

// LoadKey reads an unencrypted private key in any form ssh-keygen writes. It
// refuses a file that others than its owner may read or write, as ssh does.
// RSA keys sign with SHA-2 only; DSA keys are refused.
func LoadKey(file string) (ssh.Signer, error) {
	data, err := readPrivate(file)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(data)
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		return nil, fmt.Errorf("%s: the key has a passphrase; a server needs one without", file)
	case err != nil:
		return nil, fmt.Errorf("%s: no private key: %w", file, err)
	}
	switch key.PublicKey().Type() {
	case algoDSA:
		return nil, fmt.Errorf("%s: DSA keys are not secure; make an ed25519 key", file)
	case ssh.KeyAlgoRSA:
		signer, ok := key.(ssh.AlgorithmSigner)
		if !ok {
			return nil, fmt.Errorf("%s: this RSA key cannot sign with SHA-2", file)
		}
		return ssh.NewSignerWithAlgorithms(signer, []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256})
	}
	return key, nil
}

// readPrivate reads a regular file that only its owner may open. The checks
// are on the open file, so that nobody can exchange it in between.
func readPrivate(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", file)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s: others may open this private key (mode %04o); run chmod 600", file, info.Mode().Perm())
	case info.Size() > maxKeyFile:
		return nil, fmt.Errorf("%s: too large for a private key", file)
	}
	return io.ReadAll(io.LimitReader(f, maxKeyFile))
}

// loadOrCreate loads an ed25519 key or generates it. Of two processes that
// generate at once one wins and both use its key.
func loadOrCreate(file, comment string) (ssh.Signer, error) {
	key, err := LoadKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("%s: making a key: %w", file, err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, fmt.Errorf("%s: making a key: %w", file, err)
	}
	if err := createPrivate(file, pem.EncodeToMemory(block)); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s: keeping a new key: %w", file, err)
	}
	return LoadKey(file)
}

// createPrivate writes a file of mode 0600 that appears whole and on disk or
// not at all, and never replaces another: a lost host key or CA is noticed by
// everyone who pinned it.
func createPrivate(file string, data []byte) error {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	// Unlike a rename, a link fails when the name is taken.
	if err := os.Link(f.Name(), file); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes new names in dir survive a power failure.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
