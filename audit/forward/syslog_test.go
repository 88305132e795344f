package forward_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport/sallyport/audit/forward"
)

// receiver is a syslog receiver. Of the n-th connection it reads as many
// messages as reads(n) says, negative for all, and then closes.
type receiver struct {
	net.Listener
	reads func(n int) int

	mu       sync.Mutex
	messages []string
}

func receive(t *testing.T, certificate *tls.Certificate, reads func(n int) int) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if certificate != nil {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
	}
	r := &receiver{Listener: l, reads: reads}
	var each sync.WaitGroup
	each.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			each.Go(func() { r.read(conn, reads(n)) })
		}
	})
	t.Cleanup(func() { l.Close(); each.Wait() })
	return r
}

// read takes messages as RFC 5425 frames them: MSG-LEN SP SYSLOG-MSG.
func (r *receiver) read(conn net.Conn, limit int) {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 16) // what it has not asked for stays in the kernel
	for n := 0; n != limit; n++ {
		var length int
		if _, err := fmt.Fscanf(in, "%d ", &length); err != nil {
			return
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(in, message); err != nil {
			return
		}
		r.mu.Lock()
		r.messages = append(r.messages, string(message))
		r.mu.Unlock()
	}
}

var header = regexp.MustCompile(`^<110>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z bastion-1 sallyport - request\.denied \[meta sequenceId="\d+"\]\[origin software="sallyport"\] \{`)

// lines are the messages' texts, once their headers are found right.
func (r *receiver) lines(t *testing.T) (lines []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if !header.MatchString(m) {
			t.Fatalf("no message of RFC 5424: %.200q", m)
		}
		if i := strings.IndexFunc(m, func(c rune) bool { return c < ' ' || c >= 0x7f && c < 0xa0 || c == '\u2028' }); i >= 0 {
			t.Fatalf("a control character in %q", m)
		}
		lines = append(lines, m[strings.Index(m, " {")+1:])
	}
	return lines
}

func all(int) int { return -1 }

func syslog(t *testing.T, r *receiver, secure *forward.TLS) *forward.Syslog {
	t.Helper()
	s, err := forward.NewSyslog(forward.SyslogConfig{Address: r.Addr().String(), TLS: secure})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSyslogOverTLS(t *testing.T) {
	certificate, ca := authority(t)
	r := receive(t, &certificate, all)
	s := chain(t, 1200) // more than two batches
	f, stop := start(t, s, syslog(t, r, &forward.TLS{CAFile: ca}))
	await(t, f, 1200)
	grow(t, s, 3)
	await(t, f, 1203)
	stop()
	whole(t, r.lines(t), 1203)
	if n := len(r.lines(t)); n != 1203 {
		t.Errorf("%d messages for 1203 rows, and nothing went wrong", n)
	}
}

// A receiver that goes away in the middle, with what it has not read or before
// it came, gets that again. Nothing else tells the sender: each write succeeds.
func TestSyslogLosesNothing(t *testing.T) {
	certificate, ca := authority(t)
	for name, secure := range map[string]*forward.TLS{"TLS": {CAFile: ca}, "in the clear": nil} {
		t.Run(name, func(t *testing.T) {
			use := &certificate
			if secure == nil {
				use = nil
			}
			broken := []int{0, 1, 7, 0, 499, 30}
			r := receive(t, use, func(n int) int {
				if n < len(broken) {
					return broken[n]
				}
				return -1
			})
			f, stop := start(t, chain(t, 900), syslog(t, r, secure))
			await(t, f, 900)
			stop()
			whole(t, r.lines(t), 900)
			h := f.Health()
			if h.State != "" || h.Failed[forward.Unconfirmed]+h.Failed[forward.Untrusted] < 4 {
				t.Errorf("its health is %+v", h)
			}
		})
	}
}

// One batch that fits into every buffer on the way: it was written, and yet
// nobody read it.
func TestSyslogWrittenIsNotRead(t *testing.T) {
	r := receive(t, nil, func(n int) int {
		if n < 1 {
			return 2
		}
		return -1
	})
	f, stop := start(t, chain(t, 5), syslog(t, r, nil))
	await(t, f, 5)
	stop()
	whole(t, r.lines(t), 5)
	if n := f.Health().Failed[forward.Unconfirmed]; n != 1 {
		t.Errorf("%d batches failed", n)
	}
}

// Who cannot be told from somebody else gets nothing.
func TestSyslogWantsItsReceiver(t *testing.T) {
	certificate, _ := authority(t)
	_, other := authority(t)
	r := receive(t, &certificate, all)
	f, stop := start(t, chain(t, 5), syslog(t, r, &forward.TLS{CAFile: other}))
	until(t, func() bool { return f.Health().Failed[forward.Untrusted] >= 3 })
	stop()
	if lines := r.lines(t); len(lines) > 0 || f.Health().Sent != 0 {
		t.Errorf("%d messages went to a stranger", len(lines))
	}
}

// A restart goes on where it was, and a receiver that was away gets the rest.
func TestSyslogGoesOnAfterRestart(t *testing.T) {
	r := receive(t, nil, all)
	s := chain(t, 10)
	f, stop := start(t, s, syslog(t, r, nil))
	await(t, f, 10)
	stop()
	r.Close()
	f, stop = start(t, s, syslog(t, r, nil))
	grow(t, s, 10)
	until(t, func() bool { return f.Health().Failed[forward.Unreachable] >= 2 })
	stop()
	again := receive(t, nil, all)
	f, stop = start(t, s, syslog(t, again, nil))
	await(t, f, 20)
	stop()
	if first, second := len(r.lines(t)), len(again.lines(t)); first != 10 || second != 10 {
		t.Errorf("%d rows came, and %d after the restart", first, second)
	}
	whole(t, append(r.lines(t), again.lines(t)...), 20)
}
