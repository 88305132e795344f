package main

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/policy"
)

// readUserCAs reads ssh.user_cas, files included. Any that cannot be read
// fails all: better nobody comes in by certificate than half of those who may.
func (c *Config) readUserCAs() (certs.UserCAs, error) {
	var all certs.UserCAs
	for i, entry := range c.SSH.UserCAs {
		keys, err := userCAsIn(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at("ssh.user_cas", i), err)
		}
		all = append(all, keys...)
	}
	return all, nil
}

// authorities reads ca.vault.cas, files included.
func (v *VaultConfig) authorities() ([]ssh.PublicKey, error) {
	var all []ssh.PublicKey
	for i, entry := range v.CAs {
		keys, err := userCAsIn(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", at("ca.vault.cas", i), err)
		}
		all = append(all, keys...)
	}
	return all, nil
}

// userCAsIn reads one entry: a public key itself, or a file with one a line,
// blank lines and comments aside.
func userCAsIn(entry string) (certs.UserCAs, error) {
	if isKeyLine(entry) {
		key, _, err := policy.ParseKey(entry)
		if err != nil {
			return nil, err
		}
		return certs.UserCAs{key}, nil
	}
	data, err := strictyaml.ReadFile(entry)
	if err != nil {
		return nil, err
	}
	var keys certs.UserCAs
	for n, line := range strings.Split(string(data), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		key, _, err := policy.ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", entry, n+1, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s: holds no public key", entry)
	}
	return keys, nil
}

// isKeyLine tells a public key from the path of a file by how its type begins.
func isKeyLine(entry string) bool {
	kind, _, blank := strings.Cut(entry, " ")
	return blank && (strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-") || strings.HasPrefix(kind, "sk-"))
}
