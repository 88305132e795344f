package bastion_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/tooltest"
	"github.com/sallyport/sallyport/recorder"
)

// transfers is the ledger of the last session: in the index and on disk alike.
func (l *lab) transfers() (access.Session, []access.Transfer) {
	l.t.Helper()
	s := l.lastSession()
	list := must(l.store.Transfers(context.Background(), access.TransferQuery{Session: s.ID}))(l.t)
	var disk []access.Transfer
	for e, err := range recorder.Transfers(l.folder(s)) {
		if err != nil {
			l.t.Fatal(err)
		}
		e.Session = s.ID
		disk = append(disk, e)
	}
	if !slices.Equal(list, disk) {
		l.t.Errorf("the index has %v\nevents.ndjson %v", list, disk)
	}
	return s, list
}

func (l *lab) folder(s access.Session) string {
	return filepath.Join(l.dir, "recordings", filepath.FromSlash(s.Recording))
}

func (l *lab) wantTransfers(want ...string) access.Session {
	l.t.Helper()
	s, list := l.transfers()
	var got []string
	for _, e := range list {
		got = append(got, strings.ReplaceAll(e.String(), l.dir, "/T"))
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("ledger\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	return s
}

// shown is the cast's output and its markers.
func (l *lab) shown(s access.Session) (output string, markers []string) {
	l.t.Helper()
	r := must(recorder.Open(l.folder(s)))(l.t)
	defer r.Close()
	for ev, err := range r.Events() {
		if err != nil {
			l.t.Fatal(err)
		}
		switch ev.Code {
		case recorder.CodeOutput:
			output += ev.Data
		case recorder.CodeMarker:
			markers = append(markers, ev.Data)
		}
	}
	return output, markers
}

func sum(data []byte) string {
	d := sha256.Sum256(data)
	return hex.EncodeToString(d[:])
}

// random writes a file of n random bytes.
func (l *lab) random(name string, n int) (path string, data []byte) {
	l.t.Helper()
	data = make([]byte, n)
	_, _ = rand.Read(data) // never fails
	path = filepath.Join(l.dir, name)
	if err := os.WriteFile(path, data, 0o640); err != nil {
		l.t.Fatal(err)
	}
	return path, data
}

// What sftp does to files is in the ledger, with digests, and the replay shows
// it instead of the protocol, whose bytes are kept beside.
func TestLedgerOfSFTP(t *testing.T) {
	l := newLab(t)
	_, data := l.random("a.bin", 3<<20)
	batch := strings.NewReplacer("/T", l.dir).Replace(`put /T/a.bin /T/b.bin
get /T/b.bin /T/c.bin
mkdir /T/d
rename /T/b.bin /T/d/e
ln /T/d/e /T/d/hard
ln -s e /T/d/soft
chmod 600 /T/d/e
-put /T/a.bin /T/nowhere/x
rm /T/d/hard
rm /T/d/soft
rm /T/d/e
rmdir /T/d
`)
	if got := l.runAs("alice", strings.NewReader(batch), "sftp", "-b", "-", l.target("db1")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	s := l.wantTransfers(
		"put /T/b.bin 3.0 MiB ok", "get /T/b.bin 3.0 MiB ok", "mkdir /T/d ok", "rename /T/b.bin -> /T/d/e ok",
		"link /T/d/hard -> /T/d/e ok", "symlink /T/d/soft -> e ok", "setstat /T/d/e (mode 0600) ok",
		"put /T/nowhere/x 0 B no such file",
		"remove /T/d/hard ok", "remove /T/d/soft ok", "remove /T/d/e ok", "rmdir /T/d ok")
	_, list := l.transfers()
	for _, e := range list[:2] {
		if e.SHA256 != sum(data) {
			t.Errorf("%v: digest %s, want %s", e, e.SHA256, sum(data))
		}
	}
	output, markers := l.shown(s)
	if !strings.HasPrefix(output, "put "+l.dir+"/b.bin 3.0 MiB ok sha256:"+sum(data)+"\r\n") || strings.Count(output, "\n") != len(list) || len(markers) != len(list) {
		t.Errorf("cast shows %q, markers %q", output, markers)
	}
	var raw bytes.Buffer
	if err := recorder.CopyOutput(&raw, l.folder(s)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw.Bytes(), data[:1000]) || int64(raw.Len()) != s.BytesOut {
		t.Errorf("%d raw bytes of %d, or not the file", raw.Len(), s.BytesOut)
	}
	raw.Reset()
	if err := recorder.CopyBeside(&raw, l.folder(s), "stdin"); err != nil || !bytes.Contains(raw.Bytes(), data[:1000]) || int64(raw.Len()) != s.BytesIn {
		t.Errorf("%d raw bytes of %d of input, or not the file: %v", raw.Len(), s.BytesIn, err)
	}
	found := must(l.store.Transfers(context.Background(), access.TransferQuery{Path: "*/d/e"}))(t)
	if len(found) != 4 || found[0].Session != s.ID { // renamed to, linked to, set, removed
		t.Errorf("by path: %v", found)
	}
}

// Resumed transfers say which bytes passed.
func TestLedgerOfResumedSFTP(t *testing.T) {
	l := newLab(t)
	_, data := l.random("whole", 300_000)
	for _, name := range []string{"part", "back"} {
		if err := os.WriteFile(filepath.Join(l.dir, name), data[:100_000], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	batch := strings.NewReplacer("/T", l.dir).Replace("reput /T/whole /T/part\nreget /T/whole /T/back\n")
	if got := l.runAs("alice", strings.NewReader(batch), "sftp", "-b", "-", l.target("db1")); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	l.wantTransfers("put /T/part 195.3 KiB partial (bytes 100000-299999) ok", "get /T/whole 195.3 KiB partial (bytes 100000-299999) ok")
	if !bytes.Equal(must(os.ReadFile(filepath.Join(l.dir, "part")))(t), data) || !bytes.Equal(must(os.ReadFile(filepath.Join(l.dir, "back")))(t), data) {
		t.Error("other bytes arrived")
	}
}

// scp in both of its protocols, both ways, with folders.
func TestLedgerOfSCP(t *testing.T) {
	l := newLab(t)
	l.mkdir("tree")
	local, data := l.random("tree/local", 2<<20+1)
	remote := filepath.Join(l.dir, "there")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"-s", local, ":" + remote}, []string{"put /T/there 2.0 MiB ok"}},
		{[]string{"-s", ":" + remote, local}, []string{"get /T/there 2.0 MiB ok"}},
		{[]string{"-O", local, ":" + remote}, []string{"put /T/there/local 2.0 MiB (or /T/there itself, if that is no folder) ok"}},
		{[]string{"-O", ":" + remote, local}, []string{"get /T/there 2.0 MiB ok"}},
		{[]string{"-s", "-r", filepath.Join(l.dir, "tree"), ":" + l.dir + "/copy"}, []string{"mkdir /T/copy ok", "put /T/copy/local 2.0 MiB ok", "setstat /T/copy (mode 0700) ok"}},
		{[]string{"-O", "-r", filepath.Join(l.dir, "tree"), ":" + l.dir + "/copy"}, []string{"mkdir /T/copy/tree (or /T/copy itself, if that is no folder) ok", "put /T/copy/tree/local 2.0 MiB ok"}},
		{[]string{"-O", "-r", ":" + l.dir + "/copy/tree", filepath.Join(l.dir, "back")}, []string{"get /T/copy/tree/local 2.0 MiB ok"}},
		{[]string{"-O", ":" + l.dir + "/nothing", local}, []string{"get /T/nothing 0 B (scp: /T/nothing: No such file or directory) failed"}},
	} {
		for i, a := range c.args {
			if strings.HasPrefix(a, ":") {
				c.args[i] = l.target("db1") + a
			}
		}
		got := l.run("scp", append([]string{"-q"}, c.args...)...)
		s := l.wantTransfers(c.want...)
		if failed := strings.HasSuffix(c.want[0], "failed"); got.code != 0 != failed {
			t.Fatalf("scp %v: %+v", c.args, got)
		}
		_, list := l.transfers()
		for _, e := range list {
			if e.Direction() != "" && e.Result == access.FileOK && e.SHA256 != sum(data) {
				t.Errorf("scp %v: %+v, want %s", c.args, e, sum(data))
			}
		}
		output, markers := l.shown(s)
		if !strings.Contains(output, list[0].String()) || len(markers) < len(list) {
			t.Errorf("scp %v: the cast shows %.300q, markers %q", c.args, output, markers)
		}
		var raw bytes.Buffer
		if err := recorder.CopyOutput(&raw, l.folder(s), "stdout"); err != nil || int64(raw.Len()) > s.BytesOut || strings.Contains(raw.String(), list[0].String()) {
			t.Errorf("scp %v: %d raw bytes of %d: %v", c.args, raw.Len(), s.BytesOut, err)
		}
	}
}

// A command that begins like scp and is something else is recorded like any
// other (open-bastion #287).
func TestLedgerHidesNothing(t *testing.T) {
	l := newLab(t)
	target := filepath.Join(l.dir, "x")
	script := "\x02bye\necho SECRET-OUT # SECRET-IN\n" // 2 ends scp, and sh reads on
	l.runAs("alice", strings.NewReader(script), "ssh", l.target("db1"), "scp -t "+target+"; sh")
	s, list := l.transfers()
	if len(list) == 0 || list[len(list)-1].Action != access.FileOpaque {
		t.Errorf("ledger %v", list)
	}
	output, _ := l.shown(s)
	var in bytes.Buffer
	if err := recorder.CopyBeside(&in, l.folder(s), "stdin"); err != nil || in.String() != script {
		t.Errorf("input %q, %v", in.String(), err)
	}
	if !strings.Contains(output, "SECRET-OUT") {
		t.Errorf("the cast shows %q", output)
	}
	if got := l.run("ssh", l.target("db1"), "scp -t /nowhere/x 2>&1 </dev/null; echo SECRET-OUT"); !strings.Contains(got.out, "SECRET-OUT") {
		t.Fatalf("%+v", got)
	}
	if output, _ := l.shown(l.sessions()[0]); !strings.Contains(output, "SECRET-OUT") {
		t.Errorf("the cast shows %q", output)
	}
}

// A malformed packet passes through, and the host has the last word on it.
func TestMalformedSFTPPasses(t *testing.T) {
	l := newLab(t)
	// talk says something good and, when that is answered, something bad. It
	// gives the answer to the latter.
	talk := func(cmd *exec.Cmd, good, bad string) string {
		in, out := must(cmd.StdinPipe())(t), must(cmd.StdoutPipe())(t)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait() //nolint:errcheck // it ends as it likes
		_, _ = io.WriteString(in, good)
		for range 2 { // the version, and the answer
			var size [4]byte
			_, err := io.ReadFull(out, size[:])
			if err == nil {
				_, err = io.CopyN(io.Discard, out, int64(binary.BigEndian.Uint32(size[:])))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_, _ = io.WriteString(in, bad) // the reader may have had enough of it
		_ = in.Close()
		return string(must(io.ReadAll(out))(t))
	}
	const hello = "\x00\x00\x00\x05\x01\x00\x00\x00\x03"
	remove := func(id string) string { return "\x00\x00\x00\x0e\x0d\x00\x00\x00" + id + "\x00\x00\x00\x05/no/a" }
	for _, bad := range []string{"\x00\x00\x00\x06\x0d\x00\x00\x00\x08\xff", "\xff\xff\xff\xffgarbage", "\x00\x00\x00\x05\xee\x00\x00\x00\x09"} {
		ssh := exec.Command("ssh", "-F", filepath.Join(l.dir, "ssh_config.alice"), "-s", l.target("db1"), "sftp")
		got := talk(ssh, hello+remove("\x01"), bad+remove("\x02"))
		if want := talk(exec.Command("/usr/lib/openssh/sftp-server"), hello+remove("\x01"), bad+remove("\x02")); got != want {
			t.Errorf("%q: got %q, directly %q", bad, got, want)
		}
		if _, list := l.transfers(); len(list) < 2 || list[0].String() != "remove /no/a no such file" || !strings.Contains("opaque other", string(list[1].Action)) {
			t.Errorf("%q: %v", bad, list)
		}
	}
}

// A client that leaves half-way leaves an entry that says so.
func TestLedgerOfBrokenOffTransfer(t *testing.T) {
	l := newLab(t)
	target := filepath.Join(l.dir, "x")
	in := "C0644 1000 x\nonly this"
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, in)
		w.Close()
	}()
	l.runAs("alice", r, "ssh", l.target("db1"), "scp -t "+target)
	_, list := l.transfers()
	if len(list) != 1 || list[0].Bytes != 9 || !list[0].Partial || list[0].Result == access.FileOK || list[0].SHA256 != sum([]byte("only this")) {
		t.Errorf("%+v", list)
	}
}

// A mounted folder is read and written in the kernel's order.
func TestLedgerOfSSHFS(t *testing.T) {
	tooltest.Need(t, "sshfs", "fusermount3")
	l := newLab(t)
	mount, remote := l.mkdir("mount"), l.mkdir("remote")
	local, data := l.random("a.bin", 1<<20+5)
	sshfs := exec.Command("sshfs", "-o", "ssh_command=ssh -F "+filepath.Join(l.dir, "ssh_config.alice"), l.target("db1")+":"+remote, mount)
	if out, err := sshfs.CombinedOutput(); err != nil {
		t.Skip(string(out), err) // no FUSE in this container
	}
	shell := exec.Command("/bin/sh", "-ec", `cp "$1" b; cmp "$1" b; mv b c; echo more >>c; chmod 600 c; ln -s c d; rm d c; mkdir e; rmdir e`, "sh", local)
	shell.Dir = mount
	out, err := shell.CombinedOutput()
	if out2, err2 := exec.Command("fusermount3", "-u", mount).CombinedOutput(); err != nil || err2 != nil {
		t.Fatal(string(out), err, string(out2), err2)
	}
	over := time.After(10 * time.Second)
	for tick := time.Tick(10 * time.Millisecond); l.sessions()[0].State == access.SessionLive; {
		select { // sshfs ends by itself, after fusermount
		case <-tick:
		case <-over:
			t.Fatal("the session does not end")
		}
	}
	_, list := l.transfers()
	done := map[access.FileAction]int{}
	for _, e := range list {
		done[e.Action]++
		if e.Result != access.FileOK && e.Result != "no such file" || e.Bytes < 0 {
			t.Errorf("%+v", e)
		}
		if e.SHA256 != "" && !e.Partial && e.Bytes > 0 && e.SHA256 != sum(data) {
			t.Errorf("%+v: another digest than %s", e, sum(data))
		}
	}
	for action, n := range map[access.FileAction]int{access.FilePut: 2, access.FileRename: 1, access.FileSetstat: 1, access.FileSymlink: 1, access.FileRemove: 2, access.FileMkdir: 1, access.FileRmdir: 1} {
		if done[action] < n {
			t.Errorf("%d of %d %s in %v", done[action], n, action, list)
		}
	}
	if done[access.FileOpaque] > 0 {
		t.Errorf("%v", list)
	}
}

// rsync is no file transfer that we read: its command line, the bytes and
// their digests are kept, and its input as that of any exec.
func TestRsyncIsExec(t *testing.T) {
	tooltest.Need(t, "rsync")
	l := newLab(t)
	local, data := l.random("a.bin", 1<<20)
	remote := filepath.Join(l.dir, "r.bin")
	cmd := exec.Command("rsync", "-e", "ssh -F "+filepath.Join(l.dir, "ssh_config.alice"), local, l.target("db1")+":"+remote)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(string(out), err)
	}
	if !bytes.Equal(must(os.ReadFile(remote))(t), data) {
		t.Error("other bytes arrived")
	}
	s, list := l.transfers()
	if s.Kind != access.KindExec || !strings.HasPrefix(s.Command, "rsync --server") || len(list) != 0 {
		t.Errorf("session %+v, ledger %v", s, list)
	}
	var in bytes.Buffer
	if err := recorder.CopyBeside(&in, l.folder(s), "stdin"); err != nil {
		t.Fatal(err)
	}
	m := must(recorder.ReadManifest(l.folder(s)))(t)
	for _, d := range m.Streams {
		if d.Name == "stdin" && (d.SHA256 != sum(in.Bytes()) || d.Bytes != s.BytesIn || !bytes.Contains(in.Bytes(), data[:500])) {
			t.Errorf("manifest %+v, input of %d bytes", d, in.Len())
		}
	}
	if len(m.Streams) < 2 {
		t.Errorf("streams %+v", m.Streams)
	}
}
