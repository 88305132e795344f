package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is how one script or test ended.
type outcome string

const (
	ok      outcome = "ok"
	failed  outcome = "failed"
	skipped outcome = "skipped"
	tooLong outcome = "too long"
	notRun  outcome = "not run" // it passed without a channel: green would prove nothing
	saysSo  outcome = "it complains of just that"
)

// row is one line of the table.
type row struct {
	name            string
	direct, through outcome
	channels        int // that the bastion proxied
	why             string
	without         outcome // with what differs by design left out; "" when nothing was
	withoutChannels int
}

// counted turns a pass without a channel into no pass.
func counted(o outcome, channels int) outcome {
	if o == ok && channels == 0 {
		return notRun
	}
	return o
}

func (r row) String() string {
	s := fmt.Sprintf("| %s | %s | %s | %d | %s |", r.name, r.direct, r.through, r.channels, r.why)
	switch r.without {
	case "":
		return s + "  |"
	case saysSo:
		return s + fmt.Sprintf(" %s |", r.without)
	default:
		return s + fmt.Sprintf(" %s, %d |", r.without, r.withoutChannels)
	}
}

// writeTable puts a suite's table where make conformance collects them.
func writeTable(t *testing.T, suite string, rows []row) {
	t.Helper()
	dir := os.Getenv("SALLYPORT_TABLES")
	if dir == "" {
		return
	}
	lines := []string{"| " + suite + " | direct | through the bastion | channels | the difference | the proof: with that left out, channels |", "|---|---|---|---|---|---|"}
	for _, r := range rows {
		lines = append(lines, r.String())
	}
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' {
			return '-'
		}
		return r
	}, suite)
	if err := os.WriteFile(filepath.Join(dir, name+".md"), []byte(strings.Join(lines, "\n")+"\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}
