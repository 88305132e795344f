package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
)

// place is a data directory with a configuration, and no server.
type place struct {
	t      *testing.T
	file   string
	config *Config
}

func newPlace(t *testing.T) *place {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "access.yaml"), "people:\n  - name: alice\n")
	p := &place{t: t, file: write(t, filepath.Join(dir, "sallyport.yaml"),
		"ca: {kind: local}\nssh: {listen: 127.0.0.1:0}\nhttp: {listen: 127.0.0.1:0, metrics: 127.0.0.1:0}\n")}
	var err error
	if p.config, _, err = loadConfig(p.file); err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs the program.
func (p *place) run(args ...string) (stdout, stderr string, status int) {
	var out, err bytes.Buffer
	status = run(append([]string{"--config", p.file}, args...), stdio{strings.NewReader(""), &out, &err})
	return out.String(), err.String(), status
}

// start builds a server and ends it again.
func (p *place) start(during func(*house)) error {
	h, err := build(p.t.Context(), p.config, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		return err
	}
	if during != nil {
		during(h)
	}
	return h.close()
}

// record makes n sealed recordings, each with one file in its ledger.
func (p *place) record(n int) {
	p.t.Helper()
	err := p.start(func(h *house) {
		for range n {
			rec, err := h.recorder.Start(p.t.Context(), access.Session{ID: access.SessionID(ulid.Make().String()), Person: "alice",
				Target: access.Target{Login: "root", Host: "db1"}, Kind: access.KindSFTP}, recorder.Shape{})
			if err != nil {
				p.t.Fatal(err)
			}
			if err := rec.Transfer(access.Transfer{Action: "put", Path: "/x", Bytes: 4}); err != nil {
				p.t.Fatal(err)
			}
			if _, err := rec.Seal(p.t.Context(), recorder.End{Cause: access.EndExit}); err != nil {
				p.t.Fatal(err)
			}
		}
		over, cancel := context.WithCancel(p.t.Context())
		cancel()
		if err := h.recorder.Run(over); err != nil { // what a stop does
			p.t.Fatal(err)
		}
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// sessions are those of the database.
func (p *place) sessions() []access.Session {
	p.t.Helper()
	s, err := store.OpenForReading(p.t.Context(), storeConfig(p.config))
	if err != nil {
		p.t.Fatal(err)
	}
	defer s.Close()
	list, err := s.Sessions(p.t.Context(), access.SessionQuery{})
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func (p *place) loseDatabase() {
	p.t.Helper()
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(p.config.database() + end); err != nil && !os.IsNotExist(err) {
			p.t.Fatal(err)
		}
	}
}

// Without its database the server does not begin a second time where there
// are recordings; reindex makes it anew, and then it does.
func TestReindexAfterTheDatabaseIsLost(t *testing.T) {
	p := newPlace(t)
	p.record(3)
	before := p.sessions()
	for _, empty := range []bool{false, true} {
		p.loseDatabase()
		if empty {
			write(t, p.config.database(), "")
		}
		if err := p.start(nil); err == nil || !strings.Contains(err.Error(), "sallyport reindex") {
			t.Fatalf("started: %v", err)
		}
		if info, err := os.Stat(p.config.database()); err == nil != empty || empty && info.Size() > 0 {
			t.Error("a database was made")
		}
	}
	out, errs, status := p.run("reindex", "--json")
	var found reindexed
	if err := json.Unmarshal([]byte(out), &found); err != nil || status != 0 || errs != "" {
		t.Fatalf("status %d, %v\n%s%s", status, err, out, errs)
	}
	if found.Recordings != 3 || found.Sessions != 3 || found.Files != 3 || found.Unusable == nil {
		t.Errorf("%+v", found)
	}
	if after := p.sessions(); !reflect.DeepEqual(after, before) {
		t.Errorf("got %+v\nwant %+v", after, before)
	}
	p.record(1)
	err := recorder.VerifyTree(p.config.recordings(), must(recorder.ReadTrust(p.config.keys())), nil, func(v recorder.Verification) error {
		if v.Verdict != recorder.Intact {
			t.Errorf("%+v", v)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What cannot be relied upon is named, and the rest is there.
func TestReindexNamesWhatItCannotUse(t *testing.T) {
	p := newPlace(t)
	p.record(4)
	all := p.sessions()
	folder := func(i int) string { return filepath.Join(p.config.recordings(), filepath.FromSlash(all[i].Recording)) }
	manifest := filepath.Join(folder(0), "manifest.json")
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	write(t, manifest, strings.Replace(string(data), `"alice"`, `"mallory"`, 1))
	if err := os.Remove(filepath.Join(folder(1), "manifest.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(folder(2)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(filepath.Dir(folder(0)), "notes"), "x")

	out, errs, status := p.run("reindex")
	if status != 1 || errs != "" {
		t.Errorf("status %d: %s", status, errs)
	}
	for _, want := range []string{
		"3 recordings, 1 session, 1 file in the ledger\n",
		"not used: " + folder(0) + ": its manifest cannot be relied upon: the signature does not fit\n",
		"not sealed, the next start closes it: " + folder(1) + "\n",
		"was in the database and has no recording here: " + string(all[2].ID) + "\n",
		"notes: it is not named like a recording\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if after := p.sessions(); len(after) != 1 || after[0].ID != all[3].ID {
		t.Errorf("%+v", after)
	}
}

func TestReindexRefuses(t *testing.T) {
	p := newPlace(t)
	p.record(1)
	err := p.start(func(*house) {
		if _, errs, status := p.run("reindex"); status != 1 || !strings.Contains(errs, "is a bastion running there?") {
			t.Errorf("beside a server: status %d: %s", status, errs)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	p.loseDatabase()
	if err := os.RemoveAll(p.config.keys()); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := p.run("reindex"); status != 1 || !strings.Contains(errs, "restore the keys first") {
		t.Errorf("without keys: status %d: %s", status, errs)
	}
	if _, err := os.Stat(p.config.database()); err == nil {
		t.Error("a database was made")
	}
}

func TestBrowseMakesNoDatabase(t *testing.T) {
	p := newPlace(t)
	for _, empty := range []bool{false, true} {
		if empty {
			write(t, p.config.database(), "")
		}
		_, errs, status := p.run("tui")
		if status != 1 || !strings.Contains(errs, "database") {
			t.Errorf("status %d: %s", status, errs)
		}
		if info, err := os.Stat(p.config.database()); err == nil != empty || empty && info.Size() > 0 {
			t.Error("a database was made")
		}
	}
}

// Whoever runs `ca` before the first start must not shut the server out.
func TestCAMakesNothingForAnotherUser(t *testing.T) {
	p := newPlace(t)
	line, errs, status := p.run("ca")
	if status != 0 || !strings.HasPrefix(line, "ssh-ed25519 ") {
		t.Fatalf("status %d: %s", status, errs)
	}
	if os.Geteuid() != 0 {
		t.Skip("the rest is about root")
	}
	if err := os.Chown(p.config.DataDir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if again, errs, status := p.run("ca"); status != 0 || again != line {
		t.Errorf("reading what is there: status %d: %s", status, errs)
	}
	if err := os.RemoveAll(p.config.keys()); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := p.run("ca"); status != 1 || !strings.Contains(errs, "sudo -u nobody sallyport ca") {
		t.Errorf("status %d: %s", status, errs)
	}
	if err := os.RemoveAll(p.config.DataDir); err != nil {
		t.Fatal(err)
	}
	if line, errs, status := p.run("ca"); status != 0 || !strings.HasPrefix(line, "ssh-ed25519 ") {
		t.Errorf("where there is no directory yet: status %d: %s", status, errs)
	}
}

// The names of metrics are contract; operations.md lists them.
func TestMetricNames(t *testing.T) {
	p := newPlace(t)
	var page string
	err := p.start(func(h *house) {
		w := httptest.NewRecorder()
		h.metricsPage().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		page = w.Body.String()
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (sallyport_\w+) `).FindAllStringSubmatch(page, -1) {
		got = append(got, m[1])
	}
	want := []string{"sallyport_build_info", "sallyport_dependency_up", "sallyport_grants_live",
		"sallyport_policy_epoch",
		"sallyport_recording_gap_bytes_total", "sallyport_recording_gaps_total", "sallyport_recordings_failed_total",
		"sallyport_recordings_free_bytes", "sallyport_recordings_min_free_bytes", "sallyport_recordings_reserve_bytes", "sallyport_recordings_unsealed",
		"sallyport_requests_pending", "sallyport_sessions_live"}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}
