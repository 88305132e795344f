package tui

import (
	"context"
	"errors"
	"time"

	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/recorder/screens"
)

// folder is a recording on this machine.
type folder struct {
	cast   *recorder.Reader
	head   Header
	frames *screens.Keyframes    // nil without
	typed  *recorder.TypedReader // nil without
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
	frames, err := screens.OpenKeyframes(path)
	if err != nil {
		frames = nil // a cache, or no folder: one does without
	}
	var typed *recorder.TypedReader
	if h.Terminal {
		if typed, err = recorder.OpenTyped(path); err != nil {
			typed = nil // it was not kept, as in most recordings
		}
	}
	h.Typed = typed != nil
	return &folder{cast, h, frames, typed}, nil
}

func (f *folder) Header() Header { return f.head }

// Keyframes are those of session.kf.
func (f *folder) Keyframes() *screens.Keyframes { return f.frames }

// Typed is from stdin.ndjson.
func (f *folder) Typed(_ context.Context, at time.Duration) (string, error) {
	if f.typed == nil {
		return "", nil
	}
	return f.typed.Before(at)
}

func (f *folder) Close() error {
	err := f.cast.Close()
	if f.typed != nil {
		err = errors.Join(err, f.typed.Close())
	}
	if f.frames != nil {
		err = errors.Join(err, f.frames.Close())
	}
	return err
}

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
