package bastion_test

import (
	"bufio"
	"crypto/rand"
	"crypto/rsa"
	"io"
	"net"
	"regexp"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/bastion"
)

// kexInit is SSH_MSG_KEXINIT (RFC 4253, section 7.1).
type kexInit struct {
	Cookie                             [16]byte `sshtype:"20"`
	Kex, HostKey, C1, C2, M1, M2, Z, Y []string
	L1, L2                             []string
	Follows                            bool
	Reserved                           uint32
}

// offerOf reads what the other side of conn offers.
func (l *lab) offerOf(conn net.Conn) kexInit {
	l.t.Helper()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "SSH-2.0-raw\r\n"); err != nil {
		l.t.Fatal(err)
	}
	c := &rawClient{t: l.t, conn: conn, r: bufio.NewReader(conn)}
	must(c.r.ReadString('\n'))(l.t)
	var offer kexInit
	if err := ssh.Unmarshal(c.receive(), &offer); err != nil {
		l.t.Fatal(err)
	}
	return offer
}

var (
	weak   = regexp.MustCompile(`sha1|md5|umac|cbc|3des|arcfour|-96|group1-|^none$|^ssh-(rsa|dss)(-cert.*)?$`)
	modern = []string{"mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org",
		"ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256"}
	modernMACs = []string{"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"}
	signals    = []string{"ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com"} // no algorithms
)

// checkOffer finds what should not be in an offer, or is missing in it.
func checkOffer(t *testing.T, leg string, o kexInit) {
	t.Helper()
	for _, list := range [][]string{o.Kex, o.HostKey, o.C1, o.C2, o.M1, o.M2} {
		for _, name := range list {
			if weak.MatchString(name) {
				t.Errorf("%s: %s is offered", leg, name)
			}
		}
	}
	kex := slices.DeleteFunc(slices.Clone(o.Kex), func(name string) bool { return slices.Contains(signals, name) })
	slices.Sort(kex)
	want := slices.Sorted(slices.Values(modern))
	if !slices.Equal(kex, want) || o.Kex[0] != modern[0] {
		t.Errorf("%s: key exchanges %q", leg, o.Kex)
	}
	if !slices.Equal(o.M1, modernMACs) || !slices.Equal(o.M2, modernMACs) {
		t.Errorf("%s: MACs %q, %q", leg, o.M1, o.M2)
	}
}

// None of the three legs offers SHA-1 or what is older: neither to a client,
// nor to one that jumps, nor to a host.
func TestOffers(t *testing.T) {
	rsaKey := must(ssh.NewSignerFromKey(must(rsa.GenerateKey(rand.Reader, 2048))(t)))(t)
	l := newLab(t, func(c *bastion.Config) { c.HostKeys = append(c.HostKeys, rsaKey) })
	checkOffer(t, "client", l.offerOf(l.knock("")))

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
	checkOffer(t, "jump", l.offerOf(channelNet{ch, outer}))
	_ = outer.Close()

	toHost := make(chan net.Conn)
	done := make(chan struct{})
	l.playHost(func(c net.Conn, _ *rawHost) { toHost <- c; <-done })
	defer close(done)
	stop := l.background("alice", "ssh", l.target("db1"), "true")
	defer stop()
	checkOffer(t, "host", l.offerOf(<-toHost))
}

// A person's RSA key signs with SHA-2, and not with SHA-1.
func TestUserSignatures(t *testing.T) {
	key := must(rsa.GenerateKey(rand.Reader, 2048))(t)
	l := newLab(t)
	signer := must(ssh.NewSignerFromKey(key))(t)
	l.write("alice.pub", string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	l.policy.Publish(l.parse())
	for algorithm, fine := range map[string]bool{ssh.KeyAlgoRSA: false, ssh.KeyAlgoRSASHA256: true, ssh.KeyAlgoRSASHA512: true} {
		only := must(ssh.NewSignerWithAlgorithms(signer.(ssh.AlgorithmSigner), []string{algorithm}))(t)
		c, err := ssh.Dial("tcp", l.addr, &ssh.ClientConfig{User: l.onHost(), Auth: []ssh.AuthMethod{ssh.PublicKeys(only)},
			HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if (err == nil) != fine {
			t.Errorf("%s: %v", algorithm, err)
		}
		if err == nil {
			_ = c.Close()
		}
	}
}
