package recorder_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/recorder"
)

// auditor is somebody for whom recordings are encrypted.
type auditor struct {
	file string // of the private key
	ids  recorder.Identities
	to   recorder.Recipients
}

func newAuditor(t testing.TB) auditor {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	check(t, err)
	file := filepath.Join(t.TempDir(), "auditor.key")
	check(t, os.WriteFile(file, []byte(id.String()+"\n"), 0o600))
	return auditorOf(t, file, id.Recipient().String())
}

func auditorOf(t testing.TB, file, public string) auditor {
	t.Helper()
	data, err := os.ReadFile(file)
	check(t, err)
	ids, err := recorder.ParseIdentities(data, nil)
	check(t, err)
	to, err := recorder.ParseRecipient(public)
	check(t, err)
	return auditor{file, ids, recorder.Recipients{to}}
}

func encrypted(a auditor) func(*recorder.Config) {
	return func(c *recorder.Config) { c.Recipients = a.to }
}

// decrypt gives a recording as the auditor imports it.
func decrypt(t testing.TB, dir string, a auditor) string {
	t.Helper()
	to := t.TempDir()
	check(t, recorder.Decrypt(dir, a.ids, to))
	return to
}

// holds reports whether any file of a folder has p in it.
func holds(t testing.TB, dir, p string) (where []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		check(t, err)
		if bytes.Contains(data, []byte(p)) {
			where = append(where, e.Name())
		}
	}
	return where
}

func names(t testing.TB, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	check(t, err)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

const secretText = "xyzzy-plugh-secret"

// An encrypted recording of every kind of content, live and sealed: nothing of
// it is readable on the bastion, and all of it is to the auditor.
func TestEncryptedForItsRecipients(t *testing.T) {
	a := newAuditor(t)
	b := newBench(t, encrypted(a), func(c *recorder.Config) { c.ExecLimit = 1 << 20 })
	s := session(false)
	s.Command = "cat " + secretText
	rec, err := b.Start(t.Context(), s, recorder.Shape{})
	check(t, err)
	check(t, rec.Event(recorder.Event{Kind: "exec", Command: s.Command}))
	var shown, typed bytes.Buffer
	for i := range 3000 {
		line := []byte(secretText + " \xff\xfe raw 日本語\n")
		line = line[:len(line)-i%3]
		check(t, rec.Stdout(line))
		shown.Write(line)
		check(t, rec.Stdin(line))
		typed.Write(line)
	}
	check(t, rec.Stderr([]byte(secretText)))
	check(t, rec.Transfer(access.Transfer{Action: access.FilePut, Path: "/" + secretText}))
	live := filepath.Join(b.dir, "recordings", rec.Session().Recording)
	if !slices.Contains(names(t, live), "tail.enc") || !slices.Contains(names(t, live), "key.age") {
		t.Errorf("live: %v", names(t, live))
	}
	if where := holds(t, live, secretText); where != nil {
		t.Errorf("readable while live: %v", where)
	}
	if _, err := recorder.Open(live); !errors.Is(err, recorder.ErrEncrypted) {
		t.Errorf("Open: %v", err)
	}
	// Beyond the limit: digest, count and the last MiB.
	block := bytes.Repeat([]byte(secretText+"\n"), 40_000)
	for range 5 {
		check(t, rec.Stdout(block))
		shown.Write(block)
	}
	dir := b.folder(seal(t, rec))
	if where := holds(t, dir, secretText); where != nil {
		t.Errorf("readable when sealed: %v", where)
	}
	for _, name := range names(t, dir) {
		if strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, "tail.enc") || strings.HasSuffix(name, ".ring") {
			t.Errorf("%s is left", name)
		}
	}
	if v := verify(t, dir, b.Keys().Trust()); v.Verdict != recorder.Intact {
		t.Errorf("%+v", v)
	}
	m, err := recorder.ReadManifest(dir)
	check(t, err)
	if m.Session.Command != "" || len(b.index.transfers) > 0 || b.index.sessions[s.ID].Command != "" {
		t.Errorf("command %q, %d transfers in the index", m.Session.Command, len(b.index.transfers))
	}

	plain := decrypt(t, dir, a)
	var out, in bytes.Buffer
	check(t, recorder.CopyOutput(&out, plain, "stdout"))
	check(t, recorder.CopyBeside(&in, plain, "stdin"))
	if !bytes.HasPrefix(shown.Bytes(), out.Bytes()) || out.Len() < 1<<20-4 {
		t.Errorf("output of %d bytes is not the beginning of the %d", out.Len(), shown.Len())
	}
	if !bytes.Equal(in.Bytes(), typed.Bytes()) {
		t.Errorf("input: %d bytes of %d", in.Len(), typed.Len())
	}
	tail, err := os.ReadFile(filepath.Join(plain, "stdout.tail"))
	check(t, err)
	if len(tail) != 1<<20 || !bytes.HasSuffix(shown.Bytes(), tail) {
		t.Errorf("the tail of %d bytes is not the end", len(tail))
	}
	r, err := recorder.OpenWith(dir, a.ids)
	check(t, err)
	defer r.Close()
	if r.Header.Command != s.Command {
		t.Errorf("command %q", r.Header.Command)
	}
	if _, err := recorder.OpenWith(dir, newAuditor(t).ids); err == nil {
		t.Error("a stranger's key opened it")
	}
}

// Debian's own age and zstd open what we write, with each kind of key.
func TestStockToolsOpenSegments(t *testing.T) {
	tooltest.Need(t, "age", "zstd", "ssh-keygen")
	keys := map[string]auditor{"age": newAuditor(t)}
	for _, kind := range []string{"ed25519", "rsa"} {
		file := filepath.Join(t.TempDir(), kind)
		out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		public, err := os.ReadFile(file + ".pub")
		check(t, err)
		keys[kind] = auditorOf(t, file, string(public))
	}
	for kind, a := range keys {
		b := newBench(t, encrypted(a))
		rec := b.start(t, true)
		// More than one segment.
		for range 600 {
			check(t, rec.Stdout(samples["colour"]))
		}
		dir := b.folder(seal(t, rec))
		script := `set -e
age -d -i "$1" key.age > "$2/session.key"
for f in *.cast.zst.age; do age -d -i "$2/session.key" "$f" | zstd -dq; done`
		cmd := exec.Command("sh", "-c", script, "sh", a.file, t.TempDir())
		cmd.Dir = dir
		cmd.Stderr = os.Stderr
		got, err := cmd.Output()
		check(t, err)
		want, err := os.ReadFile(filepath.Join(decrypt(t, dir, a), "session.cast"))
		check(t, err)
		segments, _ := filepath.Glob(filepath.Join(dir, "*.cast.zst.age"))
		if !bytes.Equal(got, want) || len(segments) < 2 {
			t.Errorf("%s: %d segments, %d bytes, want %d", kind, len(segments), len(got), len(want))
		}
	}
}

// kill -9 of an encrypting process: nothing shown is lost, and who finds the
// disk cannot read it.
func TestKillOfAnEncryptedRecording(t *testing.T) {
	a := newAuditor(t)
	public := a.to[0].(*age.X25519Recipient).String()
	for i, enough := range []int{1, 60_000, 3_000_000, 25_000_000} {
		dir := t.TempDir()
		t.Setenv(childRecipient, public)
		shown := killChild(t, dir, enough)
		x := openBench(t, dir, newIndex(), encrypted(a))
		b, sessions := x.restart(t)
		if len(sessions) != 1 {
			t.Fatalf("%d recovered", len(sessions))
		}
		folder := b.folder(sessions[0])
		if where := holds(t, folder, "quoted"); where != nil {
			t.Errorf("run %d: readable: %v", i, where)
		}
		var replayed bytes.Buffer
		plain := decrypt(t, folder, a)
		check(t, recorder.CopyOutput(&replayed, plain))
		if !bytes.HasPrefix(replayed.Bytes(), shown) {
			t.Errorf("run %d: %d bytes were shown, the recording has %d and not the same", i, len(shown), replayed.Len())
		}
		if v := verify(t, folder, b.Keys().Trust()); v.Verdict != recorder.Recovered {
			t.Errorf("run %d: %+v: %v", i, v, names(t, folder))
		}
	}
}

// What a power cut leaves of a session that was never synced is closed as well:
// the wrapped key is durable from the start, the rest may be names or nothing.
func TestRecoverEncryptedThatWasNeverSynced(t *testing.T) {
	for what, cut := range map[string]func(dir string) error{
		"the row": os.RemoveAll,
		"names":   func(dir string) error { return os.Truncate(filepath.Join(dir, "session.idx"), 0) },
		"the key": func(dir string) error { return os.Remove(filepath.Join(dir, "session.idx")) },
	} {
		b := newBench(t, encrypted(newAuditor(t)))
		rec := b.start(t, true)
		dir := b.folder(rec.Session())
		check(t, cut(dir))
		again, sessions := b.restart(t)
		if len(sessions) != 1 || sessions[0].ID != rec.Session().ID {
			t.Errorf("only %s was left: recovered %+v", what, sessions)
		}
		if v := verify(t, dir, again.Keys().Trust()); v.Verdict != recorder.Recovered {
			t.Errorf("only %s was left: %+v", what, v)
		}
	}
}
