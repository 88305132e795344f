// Package audit owns the evidence: what an [Event] is, the catalogue of its
// [Kind]s, the bytes it is stored as, and the hash chain over those bytes.
//
// Evidence is not logging: slog is for operators and may be lost; an event
// is written in the transaction of the change that it tells of, and nothing
// reads one as the other. This package refuses to store anything (package
// store does) and to hold secrets or session content: what was typed, shown
// or transferred has no field here, nor has the text of a command.
//
// Start reading at [Event], then [Hash] and [Verifier].
package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Version is the version of the stored form of an event.
const Version = 1

// Event is one fact. Empty fields mean that the fact does not concern such a
// thing. IDs are plain strings here because evidence is read by tools that
// know no types.
type Event struct {
	Time       time.Time // when; zero means the time at which it is stored
	Bastion    string    // empty means the bastion that stores it
	Kind       Kind
	Actor      string // who did it: a person, local:UID, or one of the constants below
	Person     string // whom it concerns
	Host       string
	Login      string
	Rule       string
	Session    string
	Request    string
	Grant      string
	Connection string
	Source     string // network address
	Detail     map[string]string
}

// Actors that are no people.
const (
	ActorSystem = "system" // a deadline, a start, a shutdown
	ActorPolicy = "policy" // a reload of access.yaml
)

// Limits of what one event may hold, in runes: text from outside is cut, so
// that nobody can fill the chain by being verbose.
const (
	maxField  = 300
	maxDetail = 2000
)

// stored is the stored form. Its field order is the order of the bytes.
type stored struct {
	Version    int               `json:"v"`
	Time       time.Time         `json:"time"`
	Bastion    string            `json:"bastion_id"`
	Kind       Kind              `json:"kind"`
	Actor      string            `json:"actor,omitempty"`
	Person     string            `json:"person,omitempty"`
	Host       string            `json:"host,omitempty"`
	Login      string            `json:"login,omitempty"`
	Rule       string            `json:"rule,omitempty"`
	Session    string            `json:"session_id,omitempty"`
	Request    string            `json:"request_id,omitempty"`
	Grant      string            `json:"grant_id,omitempty"`
	Connection string            `json:"connection_id,omitempty"`
	Source     string            `json:"source,omitempty"`
	Detail     map[string]string `json:"detail,omitempty"`
}

// Encode gives the bytes that are stored and hashed: one line of JSON without
// a line break, the same for the same event. Times are cut to microseconds
// UTC, text is made plain (see [access.Plain]) and bounded.
func Encode(e Event) []byte {
	s := stored{
		Version:    Version,
		Time:       e.Time.UTC().Truncate(time.Microsecond),
		Bastion:    plain(e.Bastion),
		Kind:       Kind(plain(string(e.Kind))),
		Actor:      plain(e.Actor),
		Person:     plain(e.Person),
		Host:       plain(e.Host),
		Login:      plain(e.Login),
		Rule:       plain(e.Rule),
		Session:    plain(e.Session),
		Request:    plain(e.Request),
		Grant:      plain(e.Grant),
		Connection: plain(e.Connection),
		Source:     plain(e.Source),
	}
	for key, value := range e.Detail {
		if value == "" {
			continue
		}
		if s.Detail == nil {
			s.Detail = make(map[string]string, len(e.Detail))
		}
		s.Detail[plain(key)] = access.Plain(value, maxDetail)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		// Strings, a map of strings and a time: only a year past 9999
		// fails, and no clock of ours shows one.
		panic(fmt.Sprintf("audit: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

func plain(s string) string { return access.Plain(s, maxField) }

// Decode reads stored bytes. Fields that this version does not know are left
// out, so that an older binary can show what a newer one wrote.
func Decode(data []byte) (Event, error) {
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return Event{}, fmt.Errorf("audit: stored event: %w", err)
	}
	return Event{
		Time: s.Time, Bastion: s.Bastion, Kind: s.Kind, Actor: s.Actor,
		Person: s.Person, Host: s.Host, Login: s.Login, Rule: s.Rule,
		Session: s.Session, Request: s.Request, Grant: s.Grant,
		Connection: s.Connection, Source: s.Source, Detail: maps.Clone(s.Detail),
	}, nil
}
