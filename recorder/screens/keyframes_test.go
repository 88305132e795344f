package screens_test

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
)

// long records enough for several keyframes: full screens and scrolling, with
// marks that are held back while they are torn, and resizes.
func (w *town) long(t testing.TB, size int) access.Session {
	rnd := rand.New(rand.NewSource(3))
	var moments []moment
	for n := 0; n < size; {
		var b strings.Builder
		if rnd.Intn(4) == 0 {
			fmt.Fprintf(&b, "\x1b[2J\x1b[H\x1b[%dmpage %d 漢字\x1b[m", 31+rnd.Intn(6), n)
		}
		for range 60 {
			fmt.Fprintf(&b, "line %d of it with \x1b[1mbold\x1b[m and more text that goes on\r\n", rnd.Intn(1e6))
		}
		b.WriteString("\x1b]133;B") // goes on in the next
		m := moment{time.Duration(rnd.Intn(2000)) * time.Millisecond, b.String(), 0, 0}
		n += len(m.out)
		moments = append(moments, m, moment{time.Millisecond, "\a", 0, 0})
		if rnd.Intn(50) == 0 {
			moments = append(moments, moment{time.Second, "", 60 + rnd.Intn(60), 20 + rnd.Intn(20)})
		}
	}
	return w.record(t, w.session(), moments...)
}

// played is the screen at a moment, played from the start.
func played(t testing.TB, folder string, at time.Duration) *vt.Screen {
	return playedFrom(t, folder, vt.New(80, 24), 0, at)
}

func playedFrom(t testing.TB, folder string, screen *vt.Screen, offset int64, at time.Duration) *vt.Screen {
	t.Helper()
	cast, err := recorder.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer cast.Close()
	for e, err := range cast.EventsAt(offset) {
		if err != nil {
			t.Fatal(err)
		}
		if e.At > at {
			break
		}
		switch e.Code {
		case recorder.CodeOutput:
			screen.Write([]byte(e.Data))
		case recorder.CodeResize:
			var cols, rows int
			fmt.Sscanf(e.Data, "%dx%d", &cols, &rows)
			screen.Resize(cols, rows)
		}
	}
	return screen
}

func keyframes(t testing.TB, w *town, s access.Session) *screens.Keyframes {
	t.Helper()
	out, err := screens.Reading{Text: func(access.TextSegment) error { return nil }, Keyframes: true}.Play(t.Context(), w.folder(s), s)
	if err != nil || out.KeyframeFault != nil {
		t.Fatal(out, err)
	}
	k, err := screens.OpenKeyframes(w.folder(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	return k
}

// From a keyframe one sees what one sees from the start.
func TestSeek(t *testing.T) {
	w := newTown(t)
	s := w.long(t, 3<<20)
	folder := w.folder(s)
	k := keyframes(t, w, s)
	if n := len(k.Frames()); n < 3 || n > 60 {
		t.Fatalf("%d keyframes of 3 MiB", n)
	}
	end := k.Frames()[len(k.Frames())-1].At
	rnd := rand.New(rand.NewSource(4))
	for range 8 {
		at := time.Duration(rnd.Int63n(int64(end + time.Minute)))
		f, ok := k.Before(at)
		if !ok {
			continue
		}
		snapshot, err := k.Snapshot(f)
		if err != nil {
			t.Fatal(err)
		}
		screen, err := vt.Restore(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		got, want := playedFrom(t, folder, screen, f.Offset, at), played(t, folder, at)
		if got.String() != want.String() {
			t.Fatalf("at %v, from %v:\n%s\nfrom the start:\n%s", at, f.At, got, want)
		}
	}
	for _, f := range k.Frames() {
		if screen := playedUpTo(t, folder, f.Offset); !k.Agrees(f.Offset, screen) {
			t.Errorf("the frame at %d does not agree with the recording", f.Offset)
		} else if screen.Write([]byte("\x1b[Hforged")); k.Agrees(f.Offset, screen) {
			t.Errorf("the frame at %d agrees with anything", f.Offset)
		}
	}
	if fi, err := os.Stat(filepath.Join(folder, "session.kf")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Error(fi, err)
	}
	if left, err := filepath.Glob(filepath.Join(folder, ".*")); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

func playedUpTo(t testing.TB, folder string, offset int64) *vt.Screen {
	t.Helper()
	cast, err := recorder.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer cast.Close()
	screen := vt.New(80, 24)
	for e, err := range cast.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Offset >= offset {
			break
		}
		var cols, rows int
		if e.Code == recorder.CodeOutput {
			screen.Write([]byte(e.Data))
		} else if n, _ := fmt.Sscanf(e.Data, "%dx%d", &cols, &rows); e.Code == recorder.CodeResize && n == 2 {
			screen.Resize(cols, rows)
		}
	}
	return screen
}

// A session.kf is a file that anybody may have written: damaged anywhere, or of
// another recording, it is refused or shows what it held.
func TestKeyframesAreNotTrusted(t *testing.T) {
	w := newTown(t)
	s, other := w.long(t, 1<<20+1<<19), w.long(t, 1<<20+1<<18)
	keyframes(t, w, s)
	keyframes(t, w, other)
	file := filepath.Join(w.folder(s), "session.kf")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	try := func(data []byte) (good bool) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := screens.OpenKeyframes(w.folder(s))
		if err != nil {
			return false
		}
		defer k.Close()
		for _, f := range k.Frames() {
			snapshot, err := k.Snapshot(f)
			if err != nil {
				return false
			}
			if _, err := vt.Restore(snapshot); err != nil {
				return false
			}
		}
		return true
	}
	if !try(whole) {
		t.Fatal("the whole file is refused")
	}
	rnd := rand.New(rand.NewSource(5))
	for range 60 {
		data := bytes.Clone(whole)
		data[rnd.Intn(len(data))] ^= byte(1 + rnd.Intn(255))
		if try(data) {
			t.Fatal("a changed byte was not found")
		}
		if n := rnd.Intn(len(whole)); try(whole[:n]) {
			t.Fatalf("%d of %d bytes were taken", n, len(whole))
		}
	}
	foreign, err := os.ReadFile(filepath.Join(w.folder(other), "session.kf"))
	if err != nil {
		t.Fatal(err)
	}
	if try(foreign) {
		t.Error("the keyframes of another recording were taken")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if k, err := screens.OpenKeyframes(w.folder(s)); k != nil || err != nil {
		t.Error("without a file:", k, err)
	}
	if err := os.Symlink(filepath.Join(w.folder(other), "session.kf"), file); err != nil {
		t.Fatal(err)
	}
	if _, err := screens.OpenKeyframes(w.folder(s)); err == nil {
		t.Error("a link was followed")
	}
}

// The cache is outside of the proof: with it a recording is as intact as
// without.
func TestKeyframesAndVerify(t *testing.T) {
	w := newTown(t)
	s := w.long(t, 1<<20+1<<18)
	keyframes(t, w, s)
	v, err := recorder.Verify(w.folder(s), w.recorder.Keys().Trust())
	if err != nil || v.Verdict != recorder.Intact {
		t.Errorf("%+v, %v", v, err)
	}
}
