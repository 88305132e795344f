package bench

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	charm "github.com/charmbracelet/x/vt"
	"github.com/hinshun/vt10x"

	"github.com/sallyport/sallyport/internal/vt"
)

// BenchmarkEmulators feeds the same streams to each, in writes of 32 KiB.
func BenchmarkEmulators(b *testing.B) {
	for _, stream := range []struct {
		name       string
		cols, rows int
		data       []byte
	}{
		{"scrolling", 80, 24, logs("host")},
		{"coloured", 80, 24, logs("\x1b[1;32mhost\x1b[0m")},
		{"vim", 80, 24, recorded(b, "vim.80x24")},
		{"htop", 100, 30, recorded(b, "htop.100x30")},
		{"tmux", 90, 28, recorded(b, "tmux.90x28")},
	} {
		for _, terminal := range []struct {
			name string
			make func(cols, rows int) io.Writer
		}{
			{"sallyport", func(cols, rows int) io.Writer { return vt.New(cols, rows) }},
			{"charm", func(cols, rows int) io.Writer {
				e := charm.NewEmulator(cols, rows)
				go io.Copy(io.Discard, e) //nolint:errcheck // its answers to queries, which block it otherwise
				return e
			}},
			{"vt10x", func(cols, rows int) io.Writer { return vt10x.New(vt10x.WithSize(cols, rows)) }},
		} {
			b.Run(stream.name+"/"+terminal.name, func(b *testing.B) {
				w := terminal.make(stream.cols, stream.rows)
				b.SetBytes(int64(len(stream.data)))
				b.ReportAllocs()
				for b.Loop() {
					for rest := stream.data; len(rest) > 0; {
						n := min(len(rest), 32<<10)
						if _, err := w.Write(rest[:n]); err != nil {
							b.Fatal(err)
						}
						rest = rest[n:]
					}
				}
			})
		}
	}
}

func logs(host string) []byte {
	var b strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&b, "2025-01-02T03:04:05Z %s app[%d]: GET /things/%d took %dms\r\n", host, i, i*7, i%90)
	}
	return []byte(b.String())
}

// recorded is a recorded stream, often enough to be measured.
func recorded(b *testing.B, name string) []byte {
	stream, err := os.ReadFile("../testdata/" + name + ".stream")
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Repeat(stream, 1+(256<<10)/len(stream))
}
