package bastion_test

import (
	"bytes"
	"net"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Clients that know no host certificates (paramiko, PuTTY, dropbear) jump as
// well: the inner server shows them the bastion's own key, and everybody else
// a certificate for the host's name.
func TestInnerHostKey(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		name       string
		algorithms []string
		plain      bool
	}{
		{"any", nil, false},
		{"certificates first", []string{ssh.CertAlgoED25519v01, ssh.KeyAlgoED25519}, false},
		{"no certificates", []string{ssh.KeyAlgoED25519}, true},
	} {
		outer := l.dialDoor("jumper")
		ch, reqs, err := outer.OpenChannel("direct-tcpip", ssh.Marshal(struct {
			Host       string
			Port       uint32
			Originator string
			From       uint32
		}{"db1", 22, "127.0.0.1", 65535}))
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(reqs)
		var shown ssh.PublicKey
		conn, chans, greqs, err := ssh.NewClientConn(channelNet{ch, outer}, "db1:22", &ssh.ClientConfig{
			User: l.host.Login, HostKeyAlgorithms: c.algorithms,
			HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error { shown = key; return nil },
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		inner := ssh.NewClient(conn, chans, greqs)
		session := must(inner.NewSession())(t)
		if out, err := session.Output("echo in"); err != nil || string(out) != "in\n" {
			t.Errorf("%s: %q, %v", c.name, out, err)
		}
		_, certified := shown.(*ssh.Certificate)
		if certified == c.plain || c.plain && !bytes.Equal(shown.Marshal(), l.door.HostKeys[0].PublicKey().Marshal()) {
			t.Errorf("%s: the inner server shows %s", c.name, shown.Type())
		}
		_ = inner.Close()
		_ = outer.Close()
	}
}
