package console_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
)

// A copied folder is read here: no socket, no configuration.
func TestCopiedFolderNeedsNoServer(t *testing.T) {
	w := newWorld(t)
	w.record(t, 3)
	copied := filepath.Join(t.TempDir(), "data", "recordings")
	must(t, os.CopyFS(copied, os.DirFS(w.dir)))
	one := filepath.Join(copied, filepath.FromSlash(w.sessions[0].Recording))
	p := console.Program{Socket: func(string) (string, error) {
		t.Error("the server was looked for")
		return "", io.EOF
	}}
	trust := w.publicKeys

	for _, path := range []string{copied, one, filepath.Dir(copied)} {
		if got := program(t, p, "verify", path, "--trust", trust); got.exit != 0 || !strings.Contains(got.out, "intact") {
			t.Errorf("verify %s: %+v", path, got)
		}
	}
	got := program(t, p, "verify", copied, "--trust", filepath.Dir(trust), "--json")
	if got.exit != 0 || strings.Count(got.out, "\n") != 3 || !strings.Contains(got.out, `"verdict":"intact"`) {
		t.Errorf("verify of all: %+v", got)
	}
	if got := program(t, p, "verify", copied); got.exit != 2 || !strings.Contains(got.err, "--trust") {
		t.Errorf("without trust: %+v", got)
	}
	if got := program(t, p, "replay", one); got.exit != 0 || !strings.Contains(got.out, "hello") {
		t.Errorf("replay: %+v", got)
	}
	if got := program(t, p, "replay", filepath.Join(one, "session.cast")); got.exit != 0 || !strings.Contains(got.out, "hello") {
		t.Errorf("replay of a file: %+v", got)
	}
	got = program(t, p, "export", one)
	archive := tar.NewReader(strings.NewReader(got.out))
	names := map[string]bool{}
	for h, err := archive.Next(); err == nil; h, err = archive.Next() {
		names[h.Name] = true
	}
	if id := string(w.sessions[0].ID); got.exit != 0 || !names[id+"/session.cast"] || !names[id+"/manifest.json"] {
		t.Errorf("export: %d %s %v", got.exit, got.err, names)
	}
	for _, command := range []string{"replay", "export"} {
		if got := program(t, p, command, copied); got.exit != 2 || !strings.Contains(got.err, "3 recordings") {
			t.Errorf("%s of many: %+v", command, got)
		}
		if got := program(t, p, command, filepath.Join(copied, "nowhere")); got.exit != 1 {
			t.Errorf("%s of nothing: %+v", command, got)
		}
	}

	// What is wrong is found, and said in the contract's words.
	cast := filepath.Join(one, "session.cast")
	data, err := os.ReadFile(cast)
	must(t, err)
	must(t, os.WriteFile(cast, bytes.Replace(data, []byte("hello"), []byte("jello"), 1), 0o600))
	got = program(t, p, "verify", one, "--trust", trust, "--json")
	var v struct {
		ID      string `json:"session_id"`
		Verdict string `json:"verdict"`
		Offset  *int64 `json:"first_bad_offset"`
	}
	must(t, json.Unmarshal([]byte(got.out), &v))
	if got.exit != 1 || v.Verdict != "altered" || v.Offset == nil || v.ID != string(w.sessions[0].ID) {
		t.Errorf("altered: %+v", got)
	}
	must(t, os.RemoveAll(one))
	if got := program(t, p, "verify", copied, "--trust", trust); got.exit != 0 {
		t.Errorf("the newest away, which nothing here can know: %+v", got)
	}
	must(t, os.RemoveAll(filepath.Join(copied, filepath.FromSlash(w.sessions[1].Recording))))
	must(t, os.CopyFS(one, os.DirFS(filepath.Join(w.dir, filepath.FromSlash(w.sessions[0].Recording)))))
	if got := program(t, p, "verify", copied, "--trust", trust); got.exit != 1 || !strings.Contains(got.out, "missing") {
		t.Errorf("one from the middle away: %+v", got)
	}
}

// A path means nothing to the server: over SSH there are none, and an ID goes
// to the server.
func TestPathsAreForThisMachineOnly(t *testing.T) {
	w := newWorld(t)
	w.record(t, 1)
	for _, line := range []string{"verify /etc", "verify . --trust /etc", "replay ./x", "export /"} {
		if got := w.as(t, "carol", line); got.exit != 2 {
			t.Errorf("%s: %+v", line, got)
		}
	}
	dir := t.TempDir()
	t.Chdir(dir)
	must(t, os.Mkdir(sealedID, 0o700))
	asked := false
	p := console.Program{Socket: func(string) (string, error) { asked = true; return "", io.EOF }}
	program(t, p, "verify", sealedID)
	if !asked {
		t.Error("an ID was taken for the folder of that name")
	}
}

// The audit chain that was copied along is checked, and what it says of
// recordings holds against who rewrote one with the signing key.
func TestCopiedAuditChain(t *testing.T) {
	w := newWorld(t)
	w.record(t, 1)
	data := t.TempDir()
	must(t, os.CopyFS(filepath.Join(data, "recordings"), os.DirFS(w.dir)))
	must(t, os.Mkdir(filepath.Join(data, "audit"), 0o700))
	file := filepath.Join(data, "audit", "2026-11-22.ndjson")
	manifest, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(w.sessions[0].Recording), "manifest.json"))
	must(t, err)
	write := func(digest string) {
		var lines []byte
		seq, head := int64(0), audit.Genesis
		for _, e := range []audit.Event{
			{Time: now, Kind: audit.ServerStarted, Actor: "system"},
			{Time: now, Kind: audit.SessionEnded, Session: string(w.sessions[0].ID), Detail: map[string]string{"manifest": digest}},
		} {
			r := audit.Link(seq, head, audit.Encode(e))
			lines, seq, head = audit.AppendLine(lines, r), r.Seq, r.Hash
		}
		must(t, os.WriteFile(file, lines, 0o600))
	}
	p := console.Program{}
	write(fmt.Sprintf("%x", sha256.Sum256(manifest)))
	if got := program(t, p, "verify", data, "--trust", w.publicKeys); got.exit != 0 || !strings.Contains(got.out, "audit chain: holds, up to row 2") {
		t.Errorf("as it was: %+v", got)
	}
	write(strings.Repeat("0", 64))
	if got := program(t, p, "verify", data, "--trust", w.publicKeys); got.exit != 1 || !strings.Contains(got.out, "altered") || !strings.Contains(got.out, "audit chain") {
		t.Errorf("another manifest: %+v", got)
	}
	lines, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, bytes.Replace(lines, []byte("system"), []byte("sister"), 1), 0o600))
	if got := program(t, p, "verify", data, "--trust", w.publicKeys); got.exit != 1 || !strings.Contains(got.err, "audit chain broken at row 1") {
		t.Errorf("a changed chain: %+v", got)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An archive is verified as what comes of unpacking it is, and leaves nothing.
func TestVerifyArchive(t *testing.T) {
	w := newWorld(t)
	w.record(t, 3)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	p := console.Program{}
	pack := func(root string, change func(name string, data []byte) []byte) string {
		t.Helper()
		var b bytes.Buffer
		archive := tar.NewWriter(&b)
		must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(filepath.Dir(root), path)
			if err != nil {
				return err
			}
			data = change(name, data)
			if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o600}); err != nil {
				return err
			}
			_, err = archive.Write(data)
			return err
		}))
		must(t, archive.Close())
		name := filepath.Join(t.TempDir(), "a.tar")
		must(t, os.WriteFile(name, b.Bytes(), 0o600))
		return name
	}
	as := func(_ string, data []byte) []byte { return data }
	one := filepath.Join(w.dir, filepath.FromSlash(w.sessions[0].Recording))
	for what, c := range map[string]struct {
		file, want string
		exit       int
	}{
		"all":      {pack(w.dir, as), "3 recordings, 3 intact", 0},
		"a bundle": {pack(one, as), "intact     " + filepath.Base(one), 0},
		"changed": {pack(one, func(name string, data []byte) []byte {
			if filepath.Base(name) == "session.cast" {
				data = bytes.Replace(data, []byte("hello"), []byte("jello"), 1)
			}
			return data
		}), "altered    " + filepath.Base(one), 1},
	} {
		if got := program(t, p, "verify", c.file, "--trust", w.publicKeys); got.exit != c.exit || !strings.Contains(got.out, c.want) {
			t.Errorf("%s: %+v, want %q", what, got, c.want)
		}
	}
	bad := filepath.Join(t.TempDir(), "bad.tar")
	must(t, os.WriteFile(bad, []byte("no archive \x1b[31m"), 0o600))
	if got := program(t, p, "verify", bad, "--trust", w.publicKeys); got.exit != 1 || !strings.Contains(got.err, "the archive cannot be read") || strings.Contains(got.err, "\x1b") {
		t.Errorf("%+v", got)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
