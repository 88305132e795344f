package tui

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// filter is what stands in the browser's filter line:
// `user:alice host:db* since:7d kind:sftp state:live approver:bob
// flag:break-glass text:"DROP TABLE" word`. Words without a key are looked for
// in all that the list shows, text: in what stood on the sessions' screens.
type filter struct {
	text  string
	query access.SessionQuery // for the index
	said  string              // text:, for the search of recordings
}

// A filterFault is what is wrong with a filter line, and where.
type filterFault struct {
	from, to int // characters
	why      string
}

var (
	sessionKinds  = []access.Kind{access.KindShell, access.KindExec, access.KindSFTP, access.KindForward}
	sessionStates = []access.SessionState{access.SessionLive, access.SessionSealed, access.SessionRecovered}
	// Flags of sessions: how they were allowed without a person's approval.
	sessionFlags = []string{"break-glass", "auto"}
	filterKeys   = strings.Fields(keysThereAre[len("keys:"):] + " person by")
	keysThereAre = "keys: user host kind state since until approver cause flag text"
)

// parseFilter reads a filter line. Unknown keys and impossible values are
// faults that say what there is; the words up to the first one count.
func parseFilter(text string, now time.Time) (filter, *filterFault) {
	f := filter{text: strings.TrimSpace(text)}
	for _, w := range splitQuoted(text) {
		key, value, ok := strings.Cut(w.text, ":")
		switch {
		case !ok || w.quoted:
			f.query.Words = append(f.query.Words, strings.ToLower(w.text))
		case value == "": // still being typed
			if !slices.Contains(filterKeys, strings.ToLower(key)) {
				return f, &filterFault{w.from, w.to, keysThereAre}
			}
		default:
			if why := f.set(strings.ToLower(key), value, now); why != "" {
				return f, &filterFault{w.from, w.to, why}
			}
		}
	}
	return f, nil
}

// A filterWord is a word of a filter line and where it stands.
type filterWord struct {
	text     string
	from, to int  // characters
	quoted   bool // as a whole: no key
}

// splitQuoted splits at blanks outside of double quotes, and drops the quotes.
// One that is still open goes to the end.
func splitQuoted(text string) (words []filterWord) {
	var word strings.Builder
	runes := []rune(text)
	at, quoted, begun := 0, false, false
	end := func(i int) {
		if begun {
			words = append(words, filterWord{strings.TrimSpace(word.String()), at, i, runes[at] == '"'})
		}
		word.Reset()
		begun = false
	}
	for i, r := range runes {
		if r == ' ' && !quoted {
			end(i)
			continue
		}
		if !begun {
			at, begun = i, true
		}
		if r == '"' {
			quoted = !quoted
		} else {
			word.WriteRune(r)
		}
	}
	end(len(runes))
	return words
}

// set takes one key in; why says what is wrong with it.
func (f *filter) set(key, value string, now time.Time) (why string) {
	if key == "text" {
		f.said = value
		return ""
	}
	q, value := &f.query, strings.ToLower(value)
	switch key {
	case "flag":
		q.Flag = value
		return oneOf(value, sessionFlags)
	case "user", "person":
		q.Person = access.PersonName(value)
	case "host":
		q.Host = value
		if _, err := path.Match(value, ""); err != nil || strings.Contains(value, `\`) {
			return "no pattern: * is any text, ? one character, [ab] one of these"
		}
	case "kind":
		q.Kind = access.Kind(value)
		return oneOf(q.Kind, sessionKinds)
	case "state":
		q.State = access.SessionState(value)
		return oneOf(q.State, sessionStates)
	case "since", "until":
		t, err := parseWhen(value, now)
		if err != nil {
			return "a time ago or a day: 7d, 4h, 2w, 2026-03-01"
		}
		if key == "since" {
			q.Since = t
		} else {
			q.Until = t
		}
	case "approver", "by":
		q.Approver = access.PersonName(value)
	case "cause":
		q.Cause = value
	default:
		return keysThereAre
	}
	return ""
}

// oneOf says what there is, where value is not among it.
func oneOf[T ~string](value T, of []T) string {
	if slices.Contains(of, value) {
		return ""
	}
	words := make([]string, len(of))
	for i, o := range of {
		words[i] = string(o)
	}
	last := len(words) - 1
	return "one of " + strings.Join(words[:last], ", ") + " or " + words[last]
}

// parseWhen reads a time ago or a date.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if d, err := parseSpan(s); err == nil {
		return now.Add(-d), nil
	}
	return time.Parse(time.DateOnly, s)
}
