package recorder_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

func (b *bench) startKind(t testing.TB, kind access.Kind) *recorder.Recording {
	t.Helper()
	s := session(false)
	s.Kind = kind
	rec, err := b.Start(context.Background(), s, recorder.Shape{})
	check(t, err)
	return rec
}

var entries = []access.Transfer{
	{Action: access.FilePut, Path: "/root/a.bin", Bytes: 3 << 20, Mode: "0640", SHA256: strings.Repeat("ab", 32), Result: access.FileOK},
	{Action: access.FileRename, Path: "/root/a.bin", To: "/root/<b>\n\u2028", Result: "permission denied"},
	{Action: access.FileGet, Path: `a\xff`, Bytes: 7, Partial: true, Result: access.FileUnfinished, Detail: "bytes 3-9"},
}

// ledger reads the entries of a folder.
func ledger(t testing.TB, dir string) (list []access.Transfer) {
	t.Helper()
	for e, err := range recorder.Transfers(dir) {
		check(t, err)
		list = append(list, e)
	}
	return list
}

// same compares entries but for their session, place and time.
func same(t testing.TB, what string, got, want []access.Transfer) {
	t.Helper()
	bare := slices.Clone(got)
	for i := range bare {
		if i > 0 && bare[i].Place <= bare[i-1].Place {
			t.Errorf("%s: places %d, %d", what, bare[i-1].Place, bare[i].Place)
		}
		bare[i].Session, bare[i].Place, bare[i].At = "", 0, 0
	}
	if !slices.Equal(bare, want) {
		t.Errorf("%s: got\n%+v\nwant\n%+v", what, bare, want)
	}
}

// The cast of an sftp session shows its ledger, the protocol's bytes lie
// beside it, and the index has the entries when the session is sealed.
func TestTransfersOfSFTP(t *testing.T) {
	b := newBench(t, func(c *recorder.Config) { c.ExecLimit = 1000 })
	rec := b.startKind(t, access.KindSFTP)
	dir := b.folder(rec.Session())
	raw := bytes.Repeat([]byte("\x00\x00\x00\xff binary \x65"), 50)
	check(t, rec.Stdin([]byte("in \x00\xff")))
	check(t, rec.Stdout(raw[:300]))
	check(t, rec.Stderr([]byte("sftp-server says")))
	for _, e := range entries {
		check(t, rec.Transfer(e))
	}
	check(t, rec.Stdout(raw[300:]))
	check(t, rec.Stdout(make([]byte, 1000)))
	same(t, "live", ledger(t, dir), entries)
	s := seal(t, rec)

	want := "sftp-server says\r\nput /root/a.bin 3.0 MiB ok sha256:" + entries[0].SHA256 + "\r\n" +
		`rename /root/a.bin -> "/root/<b>\n\u2028" permission denied` + "\r\n" +
		`get "a\\xff" 7 B partial (bytes 3-9) unfinished` + "\r\n"
	if got := output(t, dir); got != want {
		t.Errorf("the cast shows\n%q, want\n%q", got, want)
	}
	var out, in bytes.Buffer
	check(t, recorder.CopyOutput(&out, dir, "stdout"))
	check(t, recorder.CopyBeside(&in, dir, "stdin"))
	if !bytes.Equal(out.Bytes(), append(slices.Clone(raw), make([]byte, 1000)...)[:1000]) || in.String() != "in \x00\xff" {
		t.Errorf("raw output %d bytes, input %q", out.Len(), in.String())
	}
	same(t, "disk", ledger(t, dir), entries)
	same(t, "index", b.index.transfers, entries)
	if e := b.index.transfers[1]; e.Session != s.ID || e.Place == 0 || e.At <= 0 || e.At > time.Minute {
		t.Errorf("%+v", e)
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	if m.Counts.Markers != 3 || m.Counts.Events != 7 || s.BytesOut != int64(len(raw)+1000+len("sftp-server says")) {
		t.Errorf("counts %+v, %d bytes out", m.Counts, s.BytesOut)
	}
	if !slices.ContainsFunc(m.Files, func(f recorder.FileDigest) bool { return f.Name == "stdout.ndjson" }) ||
		!slices.ContainsFunc(m.Streams, func(d recorder.StreamDigest) bool {
			return d.Name == "stdout" && d.Bytes == int64(len(raw)+1000) && d.Recorded == 1000
		}) {
		t.Errorf("manifest %+v", m)
	}
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v", v)
	}
	check(t, os.WriteFile(filepath.Join(dir, "stdout.ndjson"), []byte("[0.0, \"o\", \"x\"]\n"), 0o600))
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict == recorder.Intact {
		t.Error("another stdout.ndjson passes")
	}
}

// In the cast of an exec the ledger's lines stand among the output and are not
// taken for it, even in the middle of a character.
func TestTransfersAmongOutput(t *testing.T) {
	b := newBench(t)
	rec := b.startKind(t, access.KindExec)
	dir := b.folder(rec.Session())
	check(t, rec.Stdout([]byte("caf\xc3")))
	check(t, rec.Transfer(entries[0]))
	check(t, rec.Stdout([]byte("\xa9 \xff\n")))
	check(t, rec.Transfer(entries[1]))
	crash := output(t, dir)
	again, sessions := b.restart(t) // as if it had died here
	var out bytes.Buffer
	check(t, recorder.CopyOutput(&out, dir))
	if out.String() != "caf\xc3\xa9 \xff\n" || len(sessions) != 1 || sessions[0].BytesOut != 8 {
		t.Errorf("output %q, %+v", out.String(), sessions)
	}
	if !strings.HasPrefix(crash, "caf\r\nput /root/a.bin") || strings.Count(crash, "\r\n") != 3 {
		t.Errorf("the cast shows %q", crash)
	}
	same(t, "index", b.index.transfers, entries[:2])
	if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
		t.Errorf("%+v", v)
	}
}

// A crash at any byte of the files leaves what is whole, in the index too.
func TestRecoverTransfers(t *testing.T) {
	for _, name := range []string{"stdout.ndjson", "events.ndjson", "session.cast"} {
		for cut := int64(1); cut < 400; cut += 37 {
			b := newBench(t)
			rec := b.startKind(t, access.KindSFTP)
			dir := b.folder(rec.Session())
			for _, e := range entries {
				check(t, rec.Stdout(bytes.Repeat([]byte{0, 255}, 100)))
				check(t, rec.Transfer(e))
			}
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			check(t, err)
			check(t, os.Truncate(path, info.Size()-cut))
			again, sessions := b.restart(t)
			if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered || len(sessions) != 1 {
				t.Errorf("%s less %d: %+v", name, cut, v)
			}
			left := ledger(t, dir)
			same(t, name, left, entries[:len(left)])
			same(t, "index", b.index.transfers, entries[:len(left)])
			if whole := len(left) == len(entries); whole == (name == "events.ndjson") {
				t.Errorf("%s less %d: %d entries", name, cut, len(left))
			}
			if n := sessions[0].BytesOut; name != "stdout.ndjson" && n != 600 || n%200 != 0 {
				t.Errorf("%s less %d: %d bytes out", name, cut, n)
			}
		}
	}
}

// The index learns of a live session's entries by and by, and of all of them
// before the session counts as sealed.
func TestTransfersReachTheIndex(t *testing.T) {
	b := newBench(t, func(c *recorder.Config) { c.SyncEvery = time.Millisecond })
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	rec := b.startKind(t, access.KindSFTP)
	check(t, rec.Event(recorder.Event{Kind: "subsystem", Detail: "sftp"}))
	check(t, rec.Transfer(entries[0]))
	select {
	case <-b.index.added:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing reached the index")
	}
	stop()
	check(t, <-done)
	want := []access.Transfer{entries[0]}
	for range 1200 { // more than a batch
		check(t, rec.Transfer(entries[1]))
		want = append(want, entries[1])
	}
	b.index.setFail(errors.New("the database is locked"))
	if _, err := rec.Seal(context.Background(), recorder.End{}); err == nil {
		t.Error("sealed without its ledger")
	}
	b.index.setFail(nil)
	seal(t, rec)
	same(t, "index", b.index.transfers, want)
}
