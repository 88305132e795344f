package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"
)

// Recipients are those for whom recordings are encrypted: each of them alone
// can read all of it, and the bastion cannot.
type Recipients []age.Recipient

// ParseRecipient reads a public key: age1…, ssh-ed25519 or ssh-rsa of at least
// 2048 bits. Others are refused: a plugin's needs a program beside the
// bastion, and to other SSH keys nothing can be encrypted.
func ParseRecipient(key string) (age.Recipient, error) {
	key = strings.TrimSpace(key)
	kind, _, _ := strings.Cut(key, " ")
	switch {
	case strings.HasPrefix(key, "AGE-SECRET-KEY-"), strings.Contains(key, "PRIVATE KEY"):
		return nil, errors.New("is a private key: only its public half belongs here")
	case strings.HasPrefix(key, "age1"):
		r, err := age.ParseX25519Recipient(key)
		if err != nil {
			return nil, errors.New("is no age public key (age1…, X25519)")
		}
		return r, nil
	case kind == ssh.KeyAlgoED25519, kind == ssh.KeyAlgoRSA:
		r, err := agessh.ParseRecipient(key)
		if err != nil {
			return nil, fmt.Errorf("is no usable %s key: %w", kind, err)
		}
		return r, nil
	}
	return nil, errors.New("is no public key that recordings can be encrypted for: age1…, ssh-ed25519 or ssh-rsa")
}

// Identities are private keys of recipients, on an auditor's machine.
type Identities []age.Identity

// ParseIdentities reads a file of age identities, or an SSH private key.
// Passphrase, which may be nil, is asked for that of an SSH key that has one.
func ParseIdentities(data []byte, passphrase func() ([]byte, error)) (Identities, error) {
	if !bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN")) {
		ids, err := age.ParseIdentities(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("not a file of age identities: %w", err)
		}
		return ids, nil
	}
	id, err := agessh.ParseIdentity(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		if passphrase == nil || locked.PublicKey == nil {
			return nil, errors.New("the SSH key has a passphrase")
		}
		id, err = agessh.NewEncryptedSSHIdentity(locked.PublicKey, data, passphrase)
	}
	if err != nil {
		return nil, fmt.Errorf("not a private key that opens recordings: %w", err)
	}
	return Identities{id}, nil
}
