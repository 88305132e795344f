package access

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// SessionQuery selects sessions, newest first unless Order says otherwise. Zero
// fields select everything. [SessionQuery.Has] and [SessionQuery.Compare] say
// what is meant, for those who have sessions in memory; the store answers the
// same by its indexes.
type SessionQuery struct {
	Person PersonName
	Host   string // by its name, or a pattern of *, ? and [a-z]
	Kind   Kind
	State  SessionState
	Ended  bool // those that run are left out
	Since  time.Time
	Until  time.Time
	// Approver is one of those who approved; Flag why nobody had to:
	// "break-glass" or "auto".
	Approver PersonName
	Flag     string
	Cause    string   // part of the end's cause, as an ending or the exit status tell it
	Words    []string // each part of what a list shows of a session; lower case

	Order    SessionOrder
	Backward bool // the other way round, in an order that is not empty
	// Before pages through the newest first: those older than this one. Skip
	// pages in any other order, which may shift in between.
	Before SessionID
	Skip   int
	Limit  int // 0 means 1000
}

// SessionOrder is by what sessions are sorted; ties are newest first.
type SessionOrder string

const (
	ByStart  SessionOrder = "" // newest first
	ByPerson SessionOrder = "person"
	ByTarget SessionOrder = "target" // by host, then login
	ByKind   SessionOrder = "kind"
	ByLength SessionOrder = "length" // those that run still have none
	ByState  SessionOrder = "state"
	ByEnd    SessionOrder = "end" // by cause, then exit status
)

// IsPattern reports whether a host is a pattern and no name.
func IsPattern(host string) bool { return strings.ContainsAny(host, "*?[") }

// Has reports whether q selects s, by all but its page.
func (q SessionQuery) Has(s Session) bool {
	switch {
	case q.Person != "" && s.Person != q.Person, q.Kind != "" && s.Kind != q.Kind, q.State != "" && s.State != q.State:
		return false
	case q.Ended && s.State == SessionLive:
		return false
	case !q.Since.IsZero() && s.StartedAt.Before(q.Since), !q.Until.IsZero() && !s.StartedAt.Before(q.Until):
		return false
	case q.Approver != "" && !slices.Contains(s.Approvers, q.Approver), q.Flag != "" && !flagged(s, q.Flag):
		return false
	case q.Cause != "" && !strings.Contains(lower(s.EndCause), lower(q.Cause)):
		return false
	case !hostHas(q.Host, s.Target.Host):
		return false
	}
	text := s.shown()
	return !slices.ContainsFunc(q.Words, func(w string) bool { return !strings.Contains(text, lower(w)) })
}

func hostHas(wanted, host string) bool {
	if !IsPattern(wanted) {
		return wanted == "" || wanted == host
	}
	ok, err := path.Match(wanted, host)
	return ok && err == nil
}

// flagged reports whether an approver of the session is no person but a flag,
// such as break-glass:alice.
func flagged(s Session, flag string) bool {
	return slices.ContainsFunc(s.Approvers, func(a PersonName) bool { return strings.HasPrefix(string(a), flag+":") })
}

// shown is what words are looked for in.
func (s Session) shown() string {
	approvers := make([]string, len(s.Approvers))
	for i, a := range s.Approvers {
		approvers[i] = string(a)
	}
	return lower(strings.Join([]string{string(s.ID), string(s.Person), s.Target.String(), string(s.Kind), string(s.State), s.Rule,
		s.EndCause, s.Command, s.Source, strings.Join(approvers, " ")}, " "))
}

// lower is of ASCII alone, as the store's database has it.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Compare orders two sessions as q wants them.
func (q SessionQuery) Compare(a, b Session) int {
	by := 0
	switch q.Order {
	case ByPerson:
		by = cmp.Compare(a.Person, b.Person)
	case ByTarget:
		by = cmp.Or(cmp.Compare(a.Target.Host, b.Target.Host), cmp.Compare(a.Target.Login, b.Target.Login))
	case ByKind:
		by = cmp.Compare(a.Kind, b.Kind)
	case ByLength:
		by = cmp.Compare(length(a), length(b))
	case ByState:
		by = cmp.Compare(a.State, b.State)
	case ByEnd:
		by = cmp.Or(cmp.Compare(a.EndCause, b.EndCause), cmp.Compare(exit(a), exit(b)))
	case ByStart:
		if q.Backward {
			return cmp.Compare(a.ID, b.ID)
		}
	}
	if q.Backward {
		by = -by
	}
	return cmp.Or(by, cmp.Compare(b.ID, a.ID))
}

func length(s Session) time.Duration {
	if s.EndedAt.IsZero() {
		return -1
	}
	return s.EndedAt.Sub(s.StartedAt)
}

func exit(s Session) int {
	if s.ExitStatus == nil {
		return -1
	}
	return *s.ExitStatus
}
