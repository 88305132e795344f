package recorder_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// crowdEnv makes the test binary a process with several sessions at once, of
// which some end and others begin.
const crowdEnv = "RECORDER_TEST_CROWD"

// crowd records without end and delivers what was recorded to standard output,
// as frames "ID LENGTH\n" and the bytes.
func crowd(dir string) error {
	c := recorder.Config{
		Dir: filepath.Join(dir, "recordings"), KeyDir: filepath.Join(dir, "keys"), BastionID: "bastion-1",
		Index: newIndex(), Reserve: -1, SyncEvery: 5 * time.Millisecond,
	}
	if public := os.Getenv(childRecipient); public != "" {
		to, err := recorder.ParseRecipient(public)
		if err != nil {
			return err
		}
		c.Recipients = recorder.Recipients{to}
	}
	r, err := recorder.New(c)
	if err != nil {
		return err
	}
	go func() { _ = r.Run(context.Background()) }()
	var out sync.Mutex
	failed := make(chan error)
	for i := range 4 {
		go func() {
			rnd := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(i)))
			for {
				if err := oneOfCrowd(r, rnd, &out, i); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// oneOfCrowd records one session. The first two of the crowd never end.
func oneOfCrowd(r *recorder.Recorder, rnd *rand.Rand, out *sync.Mutex, i int) error {
	rec, err := r.Start(context.Background(), session(i%2 == 0), recorder.Shape{Cols: 80, Rows: 24})
	if err != nil {
		return err
	}
	text := bytes.Repeat([]byte("日本語 text \x1b[1m\xff\"quoted\"\r\n"), 400)
	for n := 0; i < 2 || n < 20; n++ {
		from := rnd.IntN(len(text) - 1)
		p := text[from : from+1+rnd.IntN(len(text)-from-1)]
		if err := rec.Stdout(p); err != nil {
			return err
		}
		out.Lock()
		_, err := fmt.Fprintf(os.Stdout, "%s %d\n%s", rec.Session().ID, len(p), p)
		out.Unlock()
		if err != nil {
			return err
		}
		if err := rec.Stdin(p); err != nil {
			return err
		}
	}
	_, err = rec.Seal(context.Background(), recorder.End{Cause: access.EndExit})
	return err
}

// killCrowd runs a crowd for a while, kills it, and gives what each session
// was shown.
func killCrowd(t *testing.T, dir string, after time.Duration) map[access.SessionID][]byte {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crowdEnv+"="+dir)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	in := bufio.NewReader(pipe)
	_, err = in.Peek(1)
	check(t, err)
	defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
	shown := map[access.SessionID][]byte{}
	for {
		var id access.SessionID
		var n int
		if _, err := fmt.Fscanf(in, "%s %d\n", &id, &n); err != nil || !access.ValidID(string(id)) {
			break // the frame that the kill tore
		}
		p := make([]byte, n)
		n, err := io.ReadFull(in, p)
		shown[id] = append(shown[id], p[:n]...)
		if err != nil {
			break
		}
	}
	_, _ = io.Copy(io.Discard, in)
	_ = cmd.Wait() // killed, as it should be
	return shown
}

// kill -9 at any moment, under load, with sessions that begin, go on, and are
// being sealed: what each client saw is a prefix of what its recording
// replays, and whatever verify says of it, it is not that it was altered.
func TestKillOfACrowd(t *testing.T) {
	runs := 12
	if testing.Short() {
		runs = 4
	}
	if os.Getenv("SALLYPORT_SOAK") != "" {
		runs = 400 // some three minutes
	}
	a := newAuditor(t)
	rnd := rand.New(rand.NewPCG(21, 4))
	sessions, sealed := 0, 0
	for run := range runs {
		dir := t.TempDir()
		var change []func(*recorder.Config)
		t.Setenv(childRecipient, "")
		if run%2 == 1 {
			t.Setenv(childRecipient, fmt.Sprint(a.to[0]))
			change = append(change, encrypted(a))
		}
		shown := killCrowd(t, dir, time.Duration(1+rnd.IntN(150))*time.Millisecond)
		b, _ := openBench(t, dir, newIndex(), change...).restart(t)
		folders, _, err := recorder.Folders(filepath.Join(dir, "recordings"))
		check(t, err)
		at := map[string]string{}
		for _, f := range folders {
			at[filepath.Base(f)] = f
		}
		for id, want := range shown {
			folder := at[string(id)]
			v := verify(t, folder, b.Keys().Trust())
			if v.Verdict != recorder.Recovered && v.Verdict != recorder.Intact {
				t.Errorf("run %d: %+v: %v", run, v, names(t, folder))
			}
			if v.Verdict == recorder.Intact {
				sealed++
			}
			sessions++
			if run%2 == 1 {
				folder = decrypt(t, folder, a)
			}
			var got bytes.Buffer
			if err := recorder.CopyOutput(&got, folder); err != nil || !bytes.HasPrefix(got.Bytes(), want) {
				t.Errorf("run %d, %s: %d bytes were shown, the recording has %d and not the same: %v", run, id, len(want), got.Len(), err)
			}
		}
		_ = os.RemoveAll(dir)
	}
	if sessions < runs {
		t.Error(errors.New("the harness saw too little"))
	}
	t.Logf("%d kills, %d sessions that had shown something, %d of them sealed before", runs, sessions, sealed)
}
