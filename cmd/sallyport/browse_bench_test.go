package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
	"github.com/sallyport/sallyport/tui"
)

// BenchmarkBrowser is what an auditor waits for, with 100,000 sessions in the
// index (SALLYPORT_SESSIONS says another number), from the key to the drawn
// screen: the first screen, the next pages, filters, and other orders. After
// the last key of a filter the browser itself waits for 150 ms.
func BenchmarkBrowser(b *testing.B) {
	sessions := 100_000
	if n, err := strconv.Atoi(os.Getenv("SALLYPORT_SESSIONS")); err == nil {
		sessions = n
	}
	s := crowd(b, sessions)
	b.Run("first-screen", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			begun := time.Now()
			v := look(b, s)
			v.until("+ sessions", "│ session ")
			took = append(took, time.Since(begun))
			v.leave()
		}
		report(b, took)
	})
	for _, c := range []struct{ name, keys, sees string }{
		{"page", "G", ""},
		{"filter-person-host", "/user:p7 host:h17*\r", "/ user:p7 host:h17*"},
		{"filter-flag", "/flag:break-glass\r", "/ flag:break-glass"},
		{"filter-nothing", "/nowhere\r", "No session fits"},
		{"sort-length", "s", "took ▼"},
	} {
		b.Run(c.name, func(b *testing.B) {
			var took []time.Duration
			v := look(b, s)
			v.until("+ sessions", "│ session ")
			for i := 0; b.Loop(); i++ {
				sees := []string{c.sees}
				if c.name == "page" {
					sees[0] = fmt.Sprintf("%d+ sessions", 400+200*i)
				}
				begun := time.Now()
				v.press(c.keys)
				v.until(sees...)
				if strings.HasPrefix(c.name, "filter") {
					v.gone("+ sessions") // few enough to be counted
				}
				if c.name == "sort-length" { // the row at the top
					v.await("1h59m", func(shown string) bool { return strings.Contains(strings.Split(shown, "\n")[4], "1h59m") })
				}
				took = append(took, time.Since(begun))
				if c.name != "page" {
					b.StopTimer()
					v.leave()
					v = look(b, s)
					v.until("+ sessions", "│ session ")
					b.StartTimer()
				}
			}
			v.leave()
			report(b, took)
		})
	}
}

func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 95} {
		b.ReportMetric(float64(took[min(len(took)*p/100, len(took)-1)].Microseconds())/1000, "ms-p"+strconv.Itoa(p))
	}
}

// crowd is a store with so many sessions of a hundred people on two hundred hosts.
func crowd(b *testing.B, sessions int) *store.Store {
	b.Helper()
	s, err := store.Open(b.Context(), store.Config{Path: filepath.Join(b.TempDir(), "db"), BastionID: "b1", Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	rnd := rand.New(rand.NewPCG(1, 1))
	kinds := []access.Kind{access.KindShell, access.KindExec, access.KindSFTP, access.KindForward}
	now, exit := time.Now(), 0
	_, err = s.Rebuild(b.Context(), func(r *store.Rebuild) error {
		var prev [32]byte
		for i := range sessions {
			at := now.Add(time.Duration(i-sessions) * time.Minute)
			id, err := ulid.New(ulid.Timestamp(at), nil)
			if err != nil {
				return err
			}
			name := access.SessionID(id.String())
			approvers := []access.PersonName{"bob"}
			if i%1000 == 7 {
				approvers = []access.PersonName{"break-glass:alice"}
			}
			digest := sha256.Sum256([]byte(name))
			_, err = r.Add(recorder.Adoption{Sequence: uint64(i + 1), Previous: prev, Digest: digest, Session: access.Session{
				ID: name, BastionID: "b1", Person: access.PersonName("p" + strconv.Itoa(rnd.IntN(100))),
				Target: access.Target{Login: "root", Host: "h" + strconv.Itoa(rnd.IntN(200)) + ".example.com"}, Kind: kinds[rnd.IntN(4)], Rule: "prod",
				Command: "systemctl restart web", Approvers: approvers, Source: "10.0.0.1:50000", StartedAt: at,
				EndedAt: at.Add(time.Duration(rnd.IntN(7200)) * time.Second), State: access.SessionSealed, EndCause: access.EndExit, ExitStatus: &exit, Recording: string(name),
			}})
			if err != nil {
				return err
			}
			prev = digest
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// viewer is an auditor at a terminal of 120 columns and 40 rows.
type viewer struct {
	b     *testing.B
	keys  *io.PipeWriter
	end   context.CancelFunc
	ended chan error

	mu      sync.Mutex
	screen  *vt.Screen
	changed chan struct{}
}

func look(b *testing.B, s *store.Store) *viewer {
	b.Helper()
	in, keys := io.Pipe()
	ctx, end := context.WithCancel(b.Context())
	v := &viewer{b: b, keys: keys, end: end, ended: make(chan error, 1), screen: vt.New(120, 40), changed: make(chan struct{}, 1)}
	config := tui.Config{
		Actor: access.Actor{Person: "carol"}, Roles: tui.Roles{Auditor: true}, Sessions: s, Requests: s, Files: files(s), Search: s.Search,
		Terminal: tui.Terminal{In: in, Out: v, Size: tui.Size{Cols: 120, Rows: 40}, Env: []string{"TERM=xterm-256color"}},
	}
	go func() { v.ended <- tui.Run(ctx, config) }()
	return v
}

func (v *viewer) Write(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, _ = v.screen.Write(p) // a screen takes everything
	select {
	case v.changed <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (v *viewer) press(keys string) {
	if _, err := io.WriteString(v.keys, keys); err != nil {
		v.b.Fatal(err)
	}
}

// until waits for all of the texts, and for no loading to be under way.
func (v *viewer) until(texts ...string) {
	v.b.Helper()
	v.await(fmt.Sprint(texts), func(shown string) bool {
		return !strings.Contains(shown, "  … ") && !slices.ContainsFunc(texts, func(t string) bool { return !strings.Contains(shown, t) })
	})
}

func (v *viewer) gone(text string) {
	v.b.Helper()
	v.await("screen without "+text, func(shown string) bool { return !strings.Contains(shown, text) })
}

func (v *viewer) await(what string, ok func(shown string) bool) {
	v.b.Helper()
	late := time.After(10 * time.Second)
	for {
		v.mu.Lock()
		shown := v.screen.String()
		v.mu.Unlock()
		if ok(shown) {
			return
		}
		select {
		case <-v.changed:
		case <-late:
			v.b.Fatalf("no %s on the screen:\n%s", what, shown)
		}
	}
}

func (v *viewer) leave() {
	v.end()
	<-v.ended
}
