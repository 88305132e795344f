package recorder_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/recorder"
)

// What was typed last is found at any moment, also in a file that somebody
// else wrote.
func TestTypedBefore(t *testing.T) {
	dir := t.TempDir()
	if _, err := recorder.OpenTyped(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&b, "[%d.500000, \"i\", \"%d \"]\n", i, i)
	}
	b.WriteString("garbage\n[100000.1, \"b\", \"AAAA\"]\n[100000.2, \"i\", \"\\u0003end\"]\n[100001.0, \"i\", \"being writ")
	check(t, os.WriteFile(filepath.Join(dir, "stdin.ndjson"), []byte(b.String()), 0o600))
	typed, err := recorder.OpenTyped(dir)
	check(t, err)
	defer typed.Close()
	for at, want := range map[time.Duration]string{
		0: "", 500 * time.Millisecond: "0 ", 2 * time.Second: "0 1 ", 50_000 * time.Second: " 49998 49999 ", time.Hour * 1000: " 99999 \x03end",
	} {
		got, err := typed.Before(at)
		if err != nil || !strings.HasSuffix(got, want) || want == "" && got != "" || len(got) > 16<<10 {
			t.Errorf("%v: %v, …%q, want %q", at, err, got[max(len(got)-40, 0):], want)
		}
	}
}
