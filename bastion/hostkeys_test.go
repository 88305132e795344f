package bastion_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/bastion"
)

// A client that knows one host key learns the others, with proof, so that the
// first can be retired.
func TestHostKeyRotation(t *testing.T) {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	rs := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	l := newLab(t, func(c *bastion.Config) {
		c.HostKeys = append(c.HostKeys, must(ssh.NewSignerFromKey(ec))(t), must(ssh.NewSignerFromKey(rs))(t))
	})
	known := filepath.Join(l.dir, "known_hosts")
	before := string(must(os.ReadFile(known))(t))
	if strings.Contains(before, "ecdsa") {
		t.Fatal(before)
	}
	if got := l.run("ssh", "-o", "UpdateHostKeys=yes", l.target("db1"), "true"); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	after := string(must(os.ReadFile(known))(t))
	for _, kind := range []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"} {
		if !strings.Contains(after, " "+kind+" ") {
			t.Errorf("the client did not learn %s:\n%s", kind, after)
		}
	}
}
