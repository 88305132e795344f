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
// `user:alice host:db* since:7d kind:sftp state:live approver:bob
// flag:break-glass text:"DROP TABLE" word`. Words without a key are looked for
// in all that the list shows, text: in what stood on the sessions' screens.
type filter struct {
	text  string
	query access.SessionQuery // what the index can answer
	host  string              // a glob, which it may not
	by    access.PersonName   // approver
	cause string
	flag  string
	said  string // text:, for the search of recordings
	words []string
}

var sessionKinds = []access.Kind{access.KindShell, access.KindExec, access.KindSFTP, access.KindForward}
var sessionStates = []access.SessionState{access.SessionLive, access.SessionSealed, access.SessionRecovered}

// parseFilter reads a filter line. Unknown keys and impossible values are
// errors that say what there is.
func parseFilter(text string, now time.Time) (filter, error) {
	f := filter{text: strings.TrimSpace(text)}
	for _, word := range splitQuoted(text) {
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

// splitQuoted splits at blanks outside of double quotes, and drops the quotes.
// One that is still open goes to the end.
func splitQuoted(text string) (words []string) {
	var word strings.Builder
	quoted, begun := false, false
	for _, r := range text + " " {
		switch {
		case r == '"':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		words = append(words, strings.TrimSpace(word.String()))
	}
	return words
}

// Flags of sessions: how they were allowed without a person's approval.
var sessionFlags = []string{"break-glass", "auto"}

// flagged reports whether an approver of the session is no person but a flag.
func flagged(s access.Session, flag string) bool {
	return slices.ContainsFunc(s.Approvers, func(a access.PersonName) bool {
		kind, _, _ := strings.Cut(string(a), ":")
		return kind == flag
	})
}

func (f *filter) set(key, value string, now time.Time) error {
	if key == "text" {
		f.said = value
		return nil
	}
	value = strings.ToLower(value)
	switch key {
	case "flag":
		f.flag = value
		if !slices.Contains(sessionFlags, value) {
			return fmt.Errorf("flag: is one of %v", sessionFlags)
		}
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
		return fmt.Errorf("the filter knows user: host: kind: state: since: until: approver: cause: flag: text: and words")
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
	if f.flag != "" && !flagged(s, f.flag) {
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
