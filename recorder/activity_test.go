package recorder_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

// Where a recording is busy is told by its bytes, part by part, and the parts
// make up the whole.
func TestActivity(t *testing.T) {
	var b strings.Builder
	header := `{"version":2,"width":80,"height":24}` + "\n"
	b.WriteString(header)
	for i := range 1000 { // a second, then nine of silence, then as much at once
		fmt.Fprintf(&b, "[%.3f, \"o\", \"x\"]\n", float64(i)/1000)
	}
	busy := b.Len() - len(header)
	b.WriteString("[9.5, \"o\", \"" + strings.Repeat("y", 5000) + "\"]\n[10.0, \"o\", \"z\"]\n")
	path := filepath.Join(t.TempDir(), "x.cast")
	check(t, os.WriteFile(path, []byte(b.String()), 0o600))
	r, err := recorder.Open(path)
	check(t, err)
	defer r.Close()
	parts, length, err := r.Activity(10)
	if err != nil || length != 10*time.Second {
		t.Fatalf("%v long, %v", length, err)
	}
	want := make([]int64, 10)
	want[0], want[9] = int64(busy), int64(b.Len()-len(header)-busy)
	if !reflect.DeepEqual(parts, want) {
		t.Errorf("activity %v, want %v", parts, want)
	}
	for _, n := range []int{1, 2, 7, 240} {
		parts, _, err := r.Activity(n)
		var sum int64
		for _, p := range parts {
			sum += p
		}
		if err != nil || len(parts) != n || sum != int64(b.Len()-len(header)) {
			t.Errorf("%d parts sum up to %d, %v", n, sum, err)
		}
	}
}

// A recording without an event has no activity, and is no error.
func TestActivityOfNothing(t *testing.T) {
	b := newBench(t)
	r, err := recorder.Open(b.folder(seal(t, b.start(t, true))))
	check(t, err)
	defer r.Close()
	if parts, length, err := r.Activity(8); err != nil || length > time.Minute || len(parts) != 8 {
		t.Errorf("%v, %v, %v", parts, length, err)
	}
}

func TestForwardsAddUp(t *testing.T) {
	b := newBench(t)
	rec := b.start(t, false)
	for _, e := range []recorder.Event{
		{Kind: "local-forward", Destination: "127.0.0.1:5432", Detail: "opened"},
		{Kind: "local-forward", Destination: "127.0.0.1:5432", Detail: "opened"},
		{Kind: "exec", Command: "uptime"},
		{Kind: "local-forward", Destination: "127.0.0.1:5432", Bytes: 100, Detail: "closed after 1s: 40 bytes to the host, 60 back"},
		{Kind: "x11", Bytes: 7, Detail: "closed after 2s: 3 bytes to the host, 4 back"},
		{Kind: "local-forward", Destination: "10.0.0.1:80\x1b[6n", Detail: "opened"},
	} {
		check(t, rec.Event(e))
	}
	dir := b.folder(seal(t, rec))
	got, more, err := recorder.Forwards(dir)
	want := []recorder.Forward{
		{Kind: "local-forward", Destination: "127.0.0.1:5432", Times: 2, Open: 1, Bytes: 100},
		{Kind: "x11", Times: 1, Bytes: 7},
		{Kind: "local-forward", Destination: "10.0.0.1:80\x1b[6n", Times: 1, Open: 1},
	}
	if err != nil || more || !reflect.DeepEqual(got, want) {
		t.Errorf("forwards %+v, %v, %v", got, more, err)
	}
	if got, _, err := recorder.Forwards(t.TempDir()); err != nil || len(got) > 0 {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}
