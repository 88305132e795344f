package bastion_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// A client that closes its channel while it is told something: the end of the
// channel must not meet the write (a data race, found by cancelled waits).
func TestCloseDuringFarewell(t *testing.T) {
	l := newLab(t)
	asked := make(chan struct{}, 1)
	l.admit = func(ctx context.Context, _ access.Application) (*access.Pass, error) {
		asked <- struct{}{}
		<-ctx.Done()
		return nil, access.Refuse(access.ReasonCancelled, "withdrawn", "")
	}
	signer := must(ssh.ParsePrivateKey(must(os.ReadFile(filepath.Join(l.dir, "alice")))(t)))(t)
	conn := must(net.Dial("tcp", l.addr))(t)
	c, chans, reqs, err := ssh.NewClientConn(conn, l.addr, &ssh.ClientConfig{
		User: l.host.Login + "@db1", Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(c, chans, reqs)
	defer client.Close()
	for range 50 {
		ch, requests, err := client.OpenChannel("session", nil)
		if err != nil {
			t.Fatal(err)
		}
		go ssh.DiscardRequests(requests)
		if _, err := ch.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{"true"})); err != nil {
			t.Fatal(err)
		}
		<-asked
		if err := ch.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
