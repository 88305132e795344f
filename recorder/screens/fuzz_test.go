package screens_test

import (
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
)

// Keyframes from anywhere, with their checksums put right, are frames or an
// error.
func FuzzKeyframes(f *testing.F) { // slow
	w := newTown(f)
	s := w.long(f, 3<<20)
	keyframes(f, w, s)
	path := filepath.Join(w.folder(s), "session.kf")
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	m, err := recorder.ReadManifest(w.folder(s))
	if err != nil {
		f.Fatal(err)
	}
	digest, err := hex.DecodeString(m.Files[0].SHA256)
	if err != nil || m.Files[0].Name != "session.cast" {
		f.Fatal(err)
	}
	head := slices.Concat([]byte("sallyport keyframes 1\n"), digest)
	count := binary.BigEndian.Uint32(whole[len(whole)-8:])
	f.Add(whole[len(head):len(whole)-8], count, uint16(0), []byte(nil))
	f.Add(whole[len(head):len(whole)-8], count, uint16(8), []byte{0xff})
	f.Fuzz(func(t *testing.T, body []byte, n uint32, at uint16, put []byte) {
		const entry = 8 + 8 + 8 + 4 + 4 + 8 + 2 + 128
		if size := int64(n) * entry; size <= int64(len(body)) { // else it is refused for that
			table := body[int64(len(body))-size:]
			copy(table[min(int(at), len(table)):], put)
		}
		data := binary.BigEndian.AppendUint32(slices.Concat(head, body), n)
		sum := crc32.ChecksumIEEE(data[max(len(head), len(data)-4-int(min(int64(n)*entry, int64(len(body))))):])
		data = binary.BigEndian.AppendUint32(data, sum)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := screens.OpenKeyframes(w.folder(s))
		if err != nil {
			return
		}
		defer k.Close()
		for _, frame := range k.Frames() {
			_, _ = k.Snapshot(frame)
		}
		k.Before(time.Second)
	})
}

// Any cast is read to its end, for the index and for keyframes.
func FuzzRead(f *testing.F) { // slow
	w := newTown(f)
	s := w.record(f, w.session(), moment{time.Second, "$ ls\r\n", 0, 0})
	path := filepath.Join(w.folder(s), "session.cast")
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`[0.5, "o", "\u001b]133;A\u0007$ \u001b]133;B\u0007ls\r\n\u001b]133;C\u0007"]`+"\n"), uint16(0))
	f.Add([]byte(`[0.5, "r", "9999x99999"]`+"\n"+`[0.4, "r", "0x-1"]`+"\n[]\n"), uint16(0))
	f.Add([]byte(`[0.5, "o", "\u001b]633;E;a\\x3bb\u0007\ud83d"]`+"\n"), uint16(20))
	f.Fuzz(func(t *testing.T, body []byte, cut uint16) {
		data := append(slices.Clone(whole[:max(0, len(whole)-int(cut))]), body...)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = screens.Reading{Text: func(g access.TextSegment) error {
			for _, line := range g.Lines {
				if line.At < 0 {
					t.Fatalf("a line at %v", line.At)
				}
			}
			return nil
		}, Keyframes: true}.Play(t.Context(), w.folder(s), s)
	})
}
