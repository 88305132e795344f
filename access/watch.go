package access

import (
	"context"
	"fmt"
)

// Watch says what a rule wants of those who watch its sessions.
type Watch string

const (
	WatchTold  Watch = "told"  // their person is told, at the terminal and in the recording
	WatchQuiet Watch = "quiet" // they are not; the audit chain still is
	// WatchRequired: they are told, and a session runs only while a second
	// person watches it; see [Vigil].
	WatchRequired Watch = "required"
)

// ParseWatch reads one strictly; empty is WatchTold.
func ParseWatch(s string) (Watch, error) {
	switch w := Watch(s); w {
	case "":
		return WatchTold, nil
	case WatchTold, WatchQuiet, WatchRequired:
		return w, nil
	}
	return "", fmt.Errorf("%q is none of told, quiet, required", s)
}

// Watching is one person's look at a live session.
type Watching struct {
	// Context ends when they may look no longer; [context.Cause] is then the
	// [*Error] to show. It ends with the context that was given.
	Context context.Context
	// Shown says whether the session stands before their eyes: as it happens,
	// on a terminal that answers. Until it is called it does not. Where a
	// second person is wanted the session runs by it. It does not wait for
	// anybody but the database, and does nothing after Leave.
	Shown func(now bool)
	// Leave ends it. It must be called, and may be called again.
	Leave func()
}
