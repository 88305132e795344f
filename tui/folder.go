package tui

import (
	"context"
	"errors"

	"github.com/sallyport/sallyport/recorder"
)

// folder is a recording on this machine.
type folder struct {
	cast *recorder.Reader
	head Header
}

// OpenFolder opens a recording's folder, or a cast file of whatever recorder.
// One that says nothing of itself is taken for a terminal's.
func OpenFolder(path string) (Recording, error) { return OpenFolderWith(path, nil) }

// OpenFolderWith is [OpenFolder] for recordings that may be encrypted.
func OpenFolderWith(path string, ids recorder.Identities) (Recording, error) {
	cast, err := recorder.OpenWith(path, ids)
	if err != nil {
		return nil, err
	}
	h := Header{Cols: cast.Header.Width, Rows: cast.Header.Height, Terminal: true}
	if facts := cast.Header.Facts; facts != nil {
		h.Terminal = facts.Terminal
	}
	return &folder{cast, h}, nil
}

func (f *folder) Header() Header { return f.head }
func (f *folder) Close() error   { return f.cast.Close() }

// Read passes over a damaged line, but says so in its place.
func (f *folder) Read(ctx context.Context, offset int64, limit int) ([]Event, error) {
	var events []Event
	for e, err := range f.cast.EventsAt(offset) {
		var damaged *recorder.LineError
		switch {
		case errors.As(err, &damaged):
			events = append(events, Event{Code: CodeMarker, Data: "a line of the recording is damaged here", Next: e.Next})
		case err != nil:
			return nil, err
		default:
			events = append(events, Event{At: e.At, Code: e.Code, Data: e.Data, Next: e.Next})
		}
		if e.Next-offset >= int64(limit) {
			break
		}
	}
	return events, ctx.Err()
}
