package bastion

import (
	"time"

	"github.com/sallyport/sallyport/access"
)

// warn tells whoever sits at the terminal that time is short, that there is
// more of it, or that somebody watches.
func (r *relay) warn(w access.Warning) {
	if !r.terminal {
		return
	}
	text := warning(w)
	if err := r.rec.Marker(text); err != nil {
		r.s.end(recordingFailed(err))
	}
	r.words.put(text)
}

// warning is w in words.
func warning(w access.Warning) string {
	switch {
	case w.Gone:
		return "sallyport: " + w.Watcher + " is no longer watching"
	case w.Watcher != "":
		return "sallyport: " + w.Watcher + " is watching"
	}
	left, at := w.Left.Round(time.Second).String(), w.NotAfter.UTC().Format("15:04:05 UTC")
	if w.Moved {
		return "sallyport: this session may go on for " + left + ", until " + at + " (" + string(w.Grant) + ")"
	}
	return "sallyport: this session ends in " + left + ", at " + at + ". ssh bastion extend asks for more (" + string(w.Grant) + ")"
}
