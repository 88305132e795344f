package access

import "fmt"

// Watch says whether a person is told when somebody watches their session.
type Watch string

const (
	WatchTold  Watch = "told"  // they are, at their terminal and in the recording
	WatchQuiet Watch = "quiet" // they are not; the audit chain still is
)

// ParseWatch reads one strictly; empty is WatchTold.
func ParseWatch(s string) (Watch, error) {
	switch w := Watch(s); w {
	case "":
		return WatchTold, nil
	case WatchTold, WatchQuiet:
		return w, nil
	}
	return "", fmt.Errorf("%q is neither told nor quiet", s)
}
