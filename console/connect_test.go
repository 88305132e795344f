package console_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

// connect begins a trip of the caller's, and ends with its exit status; what
// went wrong has been said on the way.
func TestConnect(t *testing.T) {
	w := newWorld(t)
	var trips []access.Trip
	run := func(status int, args ...string) (int, string) {
		var said bytes.Buffer
		exit := w.Run(t.Context(), console.Call{
			Actor: access.Actor{Person: "alice", Via: access.ViaConsole}, Args: append([]string{"connect"}, args...),
			Stdout: &said, Stderr: &said, Reason: "by environment",
			Connect: func(_ context.Context, _ io.ReadCloser, to access.Trip) access.Return {
				trips = append(trips, to)
				return access.Return{Status: status}
			},
		})
		return exit, said.String()
	}
	for _, status := range []int{0, 1, 3, 254, 255} {
		if exit, said := run(status, "root@db1"); exit != status || said != "" {
			t.Errorf("exit %d of %d, %q", exit, status, said)
		}
	}
	if exit, _ := run(0, "root+db1", "--for", "30m", "--reason", "OPS-1"); exit != 0 {
		t.Error(exit)
	}
	if exit, said := run(0, "root@db1", "uptime"); exit != 2 || !strings.Contains(said, "one argument too many") {
		t.Error(exit, said)
	}
	if exit, said := run(0, "--help"); exit != 0 || !strings.Contains(said, "that of the shell, as ssh gives it") {
		t.Error(exit, said)
	}
	root := access.Target{Login: "root", Host: "db1"}
	if len(trips) != 6 || trips[0] != (access.Trip{Target: root, Reason: "by environment"}) ||
		trips[5] != (access.Trip{Target: root, For: 30 * time.Minute, Reason: "OPS-1"}) {
		t.Errorf("%+v", trips)
	}
	if got := w.as(t, "alice", "connect root@db1"); got.exit != 1 || !strings.Contains(got.err, "there is no terminal here to connect on. Use ssh -t bastion connect root@db1") {
		t.Errorf("%+v", got)
	}
	if got := w.as(t, "local", "connect root@db1"); got.exit != 1 || !strings.Contains(got.err, "A session is a person's") {
		t.Errorf("%+v", got)
	}
}
