package tui

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// filter is what stands in the browser's filter line:
// "user:alice host:db* since:7d kind:sftp state:live approver:bob text".
// Words without a key are looked for in all that the list shows.
type filter struct {
	text  string
	query access.SessionQuery // what the index can answer
	host  string              // a glob, which it may not
	by    access.PersonName   // approver
	cause string
	words []string
}

var sessionKinds = []access.Kind{access.KindShell, access.KindExec, access.KindSFTP, access.KindForward}
var sessionStates = []access.SessionState{access.SessionLive, access.SessionSealed, access.SessionRecovered}

// parseFilter reads a filter line. Unknown keys and impossible values are
// errors that say what there is.
func parseFilter(text string, now time.Time) (filter, error) {
	f := filter{text: strings.TrimSpace(text)}
	for _, word := range strings.Fields(text) {
		key, value, ok := strings.Cut(word, ":")
		if !ok {
			f.words = append(f.words, strings.ToLower(word))
			continue
		}
		if value == "" {
			continue // still being typed
		}
		if err := f.set(key, value, now); err != nil {
			return filter{}, err
		}
	}
	return f, nil
}

func (f *filter) set(key, value string, now time.Time) error {
	value = strings.ToLower(value)
	switch key {
	case "user", "person":
		f.query.Person = access.PersonName(value)
	case "host":
		if strings.ContainsAny(value, "*?[") {
			if _, err := path.Match(value, ""); err != nil {
				return fmt.Errorf("host: %q is no pattern", access.Plain(value, 20))
			}
			f.host = value
		} else {
			f.query.Host = value
		}
	case "kind":
		f.query.Kind = access.Kind(value)
		if !slices.Contains(sessionKinds, f.query.Kind) {
			return fmt.Errorf("kind: is one of %v", sessionKinds)
		}
	case "state":
		f.query.State = access.SessionState(value)
		if !slices.Contains(sessionStates, f.query.State) {
			return fmt.Errorf("state: is one of %v", sessionStates)
		}
	case "since", "until":
		t, err := parseWhen(value, now)
		if err != nil {
			return fmt.Errorf("%s: is like 7d, 4h or 2026-03-01", key)
		}
		if key == "since" {
			f.query.Since = t
		} else {
			f.query.Until = t
		}
	case "approver", "by":
		f.by = access.PersonName(value)
	case "cause":
		f.cause = value
	default:
		return fmt.Errorf("the filter knows user: host: kind: state: since: until: approver: cause: and words")
	}
	return nil
}

// parseWhen reads a time ago or a date.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if d, err := parseSpan(s); err == nil {
		return now.Add(-d), nil
	}
	return time.Parse(time.DateOnly, s)
}

// has is the part of f that the index cannot answer.
func (f filter) has(s access.Session) bool {
	if f.host != "" {
		if ok, err := path.Match(f.host, s.Target.Host); err != nil || !ok {
			return false
		}
	}
	if f.by != "" && !slices.Contains(s.Approvers, f.by) {
		return false
	}
	if f.cause != "" && !strings.Contains(strings.ToLower(s.EndCause), f.cause) {
		return false
	}
	if len(f.words) == 0 {
		return true
	}
	text := strings.ToLower(strings.Join([]string{string(s.ID), string(s.Person), s.Target.String(), string(s.Kind), string(s.State),
		s.Rule, s.EndCause, s.Command, s.Source, names(s.Approvers)}, " "))
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
