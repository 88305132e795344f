package bastion_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/recorder"
)

// underVigil has the desk give out passes with this vigil.
func (l *lab) underVigil() *access.Vigil {
	v := &access.Vigil{May: []access.PersonName{"carol"}, Begun: func(context.Context) {}}
	admit := l.admit
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		pass, err := admit(ctx, a)
		if err == nil {
			pass.Vigil = v
		}
		return pass, err
	})
	return v
}

var carol = []access.PersonName{"carol"}

// seen is a session on a terminal, with what came back so far.
type seen struct {
	*ssh.Session
	l        *lab
	in       io.WriteCloser
	out, err syncBuffer
	over     chan error
}

// begin starts a command on a terminal.
func (l *lab) begin(command string) *seen {
	l.t.Helper()
	session, in := l.onTerminal("")
	s := &seen{Session: session, l: l, in: in, over: make(chan error, 1)}
	session.Stdout = &s.out
	stderr := must(session.StderrPipe())(l.t) // read from the start, and not only when the command runs
	go func() { _, _ = io.Copy(&s.err, stderr) }()
	go func() { s.over <- session.Run(command) }() // the answer to its start waits for a watcher
	return s
}

func (s *seen) types(text string) {
	s.l.t.Helper()
	if _, err := io.WriteString(s.in, text); err != nil {
		s.l.t.Fatal(err)
	}
}

// says awaits a line of the bastion's.
func (s *seen) says(text string) {
	s.l.t.Helper()
	s.l.await("the line "+text, func() bool { return strings.Contains(s.err.String(), text) })
}

// exits awaits the end, by its exit status.
func (s *seen) exits(want int) {
	s.l.t.Helper()
	select {
	case err := <-s.over:
		var exit *ssh.ExitError
		if want != 0 && (!errors.As(err, &exit) || exit.ExitStatus() != want) || want == 0 && err != nil {
			s.l.t.Errorf("it ended with %v, want %d", err, want)
		}
	case <-time.After(30 * time.Second):
		s.l.t.Fatal("it goes on")
	}
}

func (l *lab) chain(kind audit.Kind) (n int) {
	l.t.Helper()
	for _, row := range must(l.store.Audit(context.Background(), 0, 1000))(l.t) {
		if bytes.Contains(row.Stored, []byte(`"`+string(kind)+`"`)) {
			n++
		}
	}
	return n
}

// Before somebody watches there is a recording, and nothing else: no certificate,
// no login, no program.
func TestNothingRunsBeforeSomebodyWatches(t *testing.T) {
	l := newLab(t)
	v := l.underVigil()
	file := filepath.Join(l.dir, "ran")
	s := l.begin("touch " + file + "; echo ran")
	s.says("waiting for somebody to watch this session")
	live := l.sessions()[0]
	if live.State != access.SessionLive || live.Certificate.Serial != 0 {
		t.Errorf("%+v", live)
	}
	s.says("ssh -t bastion watch " + string(live.ID))
	s.types("typed while nobody watched\n")
	if n := l.chain(audit.CertificateIssued); n != 0 {
		t.Errorf("%d certificates", n)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("it ran")
	}
	v.Set(carol)
	s.exits(0)
	if out := s.out.String(); !strings.Contains(out, "ran") || strings.Contains(out, "typed") {
		t.Errorf("%q", out)
	}
	s.says("carol is watching; connecting to")
	ended := l.waitSealed(access.KindExec)
	if ended.Certificate.Serial == 0 || l.chain(audit.CertificateIssued) != 1 {
		t.Errorf("certificate %+v", ended.Certificate)
	}
	if _, markers := l.shown(ended); len(markers) != 2 || !strings.Contains(markers[1], "carol is watching") {
		t.Errorf("markers %q", markers)
	}
}

// While nobody watches nothing typed reaches the host, however long it stood in
// some window, and nothing that the host says reaches the client.
func TestPausedWhileNobodyWatches(t *testing.T) {
	l := newLab(t)
	v := l.underVigil()
	v.Set(carol)
	file := filepath.Join(l.dir, "typed")
	s := l.begin("cat >>" + file)
	typed := func() string { b, _ := os.ReadFile(file); return string(b) } // not there before it runs
	l.await("the program", func() bool { _, err := os.Stat(file); return err == nil })
	s.types("one\n")
	l.await("the first line at the host", func() bool { return typed() == "one\n" })

	v.Set(nil)
	s.says("paused, carol is no longer watching; what you type is dropped")
	s.types("two\n")
	s.fill()
	v.Set(carol)
	s.says("the session goes on")
	s.types("three\n")
	l.await("the third line at the host", func() bool { return strings.HasSuffix(typed(), "three\n") })
	if strings.Contains(typed(), "two") {
		t.Errorf("typed in the pause, and at the host: %q", typed())
	}
	s.types("\x04")
	s.exits(0)
	if _, markers := l.shown(l.waitSealed(access.KindExec)); len(markers) != 2 {
		t.Errorf("markers %q", markers)
	}
}

// fill types so much that what was typed before has been read: more than fits
// into the window of a channel (2 MiB in x/crypto). Some of it may still be under
// way.
func (s *seen) fill() { s.types(strings.Repeat(".\n", 2<<20)) }

// A host that reads nothing holds up typing only while somebody watches: what
// comes in a pause must not wait behind it until the session goes on.
func TestTypedInAPauseDoesNotWait(t *testing.T) {
	l := newLab(t)
	v := l.underVigil()
	v.Set(carol)
	ready, read, file := filepath.Join(l.dir, "ready"), filepath.Join(l.dir, "go"), filepath.Join(l.dir, "typed")
	s := l.begin("stty raw; touch " + ready + "; while [ ! -e " + read + " ]; do sleep 0.05; done; tr -d '.\\n' >" + file)
	l.await("the program", func() bool { _, err := os.Stat(ready); return err == nil })
	stuck := make(chan struct{})
	go func() {
		defer close(stuck)
		s.fill()
		s.fill()
		s.fill()
	}()
	select {
	case <-stuck:
		t.Fatal("a host that reads nothing took it all")
	case <-time.After(time.Second): // and had the time to fill the windows
	}
	v.Set(nil)
	<-stuck // nobody takes it, and it is dropped
	s.types("two")
	s.fill()
	if err := os.WriteFile(read, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	v.Set(carol)
	s.says("the session goes on")
	s.types("three")
	l.await("what was typed last", func() bool { b, _ := os.ReadFile(file); return bytes.Contains(b, []byte("three")) || typedAll(s, file) })
	_ = s.Close()
	if b, _ := os.ReadFile(file); bytes.Contains(b, []byte("two")) {
		t.Errorf("%q", b)
	}
}

// typedAll has tr write what it holds.
func typedAll(s *seen, _ string) bool {
	_, _ = io.WriteString(s.in, strings.Repeat("-", 4096))
	return false
}

// Output waits with the host while nobody watches, and comes whole afterwards.
func TestOutputWaitsForAWatcher(t *testing.T) {
	l := newLab(t)
	v := l.underVigil()
	v.Set(carol)
	step := func(name string) string { return filepath.Join(l.dir, name) }
	s := l.begin("echo first; while [ ! -e " + step("a") + " ]; do sleep 0.05; done; echo second; touch " + step("b"))
	l.await("the first line", func() bool { return strings.Contains(s.out.String(), "first") })
	v.Set(nil)
	s.says("paused")
	if err := os.WriteFile(step("a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.await("the second line at the host", func() bool { _, err := os.Stat(step("b")); return err == nil })
	if out := s.out.String(); strings.Contains(out, "second") {
		t.Errorf("shown while nobody watched: %q", out)
	}
	select {
	case err := <-s.over:
		t.Fatalf("it ended unseen: %v", err)
	default:
	}
	v.Set(carol)
	s.exits(0)
	if out := s.out.String(); !strings.Contains(out, "second") {
		t.Errorf("lost: %q", out)
	}
}

// Nobody waits for ever, before and in a pause.
func TestUnwatchedForTooLong(t *testing.T) {
	l := newLab(t, func(c *bastion.Config) { c.Limits.Unwatched = 200 * time.Millisecond })
	v := l.underVigil()
	s := l.begin("echo never")
	s.exits(254)
	s.says("sallyport: refused: nobody watched this session for 200ms. Connect again when somebody can")
	if got := l.lastSession(); got.EndCause != string(access.ReasonUnwatched) || got.State != access.SessionSealed {
		t.Errorf("%+v", got)
	}
	v.Set(carol)
	s = l.begin("echo in; sleep 60")
	l.await("the program", func() bool { return strings.Contains(s.out.String(), "in") })
	v.Set(nil)
	s.exits(254)
	s.says("nobody watched this session for 200ms")
	if got := l.lastSession(); got.EndCause != string(access.ReasonUnwatched) {
		t.Errorf("%+v", got)
	}
}

// Ctrl-C ends a wait and a pause, and so does leaving.
func TestWithdrawnFromAVigil(t *testing.T) {
	l := newLab(t)
	v := l.underVigil()
	s := l.begin("echo never")
	s.says("waiting for somebody")
	s.types("\x03")
	s.exits(254)
	s.says("you withdrew")

	v.Set(carol)
	s = l.begin("echo in; sleep 60")
	l.await("the program", func() bool { return strings.Contains(s.out.String(), "in") })
	v.Set(nil)
	s.says("paused")
	s.types("abc\x03")
	s.exits(254)
	s.says("you ended the session while it was paused")

	v.Set(nil)
	s = l.begin("echo never")
	s.says("waiting for somebody")
	_ = s.Close()
	l.waitSealed(access.KindExec)
}

// Without a terminal nobody could see what a command reads; what it says can be
// watched.
func TestVigilWithoutATerminal(t *testing.T) {
	l := newLab(t)
	v := l.underVigil()
	v.Set(carol)
	if r := l.runAs("alice", nil, "ssh", "-n", l.target("db1"), "echo out; exit 7"); r.code != 7 || r.out != "out\n" {
		t.Errorf("%+v", r)
	}
	file := filepath.Join(l.dir, "fed")
	r := l.runAs("alice", strings.NewReader("secretly\n"), "ssh", l.target("db1"), "cat >"+file+"; sleep 60")
	if r.code != 254 || !strings.Contains(r.err, "nobody could see what a command without a terminal reads") {
		t.Errorf("%+v", r)
	}
	if b, _ := os.ReadFile(file); len(b) > 0 {
		t.Errorf("the host read %q", b)
	}
}

// A signal does not pass in a pause: it is input, too. What the window's size is
// may be known.
func TestSignalsWaitForAWatcher(t *testing.T) {
	l := newLab(t)
	asked := make(chan string, 10)
	l.playHost(speakSSH(func(ch ssh.Channel, reqs <-chan *ssh.Request) {
		starts(reqs)
		_, _ = io.WriteString(ch, "in") // fails when it is over
		for r := range reqs {
			asked <- r.Type
			if r.WantReply {
				_ = r.Reply(true, nil) // the same
			}
		}
	}))
	v := l.underVigil()
	v.Set(carol)
	s := l.begin("run")
	l.await("the program", func() bool { return strings.Contains(s.out.String(), "in") })
	v.Set(nil)
	s.says("paused")
	signal := ssh.Marshal(struct{ Signal string }{"USR1"})
	if ok, err := s.SendRequest("signal", true, signal); ok || err != nil {
		t.Errorf("a signal in a pause: %v, %v", ok, err)
	}
	if ok, err := s.SendRequest("window-change", true, ssh.Marshal(struct{ Cols, Rows, W, H uint32 }{100, 30, 0, 0})); !ok || err != nil {
		t.Errorf("a new size in a pause: %v, %v", ok, err)
	}
	v.Set(carol)
	s.says("the session goes on")
	if ok, err := s.SendRequest("signal", true, signal); !ok || err != nil {
		t.Errorf("a signal: %v, %v", ok, err)
	}
	if got := []string{<-asked, <-asked}; got[0] != "window-change" || got[1] != "signal" {
		t.Errorf("the host was asked for %v", got)
	}
	_ = s.Close()
	l.waitSealed(access.KindExec)
}

// What is not recorded nobody sees: under `on_failure: warn`, too, a session that
// must be watched ends with its recording.
func TestVigilEndsWithTheRecording(t *testing.T) {
	broken := make(chan struct{})
	l := newLab(t, func(c *bastion.Config) { c.OnFailure = recorder.Warn })
	l.door.Fail(broken, errors.New("the disk is full"))
	v := l.underVigil()
	v.Set(carol)
	s := l.begin("echo in; cat")
	l.await("the program", func() bool { return strings.Contains(s.out.String(), "in") })
	close(broken)
	s.exits(255)
	if said := s.err.String(); !strings.Contains(said, "can no longer be recorded") || strings.Contains(said, "warning") {
		t.Errorf("%q", said)
	}
	l.waitSealed(access.KindExec)
}
