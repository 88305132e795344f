//go:build ignore

// Evidence reads the output of Go benchmarks (see scripts/evidence) and prints
// what was measured, with what was aimed at beside it:
//
//	go run scripts/evidence.go OUTPUT
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

// figure is one number of a benchmark, or how often it is that of the best of
// others in the same run. Without a bound it has no target.
type figure struct {
	what, bench, unit string
	others            []string
	bound             float64
	atLeast           bool
}

var figures = []figure{
	{what: "recording adds, a terminal", bench: "Relay/terminal/plain", unit: "%added", bound: 25},
	{what: "recording adds, a stream down", bench: "Relay/down/plain", unit: "%added", bound: 25},
	{what: "recording adds, a stream up", bench: "Relay/up/plain", unit: "%added", bound: 25},
	{what: "recording adds, a stream recorded whole", bench: "Relay/whole/plain", unit: "%added", bound: 25},
	{what: "the same encrypted: a terminal", bench: "Relay/terminal/encrypted", unit: "%added", bound: 25},
	{what: "… a stream down", bench: "Relay/down/encrypted", unit: "%added", bound: 25},
	{what: "… a stream up", bench: "Relay/up/encrypted", unit: "%added", bound: 25},
	{what: "… a stream recorded whole", bench: "Relay/whole/encrypted", unit: "%added", bound: 25},
	{what: "a stream down, recorded, CPU", bench: "Relay/down/plain", unit: "s/GiB"},
	{what: "… not recorded", bench: "Relay/down/plain", unit: "off-s/GiB"},
	{what: "SHA-256 alone", bench: "Relay/down/plain", unit: "sha-s/GiB"},
	{what: "writer, plain text", bench: "Write/ascii", unit: "MB/s"},
	{what: "writer, colours", bench: "Write/colour", unit: "MB/s"},
	{what: "writer, CJK", bench: "Write/cjk", unit: "MB/s"},
	{what: "writer, not UTF-8", bench: "Write/binary", unit: "MB/s"},
	{what: "writer, beyond exec_limit", bench: "Bulk", unit: "MB/s"},
	{what: "writer, a keystroke", bench: "Keystroke", unit: "ns/op"},
	{what: "verify", bench: "Verify", unit: "MB/s"},
	{what: "verify of a directory", bench: "VerifyTree", unit: "recordings/s"},
	{what: "… first verdict", bench: "VerifyTree", unit: "ms-first"},
	{what: "… memory for each", bench: "VerifyTree", unit: "B/recording"},
	{what: "reading text and keyframes", bench: "Read/text", unit: "MB/s"},
	{what: "the same into the index", bench: "Read/index", unit: "MB/s"},
	{what: "seek in ten hours", bench: "Seek", unit: "ms-p95", bound: 20},
	{what: "a rare term, all sessions", bench: "Search/rare", unit: "ms-p50", bound: 50},
	{what: "… p99", bench: "Search/rare", unit: "ms-p99", bound: 50},
	{what: "one that all have", bench: "Search/all", unit: "ms-p50"},
	{what: "a keystroke beside the indexer, p50", bench: "BesideIndexer", unit: "key-p50-ratio", bound: 1.1},
	{what: "a stream beside the indexer", bench: "BesideIndexer", unit: "stream-ratio", bound: 1.1},
	{what: "emulator, scrolling text", bench: "Emulators/scrolling/sallyport", unit: "MB/s", others: emulators("scrolling"), bound: 10, atLeast: true},
	{what: "emulator, coloured text", bench: "Emulators/coloured/sallyport", unit: "MB/s", others: emulators("coloured")},
	{what: "emulator, vim", bench: "Emulators/vim/sallyport", unit: "MB/s", others: emulators("vim")},
	{what: "emulator, htop", bench: "Emulators/htop/sallyport", unit: "MB/s", others: emulators("htop")},
	{what: "emulator, tmux", bench: "Emulators/tmux/sallyport", unit: "MB/s", others: emulators("tmux")},
}

func emulators(stream string) []string {
	return []string{"Emulators/" + stream + "/charm", "Emulators/" + stream + "/vt10x"}
}

// numbers are those of each benchmark, by their unit.
type numbers map[string]map[string]float64

var line = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

func read(path string) (numbers, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := numbers{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		m := line.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		all[m[1]] = map[string]float64{}
		fields := strings.Fields(m[2])
		for i := 0; i+1 < len(fields); i += 2 {
			if all[m[1]][fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
				return nil, fmt.Errorf("%s: %w", lines.Text(), err)
			}
		}
	}
	return all, lines.Err()
}

// of gives a figure, and how it is written.
func (f figure) of(all numbers) (value float64, text string, ok bool) {
	value, ok = all[f.bench][f.unit]
	if !ok {
		return 0, "", false
	}
	text = fmt.Sprintf("%.4g %s", value, f.unit)
	if f.others == nil {
		return value, text, true
	}
	best := 0.0
	for _, other := range f.others {
		best = max(best, all[other][f.unit])
	}
	if best == 0 {
		return 0, "", false
	}
	return value / best, fmt.Sprintf("%s, %.3g × the better of two", text, value/best), true
}

func (f figure) verdict(value float64) string {
	switch {
	case f.bound == 0:
		return "\t"
	case f.atLeast && value >= f.bound:
		return fmt.Sprintf("≥ %g\tmet", f.bound)
	case f.atLeast:
		return fmt.Sprintf("≥ %g\tmissed", f.bound)
	case value <= f.bound:
		return fmt.Sprintf("≤ %g\tmet", f.bound)
	}
	return fmt.Sprintf("≤ %g\tmissed", f.bound)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: evidence OUTPUT")
	}
	all, err := read(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\ttarget\t")
	for _, f := range figures {
		if value, text, ok := f.of(all); ok {
			fmt.Fprintf(w, "%s\t%s\t%s\n", f.what, text, f.verdict(value))
		}
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
}
