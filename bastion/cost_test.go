package bastion_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// BenchmarkRelay passes text through the whole bastion, between OpenSSH's
// client, with the cipher that it prefers since 10.0, and its sshd, which are
// processes of their own. It does so in turn recorded and not, and tells the CPU
// time of this process: "s/GiB" recorded, "off-s/GiB" not, and what recording
// adds, in percent, the median over the rounds of what it added within one.
// "sha-s/GiB" is what SHA-256 of a GiB takes, measured between them.
func BenchmarkRelay(b *testing.B) {
	for _, c := range []struct {
		name    string
		size    int // MiB each time
		options []string
		command string
		up      bool
		bulk    access.Bulk
	}{
		{name: "terminal", size: 64, options: []string{"-tt"}, command: "cat FILE"},
		{name: "down", size: 512, command: "cat FILE"},
		{name: "up", size: 512, command: "cat >/dev/null", up: true},
		{name: "whole", size: 128, command: "cat FILE", bulk: access.BulkRecord},
	} {
		for _, form := range []string{"plain", "encrypted"} {
			b.Run(c.name+"/"+form, func(b *testing.B) {
				defer debug.SetGCPercent(debug.SetGCPercent(800)) // as seldom as cmd/sallyport/heap.go has it
				var off atomic.Bool
				l := newLabRecording(b, func(r *recorder.Config) {
					if form == "encrypted" {
						r.Recipients = recorder.Recipients{anybody(b)}
					}
				})
				l.door.Deafen(&off)
				l.admitBy(func(_ context.Context, a access.Application) (*access.Pass, error) {
					pass, err := l.pass(context.Background(), a)
					if err == nil {
						pass.Bulk = c.bulk
					}
					return pass, err
				})
				file := filepath.Join(l.dir, "text")
				text := writeText(b, file, c.size<<20)
				args := append([]string{"-c", "aes128-gcm@openssh.com"}, append(c.options, l.target("db1"), strings.ReplaceAll(c.command, "FILE", file))...)
				pass := func(without bool) float64 {
					off.Store(without)
					began := spent(b)
					l.throughSSH(b, file, c.up, args)
					return perGiB(spent(b)-began, len(text))
				}
				var with, without, added, sha []float64
				pass(true) // the first one finds everything cold
				for b.Loop() {
					recorded, passed := pass(false), pass(true)
					with, without = append(with, recorded), append(without, passed)
					added = append(added, 100*(recorded/passed-1))
					began := spent(b)
					sha256.Sum256(text)
					sha = append(sha, perGiB(spent(b)-began, len(text)))
				}
				b.ReportMetric(median(with), "s/GiB")
				b.ReportMetric(median(without), "off-s/GiB")
				b.ReportMetric(median(added), "%added")
				b.ReportMetric(median(sha), "sha-s/GiB")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func perGiB(d time.Duration, bytes int) float64 { return d.Seconds() * (1 << 30) / float64(bytes) }

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// throughSSH runs ssh once, with its output thrown away.
func (l *lab) throughSSH(b *testing.B, file string, up bool, args []string) {
	cmd := exec.Command("ssh", append([]string{"-F", filepath.Join(l.dir, "ssh_config.alice")}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if up {
		in := must(os.Open(file))(b)
		defer in.Close()
		cmd.Stdin = in
	}
	if err := cmd.Run(); err != nil {
		b.Fatal(err, said.String())
	}
}

// writeText writes lines of a log, about size bytes, and gives them.
func writeText(b *testing.B, path string, size int) []byte {
	var text bytes.Buffer
	for i := 0; text.Len() < size; i++ {
		fmt.Fprintf(&text, "2026-01-02T03:04:05.%06dZ app[%d]: GET /things/%d?of=\"%x\" took %dms\n", i%1e6, i%977, i*7, i*i, i%90)
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return text.Bytes()
}

func anybody(b *testing.B) age.Recipient {
	return must(age.GenerateX25519Identity())(b).Recipient()
}

// spent is the CPU time of this process.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
