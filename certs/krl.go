package certs

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"math/big"

	"golang.org/x/crypto/ssh"
)

// The binary key revocation list, from OpenSSH's PROTOCOL.krl.
const (
	krlMagic   = "SSHKRL\n\x00"
	krlVersion = 1

	krlCertificates = 1
	krlKeys         = 2
	krlSHA1         = 3
	krlSignature    = 4
	krlSHA256       = 5
	krlExtension    = 255

	krlSerialList    = 0x20
	krlSerialRange   = 0x21
	krlSerialBitmap  = 0x22
	krlKeyID         = 0x23
	krlCertExtension = 0x39
)

// The structures on the wire, for ssh.Unmarshal.
type (
	krlHeader struct {
		Magic     uint64
		Format    uint32
		Version   uint64
		Generated uint64
		Flags     uint64
		Reserved  []byte
		Comment   []byte
		Rest      []byte `ssh:"rest"`
	}
	krlSection struct {
		Type byte
		Data []byte
		Rest []byte `ssh:"rest"`
	}
	krlString struct {
		Value []byte
		Rest  []byte `ssh:"rest"`
	}
	krlCertsHeader struct {
		CA       []byte
		Reserved []byte
		Rest     []byte `ssh:"rest"`
	}
	krlSerial struct {
		Serial uint64
		Rest   []byte `ssh:"rest"`
	}
	krlRange struct {
		First, Last uint64
	}
	krlBitmap struct {
		Offset uint64
		Bits   *big.Int
	}
	krlExt struct {
		Name     string
		Critical bool
		Contents []byte
	}
)

func (r *Revocations) parseKRL(data []byte) error {
	var h krlHeader
	if err := ssh.Unmarshal(data, &h); err != nil {
		return fmt.Errorf("%w: %w", errKRL, err)
	}
	if h.Format != krlVersion {
		return fmt.Errorf("%w: format version %d", errKRL, h.Format)
	}
	for rest := h.Rest; len(rest) > 0; {
		var s krlSection
		if err := ssh.Unmarshal(rest, &s); err != nil {
			return fmt.Errorf("%w: %w", errKRL, err)
		}
		rest = s.Rest
		if s.Type == krlSignature { // the only one of two strings
			var signature krlString
			if err := ssh.Unmarshal(rest, &signature); err != nil {
				return fmt.Errorf("%w: %w", errKRL, err)
			}
			rest = signature.Rest
			continue
		}
		if err := r.parseSection(s.Type, s.Data); err != nil {
			return fmt.Errorf("%w: section %d: %w", errKRL, s.Type, err)
		}
	}
	return nil
}

func (r *Revocations) parseSection(kind byte, data []byte) error {
	switch kind {
	case krlCertificates:
		return r.parseCerts(data)
	case krlKeys:
		return eachString(data, func(key []byte) error {
			r.keys[string(key)] = true
			return nil
		})
	case krlSHA1:
		return eachString(data, func(sum []byte) error {
			if len(sum) != sha1.Size {
				return fmt.Errorf("a SHA-1 of %d bytes", len(sum))
			}
			r.sha1s[[sha1.Size]byte(sum)] = true
			return nil
		})
	case krlSHA256:
		return eachString(data, func(sum []byte) error {
			if len(sum) != sha256.Size {
				return fmt.Errorf("a SHA-256 of %d bytes", len(sum))
			}
			r.sha256s[[sha256.Size]byte(sum)] = true
			return nil
		})
	case krlExtension:
		return parseExtension(data)
	}
	return fmt.Errorf("not understood")
}

func (r *Revocations) parseCerts(data []byte) error {
	var h krlCertsHeader
	if err := ssh.Unmarshal(data, &h); err != nil {
		return err
	}
	c := revokedCerts{ca: bytes.Clone(h.CA), keyIDs: map[string]bool{}, serials: map[uint64]bool{}}
	for rest := h.Rest; len(rest) > 0; {
		var s krlSection
		if err := ssh.Unmarshal(rest, &s); err != nil {
			return err
		}
		rest = s.Rest
		if err := c.parse(s.Type, s.Data); err != nil {
			return fmt.Errorf("certificates %#x: %w", s.Type, err)
		}
	}
	r.certs = append(r.certs, c)
	return nil
}

func (c *revokedCerts) parse(kind byte, data []byte) error {
	switch kind {
	case krlSerialList:
		for len(data) > 0 {
			var s krlSerial
			if err := ssh.Unmarshal(data, &s); err != nil {
				return err
			}
			c.serials[s.Serial], data = true, s.Rest
		}
		return nil
	case krlSerialRange:
		var s krlRange
		if err := ssh.Unmarshal(data, &s); err != nil {
			return err
		}
		c.ranges = append(c.ranges, serialRange{s.First, s.Last})
		return nil
	case krlSerialBitmap:
		var s krlBitmap
		if err := ssh.Unmarshal(data, &s); err != nil {
			return err
		}
		if s.Bits.Sign() < 0 {
			return fmt.Errorf("a negative bitmap")
		}
		c.bitmaps = append(c.bitmaps, serialBitmap{s.Offset, s.Bits})
		return nil
	case krlKeyID:
		return eachString(data, func(id []byte) error {
			c.keyIDs[string(id)] = true
			return nil
		})
	case krlCertExtension:
		return parseExtension(data)
	}
	return fmt.Errorf("not understood")
}

// parseExtension skips an extension, unless it says that it must not be.
func parseExtension(data []byte) error {
	var e krlExt
	if err := ssh.Unmarshal(data, &e); err != nil {
		return err
	}
	if e.Critical {
		return fmt.Errorf("the critical extension %q is not understood", e.Name)
	}
	return nil
}

// eachString calls f with each of the strings that data consists of.
func eachString(data []byte, f func([]byte) error) error {
	for len(data) > 0 {
		var s krlString
		if err := ssh.Unmarshal(data, &s); err != nil {
			return err
		}
		if err := f(s.Value); err != nil {
			return err
		}
		data = s.Rest
	}
	return nil
}
