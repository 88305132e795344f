package access

import (
	"strings"
	"time"
)

// SubjectKind is what sort of thing a lock is on.
type SubjectKind string

const (
	SubjectPerson SubjectKind = "person"
	SubjectHost   SubjectKind = "host"
)

// Subject is what a lock is on: one person, or one host by its inventory name.
type Subject struct {
	Kind SubjectKind
	Name string
}

// String gives person:NAME or host:NAME, as it is typed.
func (s Subject) String() string { return string(s.Kind) + ":" + s.Name }

// ParseSubject reads person:NAME or host:NAME strictly; the name is
// lower-cased. The error is an [*Error] fit for the person.
func ParseSubject(s string) (Subject, error) {
	kind, name, _ := strings.Cut(s, ":")
	subject := Subject{Kind: SubjectKind(kind), Name: strings.ToLower(name)}
	if subject.Kind != SubjectPerson && subject.Kind != SubjectHost || !ValidName(subject.Name) {
		return Subject{}, Refuse(ReasonMalformed, "a lock is on person:NAME or host:NAME", "Type the kind, a colon and the name")
	}
	return subject, nil
}

// Lock keeps a person out of everything, or everybody off a host, until it is
// lifted. Its history is in the audit chain.
type Lock struct {
	Subject Subject
	Reason  string
	By      string // who set it: a person, or local:UID
	Via     Via
	At      time.Time
}
