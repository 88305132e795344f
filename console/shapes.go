package console

import (
	"strings"

	"github.com/sallyport/sallyport/access"
)

// What --json prints. Those of sessions, requests and verify are contract, to
// the letter; the others may grow keys.

// each maps a list into an array that is never null.
func each[T, U any](in []T, shape func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, v := range in {
		out = append(out, shape(v))
	}
	return out
}

type sessionShape struct {
	ID             access.SessionID    `json:"id"`
	ConnectionID   access.ConnectionID `json:"connection_id"`
	BastionID      string              `json:"bastion_id"`
	Rule           string              `json:"rule"`
	KeyFingerprint string              `json:"key_fingerprint"`
	SourceAddr     string              `json:"source_addr"`
	Person         access.PersonName   `json:"person"`
	Host           string              `json:"host"`
	Login          string              `json:"login"`
	Kind           access.Kind         `json:"kind"`
	StartedAt      stamp               `json:"started_at"`
	EndedAt        stamp               `json:"ended_at"`
	State          access.SessionState `json:"state"`
	ExitStatus     *int                `json:"exit_status"`
	EndCause       optional            `json:"end_cause"`
	BytesOut       int64               `json:"bytes_out"`
	RequestID      optional            `json:"request_id"`
	Approvers      []access.PersonName `json:"approvers"`
	Recording      string              `json:"recording"`
	Flags          []string            `json:"flags"`
	// Of a live session that runs only while a second person watches.
	Paused   bool                `json:"paused"`   // nobody does now
	Watchers []access.PersonName `json:"watchers"` // who does
}

func sessionJSON(s access.Session) sessionShape {
	return sessionShape{
		ID: s.ID, ConnectionID: s.ConnectionID, BastionID: s.BastionID, Rule: s.Rule,
		KeyFingerprint: s.Fingerprint, SourceAddr: s.Source, Person: s.Person,
		Host: s.Target.Host, Login: s.Target.Login, Kind: s.Kind,
		StartedAt: stamp(s.StartedAt), EndedAt: stamp(s.EndedAt), State: s.State,
		ExitStatus: s.ExitStatus, EndCause: optional(s.EndCause), BytesOut: s.BytesOut,
		RequestID: optional(s.RequestID), Approvers: list(s.Approvers), Recording: s.Recording,
		Flags: flagsOf(s), Paused: s.Paused, Watchers: list(s.Watchers),
	}
}

type requestShape struct {
	ID          access.RequestID    `json:"id"`
	Person      access.PersonName   `json:"person"`
	Host        string              `json:"host"`
	Login       string              `json:"login"`
	Reason      string              `json:"reason"`
	State       access.RequestState `json:"state"`
	RequestedAt stamp               `json:"requested_at"`
	DecidedAt   stamp               `json:"decided_at"`
	Decisions   []decisionShape     `json:"decisions"`
	Grant       *requestGrantShape  `json:"grant"`
	Flags       []string            `json:"flags"`
	ForSeconds  int64               `json:"for_seconds"`
	WaitUntil   stamp               `json:"wait_until"`
	Digest      string              `json:"digest"`
	Auto        optional            `json:"auto"`
	Review      *reviewShape        `json:"review"`
}

type reviewShape struct {
	By   access.PersonName `json:"by"`
	Note string            `json:"note"`
	At   stamp             `json:"at"`
}

type decisionShape struct {
	Person  access.PersonName `json:"person"`
	Verdict access.Verdict    `json:"verdict"`
	Via     access.Via        `json:"via"`
	At      stamp             `json:"at"`
	// Confirmed is false of a click that waits for its approver's key.
	Confirmed  bool  `json:"confirmed"`
	ForSeconds int64 `json:"for_seconds"` // 0: as asked
}

type requestGrantShape struct {
	State    access.GrantState `json:"state"`
	NotAfter stamp             `json:"not_after"`
}

func requestJSON(r access.Request) requestShape {
	s := requestShape{
		ID: r.ID, Person: r.Person, Host: r.Target.Host, Login: r.Target.Login, Reason: r.Reason,
		State: r.State, RequestedAt: stamp(r.RequestedAt), DecidedAt: stamp(r.DecidedAt),
		Decisions: each(r.Decisions, func(d access.Decision) decisionShape {
			return decisionShape{d.Person, d.Verdict, d.Via, stamp(d.At), !d.Unconfirmed, int64(d.For.Seconds())}
		}),
	}
	s.Flags, s.Auto, s.Digest = []string{}, optional(r.Auto), r.Digest()
	s.ForSeconds, s.WaitUntil = int64(r.For.Seconds()), stamp(r.WaitUntil)
	if r.BreakGlass {
		s.Flags = append(s.Flags, flagGlass)
	}
	if r.Owed() {
		s.Flags = append(s.Flags, "review-owed")
	}
	if !r.Review.At.IsZero() {
		s.Review = &reviewShape{r.Review.By, r.Review.Note, stamp(r.Review.At)}
	}
	if r.Grant != nil {
		s.Grant = &requestGrantShape{r.Grant.State, stamp(r.Grant.NotAfter)}
	}
	return s
}

// What is out of the ordinary, in the flags of requests, grants and sessions.
const (
	flagGlass = "break-glass"
	flagAuto  = "auto"
)

// flagsOf says how a session was approved, if not by people: by what stands in
// their place, whose names hold a colon.
func flagsOf(s access.Session) []string {
	flags := []string{}
	for _, a := range s.Approvers {
		switch kind, _, _ := strings.Cut(string(a), ":"); kind {
		case flagGlass, flagAuto:
			flags = append(flags, kind)
		}
	}
	return flags
}

type lockShape struct {
	Subject string     `json:"subject"`
	Reason  string     `json:"reason"`
	By      string     `json:"by"`
	Via     access.Via `json:"via"`
	At      stamp      `json:"at"`
}

func lockJSON(l access.Lock) lockShape {
	return lockShape{Subject: l.Subject.String(), Reason: l.Reason, By: l.By, Via: l.Via, At: stamp(l.At)}
}

type grantShape struct {
	ID         access.GrantID    `json:"id"`
	RequestID  access.RequestID  `json:"request_id"`
	Person     access.PersonName `json:"person"`
	Host       string            `json:"host"`
	Login      string            `json:"login"`
	Rule       string            `json:"rule"`
	Kinds      []access.Kind     `json:"kinds"`
	State      access.GrantState `json:"state"`
	ForSeconds int64             `json:"for_seconds"`
	ReadyAt    stamp             `json:"ready_at"`
	UseBy      stamp             `json:"use_by"`
	StartedAt  stamp             `json:"started_at"`
	NotAfter   stamp             `json:"not_after"`
	EndedAt    stamp             `json:"ended_at"`
	Flags      []string          `json:"flags"`
	Sessions   int               `json:"sessions"` // how many it opens in all; 0 for any number
	Opened     int               `json:"opened"`
	Bind       []access.Binding  `json:"bind"`
}

func grantJSON(g access.Grant) grantShape {
	flags, bind := []string{}, g.Bind
	if g.BreakGlass {
		flags = append(flags, flagGlass)
	}
	if len(bind) == 0 {
		bind = []access.Binding{access.BindKey}
	}
	return grantShape{
		ID: g.ID, RequestID: g.RequestID, Person: g.Person, Host: g.Target.Host, Login: g.Target.Login,
		Rule: g.Rule, Kinds: list(g.Kinds), State: g.State, ForSeconds: int64(g.For.Seconds()),
		ReadyAt: stamp(g.ReadyAt), UseBy: stamp(g.UseBy), StartedAt: stamp(g.StartedAt),
		NotAfter: stamp(g.NotAfter), EndedAt: stamp(g.EndedAt),
		Flags: flags, Sessions: g.Sessions, Opened: g.Opened, Bind: bind,
	}
}
