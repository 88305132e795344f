package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// BenchmarkBesideIndexer types in one session, and passes a stream through
// another, while the bastion has nothing to index, and then while it has 30 MiB
// of text. It reports the medians over the rounds of what the second took of the
// first: p50 and p99 of a keystroke, and the stream.
func BenchmarkBesideIndexer(b *testing.B) {
	w, err := found(b, b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer w.leave()
	if err := w.configure(nil); err != nil {
		b.Fatal(err)
	}
	if refusal, err := w.start(); err != nil || refusal != "" {
		b.Fatal(refusal, err)
	}
	client, err := w.dial(w.host.Login+"@web1", ssh.PublicKeys(keyOf["alice"].signer))
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	text := w.path("host", "text")
	if err := os.WriteFile(text, someText(15<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	var p50, p99, stream, quiet, beside []float64
	for b.Loop() {
		if err := w.awaitIndex(); err != nil {
			b.Fatal(err)
		}
		idle, err := feel(client)
		if err != nil {
			b.Fatal(err)
		}
		for range 2 {
			if _, err := output(client, "cat "+text); err != nil {
				b.Fatal(err)
			}
		}
		busy, err := feel(client)
		if err != nil {
			b.Fatal(err)
		}
		if behind, err := w.indexBehind(); err != nil || !behind {
			b.Fatal("the index was made meanwhile: ", err)
		}
		p50 = append(p50, ratio(quantile(busy.keys, 50), quantile(idle.keys, 50)))
		p99 = append(p99, ratio(quantile(busy.keys, 99), quantile(idle.keys, 99)))
		stream = append(stream, ratio(busy.stream, idle.stream))
		quiet = append(quiet, float64(quantile(idle.keys, 99).Microseconds())/1000)
		beside = append(beside, float64(quantile(busy.keys, 99).Microseconds())/1000)
	}
	b.ReportMetric(middle(p50), "key-p50-ratio")
	b.ReportMetric(middle(p99), "key-p99-ratio")
	b.ReportMetric(middle(stream), "stream-ratio")
	b.ReportMetric(middle(quiet), "idle-ms-p99")
	b.ReportMetric(middle(beside), "busy-ms-p99")
	b.ReportMetric(0, "ns/op")
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func middle(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// someText is that of a log, no line like another.
func someText(size int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, "app[%d]: request %x of %x took %d ms\n", rnd.IntN(1000), rnd.Uint64(), rnd.Uint64(), rnd.IntN(100))
	}
	return b.Bytes()
}

// awaitIndex waits until all is indexed. It looks seldom, since the indexer
// gives way to that, too.
func (w *town) awaitIndex() error {
	for range 120 {
		if behind, err := w.indexBehind(); err != nil || !behind {
			return err
		}
		time.Sleep(time.Second)
	}
	return errors.New("the index is not made")
}

// indexBehind reports whether ended sessions wait to be indexed.
func (w *town) indexBehind() (bool, error) {
	said, err := w.command("carol", keyOf["carol"].signer, "search nothing-like-this")
	var none *ssh.ExitError // nothing was found
	if err != nil && !errors.As(err, &none) {
		return false, err
	}
	return strings.Contains(said, "not indexed yet"), nil
}

// felt is what a person feels of the bastion.
type felt struct {
	keys   []time.Duration // from a key to its echo
	stream time.Duration   // of 64 MiB
}

func feel(client *ssh.Client) (f felt, err error) {
	session, err := client.NewSession()
	if err != nil {
		return f, err
	}
	defer session.Close()
	in, err1 := session.StdinPipe()
	out, err2 := session.StdoutPipe()
	if err1 != nil || err2 != nil {
		return f, fmt.Errorf("%w %w", err1, err2)
	}
	if err := session.RequestPty("xterm", 24, 80, ssh.TerminalModes{ssh.ECHO: 0}); err != nil {
		return f, err
	}
	if err := session.Start("stty raw; echo up; cat"); err != nil {
		return f, err
	}
	if err := readUntil(out, "up"); err != nil {
		return f, err
	}
	key := make([]byte, 1)
	for range 500 {
		time.Sleep(5 * time.Millisecond) // as between keys
		began := time.Now()
		if _, err := in.Write([]byte("x")); err != nil {
			return f, err
		}
		for key[0] = 0; key[0] != 'x'; { // the end of the line before it
			if _, err := io.ReadFull(out, key); err != nil {
				return f, err
			}
		}
		f.keys = append(f.keys, time.Since(began))
	}
	began := time.Now()
	_, err = output(client, "head -c 64M /dev/zero")
	f.stream = time.Since(began)
	return f, err
}

// output runs a command and gives how much it said.
func output(client *ssh.Client, command string) (int64, error) {
	session, err := client.NewSession()
	if err != nil {
		return 0, err
	}
	defer session.Close()
	out, err := session.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := session.Start(command); err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, out)
	if err != nil {
		return n, err
	}
	return n, session.Wait()
}
