package vt_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/internal/vt"
)

func BenchmarkWrite(b *testing.B) {
	full, err := os.ReadFile("testdata/vim.80x24.stream")
	if err != nil {
		b.Fatal(err)
	}
	var logs, cjk strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&logs, "2025-01-02T03:04:05Z host app[%d]: GET /things/%d took %dms\r\n", i, i*7, i%90)
		fmt.Fprintf(&cjk, "日本語の行 %d、全角文字と半角ｶﾅ混在\r\n", i)
	}
	color := strings.ReplaceAll(logs.String(), "host", "\x1b[1;32mhost\x1b[0m")
	for _, c := range []struct {
		name   string
		stream []byte
	}{
		{"scrolling", []byte(logs.String())},
		{"coloured", []byte(color)},
		{"wide", []byte(cjk.String())},
		{"one-line", bytes.Repeat([]byte("x"), 1<<17)},
		{"vim", full},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := vt.New(80, 24)
			b.SetBytes(int64(len(c.stream)))
			b.ReportAllocs()
			for b.Loop() {
				s.Write(c.stream)
			}
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := vt.New(200, 50)
	stream, err := os.ReadFile("testdata/htop.100x30.stream")
	if err != nil {
		b.Fatal(err)
	}
	s.Write(stream[:len(stream)*3/4])
	b.ReportMetric(float64(len(s.Snapshot())), "bytes")
	b.Run("take", func(b *testing.B) {
		for b.Loop() {
			s.Snapshot()
		}
	})
	snap := s.Snapshot()
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			if _, err := vt.Restore(snap); err != nil {
				b.Fatal(err)
			}
		}
	})
}
