//go:build ignore

// Targets reads the samples of a run of sshbench (see scripts/bench) and
// prints what was aimed at beside what was measured:
//
//	go run scripts/targets.go samples.ndjson
//
// A ratio is the median of the ratios within a round, so that noise which
// lasts longer than a round cancels out; a figure is the median of the rounds.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"slices"
	"text/tabwriter"
)

// target is a bound on a figure of a test, absolute or against another way to
// the host. The harness calls those jump (OpenSSH ProxyJump), mini (the least
// proxy that x/crypto allows, which records nothing) and direct.
type target struct {
	what, test, key, base string
	bound                 float64
	atLeast               bool
}

var targets = []target{
	{"bulk down, AES-GCM", "down/aes128gcm", "MiB/s", "mini", 1.0, true},
	{"bulk up, AES-GCM", "up/aes128gcm", "MiB/s", "mini", 1.1, true},
	{"CPU per GiB down", "down/aes128gcm", "proxy CPU s/GiB", "mini", 1.05, false},
	{"CPU per GiB up", "up/aes128gcm", "proxy CPU s/GiB", "mini", 1.05, false},
	{"CPU of a pty flood", "pty", "proxy CPU s/GiB", "mini", 1.1, false},
	{"ssh true, p50", "exec-openssh", "p50 ms", "jump", 0.40, false},
	{"Go client, p50", "exec-go", "p50 ms", "direct", 0.65, false},
	{"keystroke, p50", "keys-idle", "p50 µs", "jump", 1.15, false},
	{"KiB per idle session at 1,000", "many/1000", "PSS KiB/session", "", 80, false},
	{"failed of 1,000 sessions", "many/1000", "failed", "", 0, false},
	{"storm of 200, wall", "storm", "wall s", "jump", 0.6, false},
	{"storm, CPU ms each", "storm", "proxy CPU ms/conn", "", 3.5, false},
	{"storm, failed", "storm", "failed", "", 0, false},
}

const measured = "bastion"

// round names one measurement of one endpoint.
type round struct {
	test, endpoint string
	n              int
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: targets SAMPLES")
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	samples, rounds, err := read(f)
	if err != nil {
		log.Fatal(err)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "figure\tmeasured\ttarget\t")
	for _, t := range targets {
		got, ok := t.measure(samples, rounds)
		if !ok {
			continue // not run this time
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.what, t.number(got), t.goal(), t.verdict(got))
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
}

// read collects the samples and how many rounds there were. A measurement that
// failed has none: it counts as a target missed.
func read(r io.Reader) (samples map[round]map[string]float64, rounds map[string]int, err error) {
	samples, rounds = map[round]map[string]float64{}, map[string]int{}
	for d := json.NewDecoder(r); ; {
		var line struct {
			Test, Endpoint string
			Round          int
			Sample         map[string]float64
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return samples, rounds, nil
		} else if err != nil {
			return nil, nil, err
		}
		samples[round{line.Test, line.Endpoint, line.Round}] = line.Sample
		rounds[line.Test] = max(rounds[line.Test], line.Round+1)
	}
}

// measure gives the median; -1 stands for a round that failed.
func (t target) measure(samples map[round]map[string]float64, rounds map[string]int) (float64, bool) {
	var all []float64
	for n := range rounds[t.test] {
		ours := samples[round{t.test, measured, n}]
		base := samples[round{t.test, t.base, n}]
		switch {
		case ours == nil:
			return -1, true
		case t.key == "failed":
			all = []float64{max(slices.Max(append(all, 0)), ours[t.key])} // the worst
		case t.base == "":
			all = append(all, ours[t.key])
		case base[t.key] > 0:
			all = append(all, ours[t.key]/base[t.key])
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, true
}

func (t target) number(v float64) string {
	switch {
	case v < 0:
		return "a round failed"
	case t.base != "":
		return fmt.Sprintf("%.2f × %s", v, t.base)
	}
	return fmt.Sprintf("%.3g", v)
}

func (t target) goal() string {
	sign := "≤"
	if t.atLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s %.4g", sign, t.bound)
}

func (t target) verdict(v float64) string {
	if v >= 0 && (t.atLeast && v >= t.bound || !t.atLeast && v <= t.bound) {
		return "met"
	}
	return "missed"
}
