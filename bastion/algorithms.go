package bastion

import (
	"errors"
	"fmt"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/sys/cpu"
)

// algorithms is the offer on every leg: to clients, to clients that jump, and
// to hosts. It is ours and not x/crypto's default, which ends in SHA-1
// (diffie-hellman-group14-sha1, hmac-sha1, hmac-sha1-96): what is not listed is
// refused, also by a newer library. There is no key for it. Clients and hosts
// since OpenSSH 6.5 (2014), dropbear 2013.61 and PuTTY 0.68 have some of each;
// who has not is told that nothing is in common, and is not let in.
func algorithms() gossh.Config {
	return gossh.Config{KeyExchanges: keyExchanges(), Ciphers: ciphers(), MACs: macs()}
}

// keyExchanges: to curve25519-sha256 x/crypto adds its name of before RFC 8731.
// The 4096 bits of diffie-hellman-group16-sha512 are not there: whoever has
// them (OpenSSH 7.3) has curve25519, and they would let a stranger spend tens of
// milliseconds of our processor with one packet.
func keyExchanges() []string {
	return []string{
		gossh.KeyExchangeMLKEM768X25519, gossh.KeyExchangeCurve25519,
		gossh.KeyExchangeECDHP256, gossh.KeyExchangeECDHP384, gossh.KeyExchangeECDHP521,
		gossh.KeyExchangeDH14SHA256,
	}
}

// ciphers: chacha20-poly1305 has no assembly on amd64 in x/crypto (a tenth of
// AES-GCM's speed), and on the client's leg the client's order wins: where the
// CPU has AES it is not offered at all.
func ciphers() []string {
	aes := []string{gossh.CipherAES128GCM, gossh.CipherAES256GCM, gossh.CipherAES128CTR, gossh.CipherAES192CTR, gossh.CipherAES256CTR}
	if !(cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ) && !(cpu.ARM64.HasAES && cpu.ARM64.HasPMULL) {
		return append([]string{gossh.CipherChaCha20Poly1305}, aes...)
	}
	return aes
}

// macs go with AES-CTR; AES-GCM needs none.
func macs() []string {
	return []string{gossh.HMACSHA256ETM, gossh.HMACSHA512ETM, gossh.HMACSHA256, gossh.HMACSHA512}
}

// userKeys are the signatures by which people may prove a key: those of
// server-sig-algs (RFC 8308 section 3.1) without ssh-rsa, which is SHA-1, and
// without DSA. An RSA key signs with SHA-2 (RFC 8332).
func userKeys() []string {
	return []string{
		gossh.KeyAlgoED25519, gossh.KeyAlgoSKED25519, gossh.KeyAlgoSKECDSA256,
		gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521,
		gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256,
	}
}

// withoutSHA1 has RSA host keys sign with SHA-2 alone: left to itself x/crypto
// offers ssh-rsa, too. Other kinds of key have one signature.
func withoutSHA1(keys []gossh.Signer) ([]gossh.Signer, error) {
	modern := make([]gossh.Signer, len(keys))
	for i, k := range keys {
		modern[i] = k
		if k.PublicKey().Type() != gossh.KeyAlgoRSA {
			continue
		}
		a, ok := k.(gossh.AlgorithmSigner)
		if !ok {
			return nil, errors.New("bastion: an RSA host key that cannot sign with SHA-2")
		}
		var err error
		if modern[i], err = gossh.NewSignerWithAlgorithms(a, []string{gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256}); err != nil {
			return nil, fmt.Errorf("bastion: an RSA host key that cannot sign with SHA-2: %w", err)
		}
	}
	return modern, nil
}
