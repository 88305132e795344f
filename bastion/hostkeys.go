package bastion

import (
	"crypto/rand"

	gossh "golang.org/x/crypto/ssh"
)

// Rotation of the bastion's own host keys (OpenSSH's PROTOCOL, section 2.5): a
// client that is told of all keys, and has proof of those it does not know,
// learns them, so that an old one can go later. It concerns the outer server
// only; the inner one shows certificates, and what a host says of its keys is
// never passed on.

const (
	hostKeysAnnounce = "hostkeys-00@openssh.com"
	hostKeysProve    = "hostkeys-prove-00@openssh.com"
)

// announce tells the client all host keys. It asks for no answer.
func (c *connection) announce() {
	var payload []byte
	for _, k := range c.srv.HostKeys {
		payload = append(payload, gossh.Marshal(struct{ Key []byte }{k.PublicKey().Marshal()})...)
	}
	if _, _, err := c.ssh.SendRequest(hostKeysAnnounce, false, payload); err != nil {
		c.srv.Log.Debug("announcing host keys", "connection", c.id, "err", err)
	}
}

// prove signs for each of our keys that the client asks for. Anything that is
// not one of them refuses the whole.
func (c *connection) prove(payload []byte) (bool, []byte) {
	if !c.outer {
		return false, nil
	}
	var answer []byte
	for len(payload) > 0 {
		var asked struct {
			Key  []byte
			Rest []byte `ssh:"rest"`
		}
		if gossh.Unmarshal(payload, &asked) != nil {
			return false, nil
		}
		payload = asked.Rest
		signature, ok := c.proveKey(asked.Key)
		if !ok || len(answer) > 64<<10 {
			return false, nil
		}
		answer = append(answer, gossh.Marshal(struct{ Signature []byte }{signature})...)
	}
	return len(answer) > 0, answer
}

func (c *connection) proveKey(wire []byte) ([]byte, bool) {
	for _, k := range c.srv.HostKeys {
		if string(k.PublicKey().Marshal()) != string(wire) {
			continue
		}
		data := gossh.Marshal(struct {
			Name    string
			Session []byte
			Key     []byte
		}{hostKeysProve, c.ssh.SessionID(), wire})
		signature, err := signHostKey(k, data)
		if err != nil {
			c.srv.Log.Error("proving a host key", "err", err)
			return nil, false
		}
		return gossh.Marshal(signature), true
	}
	return nil, false
}

// signHostKey signs as host keys do: RSA with SHA-2 (RFC 8332).
func signHostKey(k gossh.Signer, data []byte) (*gossh.Signature, error) {
	if a, ok := k.(gossh.AlgorithmSigner); ok && k.PublicKey().Type() == gossh.KeyAlgoRSA {
		return a.SignWithAlgorithm(rand.Reader, data, gossh.KeyAlgoRSASHA512)
	}
	return k.Sign(rand.Reader, data)
}
