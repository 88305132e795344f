package transfer_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/transfer"
)

// peer speaks SFTP by hand.
type peer struct {
	watch *transfer.Watch
	list  []access.Transfer
}

func newPeer() *peer {
	p := &peer{}
	p.watch = transfer.New(access.KindSFTP, "sftp", false, func(e access.Transfer) { p.list = append(p.list, e) })
	p.ask(1, uint32(3))
	p.answer(2, uint32(3))
	return p
}

// packet makes one of fields: uint32 and uint64 as such, strings with their
// length, bytes bare.
func packet(kind byte, fields ...any) []byte {
	b := []byte{0, 0, 0, 0, kind}
	for _, f := range fields {
		switch f := f.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(f))
		case uint32:
			b = binary.BigEndian.AppendUint32(b, f)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, f)
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(f))), f...)
		case []byte:
			b = append(b, f...)
		}
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func (p *peer) ask(kind byte, fields ...any)    { p.watch.ToHost(packet(kind, fields...)) }
func (p *peer) answer(kind byte, fields ...any) { p.watch.FromHost(packet(kind, fields...)) }

const (
	reading = 1
	writing = 2 | 8 | 16 // write, create, truncate
)

// open opens a file; no attributes.
func (p *peer) open(id int, handle, path string, flags int) {
	p.ask(3, id, path, flags, 0)
	p.answer(102, id, handle)
}

func (p *peer) write(id int, handle string, offset uint64, data string) {
	p.ask(6, id, handle, offset, data)
	p.answer(101, id, 0, "", "")
}

func (p *peer) close(id int, handle string) {
	p.ask(4, id, handle)
	p.answer(101, id, 0, "", "")
}

func (p *peer) want(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, e := range p.list {
		got = append(got, e.String())
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestDigestOnlyInOrder(t *testing.T) {
	for name, c := range map[string]struct {
		flags  int
		writes []any // offset, text, …
		want   string
		sum    string
	}{
		"in order":       {writing, []any{0, "ab", 2, "cd"}, "put f 4 B ok", digest("abcd")},
		"nothing":        {writing, nil, "put f 0 B ok", digest("")},
		"out of order":   {writing, []any{2, "cd", 0, "ab"}, "put f 4 B (bytes 0-3, but not in order: no digest) ok", ""},
		"twice":          {writing, []any{0, "ab", 0, "ab"}, "put f 4 B (bytes 0-1, but not once: no digest) ok", ""},
		"a hole":         {writing, []any{0, "ab", 5, "c"}, "put f 3 B partial (bytes 0-1, 5-5) ok", ""},
		"filled":         {writing, []any{0, "ab", 5, "c", 2, "xyz"}, "put f 6 B (bytes 0-5, but not in order: no digest) ok", ""},
		"resumed":        {2, []any{3, "d"}, "put f 1 B partial (bytes 3-3) ok", ""},
		"over what was":  {2, []any{0, "ab"}, "put f 2 B partial ok", digest("ab")},
		"appended":       {2 | 4 | 8, []any{0, "ab"}, "put f 2 B partial ok", digest("ab")},
		"nothing at 9":   {writing, []any{0, "ab", 9, ""}, "put f 2 B ok", digest("ab")},
		"end of numbers": {writing, []any{-1, "ab"}, "put f 2 B partial (in many pieces, not in order) ok", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer()
			p.open(1, "h", "f", c.flags)
			for i := 0; i+1 < len(c.writes); i += 2 {
				p.write(2, "h", uint64(c.writes[i].(int)), c.writes[i+1].(string))
			}
			p.close(3, "h")
			p.want(t, c.want)
			if len(p.list) > 0 && p.list[0].SHA256 != c.sum {
				t.Errorf("digest %q, want %q", p.list[0].SHA256, c.sum)
			}
		})
	}
}

// A read is whole only if the end of the file was seen, or its size.
func TestWholeReads(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(p *peer)
		want string
	}{
		"end seen":      {func(p *peer) { p.ask(5, 9, "h", uint64(3), 100); p.answer(101, 9, 1, "", "") }, "get f 3 B ok"},
		"size by path":  {func(*peer) {}, "get f 3 B ok"},
		"size by fstat": {func(p *peer) { p.ask(8, 9, "h"); p.answer(105, 9, 1, uint64(4)) }, "get f 3 B partial ok"},
		"end far off":   {func(p *peer) { p.ask(5, 9, "h", uint64(90), 100); p.answer(101, 9, 1, "", "") }, "get f 3 B ok"},
		"failure":       {func(p *peer) { p.ask(5, 9, "h", uint64(3), 100); p.answer(101, 9, 4, "", "") }, "get f 3 B partial failure"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer()
			p.ask(17, 1, "f")
			p.answer(105, 1, 1, uint64(3))
			p.open(1, "h", "f", reading)
			p.ask(5, 2, "h", uint64(0), 2)
			p.ask(5, 3, "h", uint64(2), 2)
			p.answer(103, 2, "ab")
			p.answer(103, 3, "c")
			c.do(p)
			p.close(4, "h")
			p.want(t, c.want)
			if p.list[0].SHA256 != digest("abc") {
				t.Errorf("digest %q", p.list[0].SHA256)
			}
		})
	}
	p := newPeer() // nobody told a size
	p.open(1, "h", "f", reading)
	p.ask(5, 2, "h", uint64(0), 2)
	p.answer(103, 2, "ab")
	p.close(4, "h")
	p.open(1, "h", "f", reading)
	p.ask(5, 2, "h", uint64(0), 9)
	p.ask(5, 3, "h", uint64(9), 9)
	p.answer(103, 2, "ab")
	p.answer(101, 3, 1, "", "")
	p.close(4, "h")
	p.want(t, "get f 2 B partial ok", "get f 2 B ok")
}

func TestExtensions(t *testing.T) {
	p := newPeer()
	p.open(1, "a", "from", reading)
	p.open(2, "b", "to", writing)
	for i, e := range [][]any{
		{"posix-rename@openssh.com", "x", "y"},
		{"hardlink@openssh.com", "x", "y"},
		{"lsetstat@openssh.com", "x", 8, 0, 86400},
		{"copy-data", "a", uint64(0), uint64(10), "b", uint64(0)},
		{"fsync@openssh.com", "b"},
		{"users-groups-by-id@openssh.com", "", ""},
		{"new@example.com", "anything"},
	} {
		p.ask(200, append([]any{10 + i}, e...)...)
		p.answer(101, 10+i, 0, "", "")
	}
	p.ask(21, 30, "whatever")
	p.answer(101, 30, 8, "", "")
	p.close(40, "b")
	p.watch.End()
	p.want(t, "rename x -> y ok", "link y -> x ok", "setstat x (times set to 1970-01-02T00:00:00Z) ok",
		"copy from -> to (10 bytes from 0 on) ok", "other (extension new@example.com) ok", "other (request of type 21) unsupported",
		"put to 0 B partial (with content copied on the host) ok", "get from 0 B partial unfinished")
}

// Whatever cannot be understood turns the rest opaque, and what was under way
// is told.
func TestOpaque(t *testing.T) {
	for why, do := range map[string]func(p *peer){
		"the client sent a packet of impossible length":       func(p *peer) { p.watch.ToHost([]byte("GET / HTTP/1.1\r\n")) },
		"the host sent a packet of impossible length":         func(p *peer) { p.watch.FromHost([]byte("Welcome to db1!\r\n")) },
		"the client sent a malformed packet":                  func(p *peer) { p.ask(13, 7, 1000) },
		"the client sent two requests of one ID":              func(p *peer) { p.ask(13, 7, "a"); p.ask(13, 7, "b") },
		"the client sent a handle that the host did not give": func(p *peer) { p.ask(3, 7, "g", writing, 0); p.ask(6, 8, "h2", uint64(0), "x") },
		"the client sent another version of SFTP than 3":      func(p *peer) { p.ask(200, 7, "version-select", "6") },
		"the host sent an answer to nothing that was asked":   func(p *peer) { p.answer(101, 99, 0, "", "") },
		"the host sent an answer that does not fit its request": func(p *peer) {
			p.ask(13, 7, "a")
			p.answer(102, 7, "handle")
		},
		"the host sent another version of SFTP than 3": func(p *peer) { p.answer(2, 6) },
		"the host sent a handle that is in use":        func(p *peer) { p.open(7, "h", "other", reading) },
		"the client sent more requests at once than can be followed": func(p *peer) {
			for i := range 100_000 {
				p.ask(11, 100+i, "dir")
			}
		},
		"the host sent more open files than can be followed": func(p *peer) {
			for i := range 5000 {
				p.open(7, fmt.Sprint("h", i), strings.Repeat("p", 200), reading)
			}
		},
	} {
		t.Run(why, func(t *testing.T) {
			p := newPeer()
			p.open(1, "h", "f", writing)
			p.write(2, "h", 0, "ab")
			do(p)
			p.ask(13, 500_000, "unseen")
			p.watch.End()
			if n := len(p.list); n < 2 || p.list[0].String() != "put f 2 B partial unfinished" || p.list[n-1].Detail != why || p.list[n-1].Action != access.FileOpaque {
				t.Errorf("%v", p.list[max(0, n-3):])
			}
		})
	}
}

// What a peer makes us hold is bounded.
func TestNamesAreBounded(t *testing.T) {
	p := newPeer()
	for i := range 1000 {
		p.ask(13, i, strings.Repeat("x", 200_000))
	}
	last := p.list[len(p.list)-1]
	if last.Action != access.FileOpaque || len(p.list) > 300 {
		t.Errorf("%d entries, the last %v", len(p.list), last)
	}
	if len(p.list[0].Path) > 5000 {
		t.Errorf("a path of %d bytes", len(p.list[0].Path))
	}
}

// A path that is not UTF-8 keeps its bytes, and none can forge a line.
func TestOddPaths(t *testing.T) {
	p := newPeer()
	for i, path := range []string{"a\xffb", "x ok\nput y", "\u202egnp.exe", "", "-> b"} {
		p.ask(13, i, path)
		p.answer(101, i, 0, "", "")
	}
	p.want(t, `remove "a\\xffb" ok`, `remove "x ok\nput y" ok`, `remove "\u202egnp.exe" ok`, "remove ok", `remove "-> b" ok`)
}

func FuzzSFTP(f *testing.F) {
	for _, c := range captures {
		w := readWire(f, filepath.Join("testdata", c.name+".wire"))
		if kind, _ := w.command(); kind == access.KindSFTP {
			var b bytes.Buffer
			for _, p := range w[1:] {
				for data := p.data; len(data) > 0; {
					n := min(len(data), 127)
					b.WriteByte(byte(n)<<1 | p.way>>1&1)
					b.Write(data[:n])
					data = data[n:]
				}
			}
			f.Add(b.Bytes()[:min(b.Len(), 1500)])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, access.KindSFTP, "sftp", data) })
}

func FuzzSCP(f *testing.F) {
	f.Add("scp -t /x", []byte("\x02\x00\x1eC0644 3 a.b\n\x02\x00\x0eabc\x00\x02\x00"))
	f.Add("scp -r -t 'a b'", []byte("\x02\x00\x1aD0755 0 d\n\x06\x00\x00\x04E\n\x04\x01x\x02\n"))
	f.Add("scp -f /x/*", []byte("\x03\x00\x18C0644 0 a\n"))
	f.Fuzz(func(t *testing.T, command string, data []byte) { fuzz(t, access.KindExec, command, data) })
}

// fuzz passes data as chunks: a byte tells the way and how long, then it
// follows. Cut otherwise it must come to the same.
func fuzz(t *testing.T, kind access.Kind, command string, data []byte) {
	run := func(whole bool) (list []access.Transfer) {
		w := transfer.New(kind, command, false, func(e access.Transfer) { list = append(list, e) })
		for in := data; len(in) > 0; {
			way := w.ToHost
			if in[0]&1 == 0 {
				way = w.FromHost
			}
			n := min(int(in[0]>>1), len(in)-1)
			chunk := in[1 : 1+n]
			in = in[1+n:]
			if whole {
				way(chunk)
				continue
			}
			for i := range chunk {
				way(chunk[i : i+1])
			}
		}
		w.End()
		return list
	}
	list := run(true)
	for _, e := range list {
		if e.Bytes < 0 || e.Bytes > int64(len(data)) || e.Action == "" {
			t.Errorf("%+v", e)
		}
	}
	if len(list) > len(data)+2 {
		t.Errorf("%d entries from %d bytes", len(list), len(data))
	}
	if a, b := lines(list), lines(run(false)); a != b {
		t.Errorf("whole:\n%s\nbyte by byte:\n%s", a, b)
	}
}

// BenchmarkSFTP: a put in packets of 32 KiB, as OpenSSH sends it, with its
// answers. Without a digest it shows what the reading alone costs.
func BenchmarkSFTP(b *testing.B) {
	for name, first := range map[string]uint64{"reading": 1, "hashing": 0} {
		b.Run(name, func(b *testing.B) {
			p := newPeer()
			p.open(1, "h", "f", writing)
			data := string(make([]byte, 32<<10))
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			ask, answer := packet(6, 2, "h", first, data), packet(101, 2, 0, "", "")
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint64(ask[14:], first+uint64(i*len(data)))
				p.watch.ToHost(ask)
				p.watch.FromHost(answer)
			}
			if len(p.list) > 0 {
				b.Error(p.list)
			}
		})
	}
}

// The clients of this machine, with a file that needs many packets.
func TestClients(t *testing.T) {
	dir := t.TempDir()
	data := bytes.Repeat([]byte("0123456789abcdef"), 300_000)
	local, there := filepath.Join(dir, "local"), filepath.Join(dir, "there")
	check(t, os.WriteFile(local, data, 0o600))
	both := "put " + local + " " + there + "\nget " + there + " " + local + ".2\n"
	for name, sessions := range map[string][]wire{
		"sftp":        {client(t, both, "sftp", "-b", "-", "host")},
		"small steps": {client(t, both, "sftp", "-R", "3", "-B", "1000", "-b", "-", "host")},
		"scp":         {client(t, "", "scp", "-s", local, "host:"+there), client(t, "", "scp", "-s", "host:"+there, local+".2")},
		"scp -O":      {client(t, "", "scp", "-O", local, "host:"+there), client(t, "", "scp", "-O", "host:"+there, local+".2")},
	} {
		var list []access.Transfer
		for _, w := range sessions {
			list = append(list, w.entries(1<<20)...)
		}
		for _, e := range list {
			if e.SHA256 != digest(string(data)) || e.Partial || e.Result != access.FileOK || !strings.HasPrefix(e.Path, there) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if len(list) != 2 {
			t.Errorf("%s: %v", name, list)
		}
	}
}
