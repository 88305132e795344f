package recorder_test

import (
	"testing"

	"github.com/sallyport/sallyport/recorder"
)

// BenchmarkText is the encoding of text alone.
func BenchmarkText(b *testing.B) {
	for _, name := range []string{"ascii", "log", "colour", "short", "cjk", "binary"} {
		b.Run(name, func(b *testing.B) {
			p := samples[name]
			b.SetBytes(int64(len(p)))
			var dst, original []byte
			for b.Loop() {
				dst, original, _ = recorder.AppendText(dst[:0], p, original[:0])
			}
		})
	}
}
