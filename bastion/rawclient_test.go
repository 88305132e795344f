package bastion_test

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// rawClient speaks just enough of RFC 4253 to send any message at any moment,
// which no library lets one do: one key exchange (RFC 8731), aes128-ctr and
// hmac-sha2-256 from then on. What the server says encrypted it does not read.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	seq  uint32
	key  cipher.Stream // nil before the key exchange
	mac  []byte
}

func (l *lab) rawClient() *rawClient {
	l.t.Helper()
	c := &rawClient{t: l.t, conn: l.knock("SSH-2.0-raw\r\n")}
	if err := c.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		l.t.Fatal(err)
	}
	c.r = bufio.NewReader(c.conn)
	return c
}

// send sends one packet (section 6). An error means that the server has had
// enough.
func (c *rawClient) send(payload []byte) {
	block := 8
	if c.key != nil {
		block = aes.BlockSize
	}
	padding := block - (5+len(payload))%block
	if padding < 4 {
		padding += block
	}
	p := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	p = append(append(append(p, byte(padding)), payload...), make([]byte, padding)...)
	var sum []byte
	if c.key != nil {
		m := hmac.New(sha256.New, c.mac)
		m.Write(append(binary.BigEndian.AppendUint32(nil, c.seq), p...))
		sum = m.Sum(nil)
		c.key.XORKeyStream(p, p)
	}
	c.seq++
	_, _ = c.conn.Write(append(p, sum...)) // it may have hung up already
}

// receive reads one packet that is not encrypted.
func (c *rawClient) receive() []byte {
	c.t.Helper()
	var head [5]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		c.t.Fatal(err)
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-1)
	if _, err := io.ReadFull(c.r, body); err != nil {
		c.t.Fatal(err)
	}
	return body[:len(body)-int(head[4])]
}

// exchange does the key exchange.
func (c *rawClient) exchange() {
	c.t.Helper()
	version := must(c.r.ReadString('\n'))(c.t)
	ours := ssh.Marshal(struct {
		Type                               byte
		Cookie                             [16]byte
		Kex, HostKey, C1, C2, M1, M2, Z, Y []string
		L1, L2                             []string
		Follows                            bool
		Reserved                           uint32
	}{
		Type: 20, Kex: []string{"curve25519-sha256"}, HostKey: []string{"ssh-ed25519"},
		C1: []string{"aes128-ctr"}, C2: []string{"aes128-ctr"}, M1: []string{"hmac-sha2-256"}, M2: []string{"hmac-sha2-256"},
		Z: []string{"none"}, Y: []string{"none"},
	})
	c.send(ours)
	theirs := c.receive()
	private := must(ecdh.X25519().GenerateKey(rand.Reader))(c.t)
	c.send(ssh.Marshal(struct {
		Type byte
		Q    []byte
	}{30, private.PublicKey().Bytes()}))
	var reply struct {
		K []byte `sshtype:"31"`
		Q []byte
		S []byte
	}
	if err := ssh.Unmarshal(c.receive(), &reply); err != nil {
		c.t.Fatal(err)
	}
	secret := must(private.ECDH(must(ecdh.X25519().NewPublicKey(reply.Q))(c.t)))(c.t)
	k := ssh.Marshal(struct{ K *big.Int }{new(big.Int).SetBytes(secret)})
	h := sha256.Sum256(append(ssh.Marshal(struct {
		VC, VS     string
		IC, IS, KS []byte
		QC, QS     []byte
	}{"SSH-2.0-raw", version[:len(version)-2], ours, theirs, reply.K, private.PublicKey().Bytes(), reply.Q}), k...))
	derive := func(letter byte) []byte {
		sum := sha256.Sum256(bytes.Join([][]byte{k, h[:], {letter}, h[:]}, nil))
		return sum[:]
	}
	c.send([]byte{21})
	block := must(aes.NewCipher(derive('C')[:16]))(c.t)
	c.key, c.mac = cipher.NewCTR(block, derive('A')[:16]), derive('E')
	if p := c.receive(); p[0] != 21 {
		c.t.Fatalf("message %d instead of NEWKEYS", p[0])
	}
	// Extensions (RFC 8308) may follow; the answer to this request must.
	c.send(ssh.Marshal(struct {
		Type    byte
		Service string
	}{5, "ssh-userauth"}))
}

// answered waits for the server to say something.
func (c *rawClient) answered() {
	c.t.Helper()
	if _, err := c.r.Read(make([]byte, 4096)); err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
}

// over waits for the server to hang up, and reports whether it does.
func (c *rawClient) over() bool {
	_, err := io.Copy(io.Discard, c.r)
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

// What a client may say before it has proven a key is how it would prove one.
// Anything else ends the connection, before the key exchange and behind it.
func TestRequestsBeforeAuth(t *testing.T) {
	l := newLab(t)
	payloads := map[string][]byte{
		"a global request": ssh.Marshal(struct {
			T    byte
			Name string
			Want bool
		}{80, "tcpip-forward", true}),
		"a session": ssh.Marshal(struct {
			T              byte
			Kind           string
			ID, Window, Pk uint32
		}{90, "session", 0, 1 << 20, 1 << 15}),
		"a jump": ssh.Marshal(struct {
			T              byte
			Kind           string
			ID, Window, Pk uint32
			Host           string
			Port           uint32
			From           string
			FromPort       uint32
		}{90, "direct-tcpip", 0, 1 << 20, 1 << 15, "db1", 22, "127.0.0.1", 65535}),
		"exec": ssh.Marshal(struct {
			T       byte
			ID      uint32
			Kind    string
			Want    bool
			Command string
		}{98, 0, "exec", true, "id"}),
		"data": ssh.Marshal(struct {
			T    byte
			ID   uint32
			Data string
		}{94, 0, "id\n"}),
		"success of its own": {52},
		"new keys":           {21},
	}
	for what, payload := range payloads {
		early := l.rawClient()
		early.send(payload)
		if !early.over() {
			t.Errorf("%s before the key exchange: the connection stands", what)
		}
		c := l.rawClient()
		c.exchange()
		c.answered()
		c.send(payload)
		if !c.over() {
			t.Errorf("%s before authentication: the connection stands", what)
		}
	}
	// The control: what is said in its place is heard.
	c := l.rawClient()
	c.exchange()
	c.answered()
	c.send(ssh.Marshal(struct {
		Type                  byte
		User, Service, Method string
	}{50, l.onHost(), "ssh-connection", "none"}))
	l.await("the attempt to be heard", func() bool { return strings.Contains(l.log.String(), "method=none") })
	_ = c.conn.Close()
	if n := len(l.sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
	for _, message := range []int{80, 90, 94, 98, 52} {
		if !strings.Contains(l.log.String(), fmt.Sprintf("unexpected message type %d (expected one of [50])", message)) {
			t.Errorf("message %d did not arrive as such", message)
		}
	}
}
