package recorder_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

const (
	childEnv       = "RECORDER_TEST_CHILD"
	childRecipient = "RECORDER_TEST_RECIPIENT" // whom it encrypts for
)

// TestMain makes the test binary also the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if dir := os.Getenv(crowdEnv); dir != "" {
		fmt.Fprintln(os.Stderr, crowd(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child records without end, and delivers to its standard output what was
// recorded, as a relay does.
func child(dir string) error {
	var to recorder.Recipients
	if public := os.Getenv(childRecipient); public != "" {
		r, err := recorder.ParseRecipient(public)
		if err != nil {
			return err
		}
		to = recorder.Recipients{r}
	}
	r, err := recorder.New(recorder.Config{
		Dir: filepath.Join(dir, "recordings"), KeyDir: filepath.Join(dir, "keys"), BastionID: "bastion-1",
		Index: newIndex(), Recipients: to, Reserve: -1, SyncEvery: 5 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	go func() { _ = r.Run(context.Background()) }()
	rec, err := r.Start(context.Background(), session(true), recorder.Shape{Cols: 80, Rows: 24})
	if err != nil {
		return err
	}
	rnd := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	text := bytes.Repeat([]byte("日本語 text \x1b[1m\xff\"quoted\"\r\n"), 4000)
	for at := 0; ; {
		n := 1 + rnd.IntN(50)
		if rnd.IntN(10) == 0 {
			n = 1 + rnd.IntN(100_000)
		}
		n = min(n, len(text)-at)
		if err := rec.Stdout(text[at : at+n]); err != nil {
			return err
		}
		if _, err := os.Stdout.Write(text[at : at+n]); err != nil {
			return err
		}
		if at += n; at == len(text) {
			at = 0
		}
	}
}

// What was delivered before kill -9 is a prefix of what replays after it.
func TestKillLosesNothingShown(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 3
	}
	rnd := rand.New(rand.NewPCG(8, 9))
	for range runs {
		dir := t.TempDir()
		shown := killChild(t, dir, 1+rnd.IntN(3_000_000))
		b, sessions := openBench(t, dir, newIndex()).restart(t)
		if len(sessions) != 1 {
			t.Fatalf("%d recovered", len(sessions))
		}
		folder := b.folder(sessions[0])
		var replayed bytes.Buffer
		check(t, recorder.CopyOutput(&replayed, folder))
		if !bytes.HasPrefix(replayed.Bytes(), shown) {
			t.Errorf("%d bytes were shown, the recording has %d and not the same", len(shown), replayed.Len())
		}
		if v := verify(t, folder, b.Keys().Trust()); v.Verdict != recorder.Recovered {
			t.Errorf("%+v", v)
		}
	}
}

// killChild runs the child until it delivered enough bytes, kills it, and
// returns all that it delivered.
func killChild(t *testing.T, dir string, enough int) []byte {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	shown := make([]byte, enough)
	_, err = io.ReadFull(out, shown)
	check(t, err)
	check(t, cmd.Process.Kill())
	rest, err := io.ReadAll(out)
	check(t, err)
	_ = cmd.Wait() // killed, as it should be
	return append(shown, rest...)
}
