package bastion_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// onTerminal is a session with a pty; its input is written before anything is
// started.
func (l *lab) onTerminal(early string) (*ssh.Session, io.WriteCloser) {
	l.t.Helper()
	client := l.dialDoor(l.onHost())
	l.t.Cleanup(func() { _ = client.Close() })
	session := must(client.NewSession())(l.t)
	if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
		l.t.Fatal(err)
	}
	stdin := must(session.StdinPipe())(l.t)
	if _, err := io.WriteString(stdin, early); err != nil {
		l.t.Fatal(err)
	}
	return session, stdin
}

// `ssh -tt HOST <<EOF` and a quick typist lose nothing where nobody has to be
// asked.
func TestTypedAheadIsKept(t *testing.T) {
	l := newLab(t)
	session, _ := l.onTerminal("early\n")
	out, err := session.Output("read a; echo got $a")
	if err != nil || !strings.Contains(string(out), "got early") {
		t.Errorf("%q, %v", out, err)
	}
}

// A script answers the moment it is asked for a reason: the answer counts.
func TestReasonAnsweredAtOnce(t *testing.T) {
	l := newLab(t)
	asked := make(chan string, 1)
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		reason, err := a.AskReason(ctx)
		asked <- reason
		if err != nil {
			return nil, err
		}
		return l.standing(ctx, a)
	})
	session, stdin := l.onTerminal("")
	stderr := must(session.StderrPipe())(t)
	go func() {
		if said, err := bufio.NewReader(stderr).ReadString(':'); err != nil {
			t.Error(said, err)
		}
		_, _ = io.WriteString(stdin, "why\r") // what came of it is seen below
		_, _ = io.Copy(io.Discard, stderr)
	}()
	if err := session.Run("true"); err != nil {
		t.Error(err)
	}
	if got := <-asked; got != "why" {
		t.Errorf("the reason is %q", got)
	}
}

// A script on a terminal (`ssh -tt HOST <<EOF`) that somebody has to approve is
// told that it was dropped, at once: nobody is there who could type it again,
// and the shell would wait for ever. A question for a reason is not held up by
// it either.
func TestScriptDroppedInAWait(t *testing.T) {
	l := newLab(t)
	over := make(chan struct{})
	l.admitBy(func(ctx context.Context, a access.Application) (*access.Pass, error) {
		reason, err := a.AskReason(ctx)
		if err != nil || reason != "" {
			return nil, fmt.Errorf("the reason is %q, %w", reason, err)
		}
		a.Tell(access.Waiting{Request: "R1", Target: a.Target, Missing: 1, Until: time.Now().Add(time.Minute)})
		pass, err := l.standing(ctx, a)
		if err == nil {
			pass.Done = func() { close(over) }
		}
		return pass, err
	})
	session, stdin := l.onTerminal("no whole line")
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	session.Stderr = &said
	var exit *ssh.ExitError
	if err := session.Run("cat"); !errors.As(err, &exit) || exit.ExitStatus() != 254 {
		t.Error(err)
	}
	if !strings.Contains(said.String(), "sallyport: refused: what you sent came before the approval") {
		t.Errorf("%q", said.String())
	}
	<-over
}
