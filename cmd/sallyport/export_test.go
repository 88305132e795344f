package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/tui"
)

func TestExportCommand(t *testing.T) {
	s := access.Session{ID: "01KAZ4T9V5J8M2N3P4Q5R6S7T8"}
	for to, want := range map[string]string{
		sshTo("bastion.example.com:22"):   "ssh bastion.example.com export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > 01KAZ4T9V5J8M2N3P4Q5R6S7T8.tar",
		sshTo("bastion.example.com:2222"): "ssh -p 2222 bastion.example.com export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > 01KAZ4T9V5J8M2N3P4Q5R6S7T8.tar",
		sshTo("[::1]:22"):                 "ssh ::1 export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > 01KAZ4T9V5J8M2N3P4Q5R6S7T8.tar",
		atSocket(""):                      "sallyport export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > 01KAZ4T9V5J8M2N3P4Q5R6S7T8.tar",
		atSocket("/etc/it's.yaml"):        `sallyport --config '/etc/it'\''s.yaml' export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > 01KAZ4T9V5J8M2N3P4Q5R6S7T8.tar`,
	} {
		if got := exportCommand(to)(s, tui.ExportBundle); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := exportCommand("ssh b")(s, tui.ExportV3); got != "ssh b export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --format v3 > 01KAZ4T9V5J8M2N3P4Q5R6S7T8.cast" {
		t.Error(got)
	}
}

// What the interface writes here is what export writes; nothing is written
// over, and nothing half written stays.
func TestExportCopy(t *testing.T) {
	p := newPlace(t)
	p.record(1)
	s := p.sessions()[0]
	s.Recording = filepath.Join(p.config.recordings(), filepath.FromSlash(s.Recording))
	dir := t.TempDir()
	for format, holds := range map[tui.ExportFormat]string{tui.ExportBundle: "manifest.json", tui.ExportText: "put /x 4 B", tui.ExportV3: `{"version":3`} {
		file := filepath.Join(dir, tui.ExportFile(s, format))
		if err := exportCopy(nil)(t.Context(), s, format, file); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(data), holds) {
			t.Errorf("%s: %v, %.200q", format, err, data)
		}
		var refused *access.Error
		if err := exportCopy(nil)(t.Context(), s, format, file); !errors.As(err, &refused) || !strings.Contains(refused.Why, "a file of that name") {
			t.Errorf("%s again: %v", format, err)
		}
		if again, err := os.ReadFile(file); err != nil || string(again) != string(data) {
			t.Errorf("%s: it was written over, %v", format, err)
		}
	}
	if err := os.Remove(filepath.Join(s.Recording, "session.cast")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "half.txt")
	if err := exportCopy(recorder.Identities(nil))(t.Context(), s, tui.ExportText, file); err == nil {
		t.Error("what is gone was exported")
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a half file stays: %v", err)
	}
	if err := exportCopy(nil)(t.Context(), s, tui.ExportText, filepath.Join(dir, "no", "where")); err == nil || !strings.Contains(access.AsError(err).Why, "no such file") {
		t.Error(err)
	}
}
