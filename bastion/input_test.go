package bastion

import (
	"io"
	"strings"
	"testing"
)

type inputNotes struct {
	strings.Builder
	ended chan struct{}
}

func (n *inputNotes) End() { close(n.ended) }

// What is typed on a terminal while the session opens is kept; what is typed
// while somebody has to be asked is dropped, with all before it. Ctrl-C
// withdraws in both.
func TestTypedAhead(t *testing.T) {
	for _, c := range []struct {
		name      string
		waits     bool
		early     string
		want      string
		withdrawn bool
	}{
		{"kept", false, "early ", "early late", false},
		{"dropped", true, "early ", "late", false},
		{"ctrl-c while it opens", false, "\x03", "", true},
		{"ctrl-c while it waits", true, "\x03", "", true},
	} {
		r, w := io.Pipe()
		withdrawn := make(chan struct{}, 4)
		in := newInput(r, func() { withdrawn <- struct{}{} })
		go in.run()
		write := func(s string) {
			// A pipe's write returns when it is read; that of nothing but a
			// NUL when what came before has been taken.
			for _, part := range []string{s, "\x00"} {
				if _, err := io.WriteString(w, part); err != nil {
					t.Fatal(err)
				}
			}
		}
		in.ahead()
		if c.waits {
			write("before ")
			in.watch()
		}
		write(c.early)
		if c.withdrawn {
			<-withdrawn
			_ = w.Close()
			continue
		}
		notes := &inputNotes{ended: make(chan struct{})}
		if err := in.deliver(notes); err != nil {
			t.Fatal(err)
		}
		in.watch() // too late: what is delivered stays so
		write("late")
		_ = w.Close()
		<-notes.ended
		if got := strings.ReplaceAll(notes.String(), "\x00", ""); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
