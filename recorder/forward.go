package recorder

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/sallyport/sallyport/access"
)

// Forward is what went through a session's forwards of one kind to one
// destination. What passed is not recorded; that it did, and how much, is.
type Forward struct {
	Kind        string // such as local-forward, or a channel's type that the host opened
	Destination string // content: to be escaped where it is shown
	Times       int    // how often one was opened, or is known to have ended
	Open        int    // not ended, as far as the recording tells
	Bytes       int64  // both ways, of those that have ended
}

const (
	mostForwards = 500     // destinations that are told apart
	forwardsRead = 8 << 20 // bytes of events.ndjson that are looked at
)

// Forwards adds up the forwards of the recording in a folder, in the order in
// which they were first used. More says that there may be others. Nothing is
// verified, and of an encrypted recording nothing is read.
func Forwards(dir string) (list []Forward, more bool, err error) {
	f, err := openRegular(filepath.Join(dir, eventsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	at := map[[2]string]int{}
	for lines := newLineReader(f, 0); ; {
		line, err := lines.next()
		switch {
		case err == io.EOF:
			return list, more, nil
		case errors.Is(err, errLine):
			continue // verify tells of it
		case err != nil:
			return list, more, err
		case lines.offset > forwardsRead:
			return list, true, nil
		}
		var e timedEvent
		if json.Unmarshal(line, &e) != nil || e.Kind == kindTransfer {
			continue
		}
		opened, closed := e.Detail == "opened", strings.HasPrefix(e.Detail, "closed after ")
		if !opened && !closed {
			continue
		}
		key := [2]string{e.Kind, e.Destination}
		i, known := at[key]
		if !known {
			if len(list) == mostForwards {
				more = true
				continue
			}
			i = len(list)
			at[key] = i
			list = append(list, Forward{Kind: access.Plain(e.Kind, 60), Destination: e.Destination})
		}
		list[i].count(opened, e.Bytes)
	}
}

func (f *Forward) count(opened bool, bytes int64) {
	switch {
	case opened:
		f.Times++
		f.Open++
	case f.Open > 0:
		f.Open--
	default: // of one whose opening was not told
		f.Times++
	}
	f.Bytes += max(bytes, 0)
}
