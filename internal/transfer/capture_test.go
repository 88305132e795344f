package transfer_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// stage is where captures are made, so that their paths are the same on every
// machine.
const stage = "/tmp/sallyport-wire"

// captures are the sessions in testdata: NAME.wire is what passed, NAME.txt
// what is made of it.
var captures = []struct {
	name   string
	stdin  string
	client string
	args   []string
}{
	{"sftp", `cd ` + stage + `
put local a.bin
put -p local kept.bin
get a.bin back
mkdir dir
put empty dir/empty
rename a.bin dir/b.bin
ln dir/b.bin hard
ln -s b.bin dir/soft
chmod 600 dir/b.bin
ls -l dir
get dir/b.bin back
-get dir/nothing back
-put local nowhere/x
rm hard
rm dir/soft
rm dir/b.bin
rm dir/empty
rmdir dir
-rmdir dir
put "local" "with \"a quote\" and ütf"
rm "with \"a quote\" and ütf"
`, "sftp", []string{"-b", "-", "host"}},
	{"sftp-resume", "cd " + stage + "\nreput local part\nreget part half\n", "sftp", []string{"-b", "-", "host"}},
	{"sftp-tree", "put -r tree " + stage + "/copy\nget -r " + stage + "/copy " + stage + "/again\n", "sftp", []string{"-b", "-", "host"}},
	{"scp-s-put", "", "scp", []string{"-s", "-p", "local", "host:" + stage + "/s.bin"}},
	{"scp-s-get", "", "scp", []string{"-s", "host:" + stage + "/local", "back"}},
	{"scp-put", "", "scp", []string{"-O", "local", "host:" + stage + "/o.bin"}},
	{"scp-put-into", "", "scp", []string{"-O", "-p", "local", "empty", "host:" + stage + "/into"}},
	{"scp-put-tree", "", "scp", []string{"-O", "-r", "-p", "tree", "host:" + stage + "/into"}},
	{"scp-put-fail", "", "scp", []string{"-O", "local", "host:" + stage + "/into/a/b/c"}},
	{"scp-get", "", "scp", []string{"-O", "host:" + stage + "/local", "back"}},
	{"scp-get-tree", "", "scp", []string{"-O", "-r", "-p", "host:" + stage + "/tree", "again2"}},
	{"scp-get-many", "", "scp", []string{"-O", "-T", "host:" + stage + "/tree/*.txt", "into"}},
	{"scp-get-fail", "", "scp", []string{"-O", "host:" + stage + "/nothing", "back"}},
}

// Traffic of OpenSSH's clients, captured, is understood, however it is cut.
func TestCaptures(t *testing.T) {
	if *update {
		capture(t)
	}
	for _, c := range captures {
		t.Run(c.name, func(t *testing.T) {
			w := readWire(t, filepath.Join("testdata", c.name+".wire"))
			golden := filepath.Join("testdata", c.name+".txt")
			got := lines(w.entries(1 << 20))
			if *update {
				check(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			check(t, err)
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
			for _, n := range []int{1, 2, 3, 5, 7, 13, 64, 1000} {
				if cut := lines(w.entries(n)); cut != got {
					t.Errorf("in chunks of %d:\n%swant\n%s", n, cut, got)
				}
			}
		})
	}
}

// capture fills testdata.
func capture(t *testing.T) {
	check(t, os.RemoveAll(stage))
	defer os.RemoveAll(stage)
	data := make([]byte, 70_000)
	source := rand.New(rand.NewPCG(1, 2))
	for i := 0; i+8 <= len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], source.Uint64())
	}
	for name, content := range map[string][]byte{
		"local": data, "empty": nil, "part": data[:30_000], "half": data[:1000],
		"tree/x.txt": []byte("x\n"), "tree/y.txt": bytes.Repeat([]byte("y\n"), 3000), "tree/sub/z": []byte("z"), "into/.keep": nil,
	} {
		path := filepath.Join(stage, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		check(t, os.WriteFile(path, content, 0o640))
	}
	here, err := os.Getwd()
	check(t, err)
	check(t, os.MkdirAll("testdata", 0o755))
	for _, c := range captures {
		t.Chdir(stage)
		w := client(t, c.stdin, c.client, c.args...)
		t.Chdir(here)
		var b bytes.Buffer
		for _, p := range w {
			b.WriteByte(p.way)
			check(t, binary.Write(&b, binary.BigEndian, uint32(len(p.data))))
			b.Write(p.data)
		}
		check(t, os.WriteFile(filepath.Join("testdata", c.name+".wire"), b.Bytes(), 0o644))
	}
}
