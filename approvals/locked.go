package approvals

import (
	"fmt"
	"slices"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// locks are those in force, as a transaction or a read saw them. Everything
// that lets in, asks or decides looks at them: within its transaction, or, for
// standing access, after the session was registered, so that a lock that
// commits later finds it.
type locks []access.Lock

func (c *change) locks() (locks, error) {
	list, err := c.Locks()
	return list, err
}

// on finds the lock on a subject.
func (l locks) on(s access.Subject) (access.Lock, bool) {
	i := slices.IndexFunc(l, func(l access.Lock) bool { return l.Subject == s })
	if i < 0 {
		return access.Lock{}, false
	}
	return l[i], true
}

// hit finds the lock that keeps a person off a host; without a host only one
// on the person can.
func (l locks) hit(p *policy.Policy, person access.PersonName, host string) *access.Error {
	i := slices.IndexFunc(l, func(l access.Lock) bool { return covers(p, l.Subject, person, host) })
	if i < 0 {
		return nil
	}
	return lockedOut(l[i])
}

// covers reports whether a lock on s concerns a person's use of a host. A host
// is meant by each of its names, so that one that is renamed, and keeps the old
// name as an alias, stays locked.
func covers(p *policy.Policy, s access.Subject, person access.PersonName, host string) bool {
	if s.Kind == access.SubjectPerson {
		return s.Name == string(person)
	}
	h, _ := p.Host(host)
	return s.Name == host || slices.Contains(h.Names(), s.Name)
}

// lockedOut is what a lock says to whom it keeps out. Why a person was locked
// is not for whoever holds their key to read.
func lockedOut(l access.Lock) *access.Error {
	if l.Subject.Kind == access.SubjectPerson {
		return access.Refuse(access.ReasonLocked, "your access is locked", "Talk to an admin of the bastion")
	}
	return access.Refuse(access.ReasonLocked, because(fmt.Sprintf("the host %s is locked", l.Subject.Name), l.Reason), "Talk to "+l.By)
}

// free refuses a ruling whose person or host is locked.
func (c *change) free(r ruling) error {
	list, err := c.locks()
	if err != nil {
		return err
	}
	if refused := list.hit(r.policy, r.person.Name, r.target.Host); refused != nil {
		return refused
	}
	return nil
}

// freeActor refuses an actor who is locked, or whose human is: they decide
// nothing, and take nothing away.
func (c *change) freeActor(p *policy.Policy, a access.Actor) error {
	person, ok := p.Person(a.Person)
	if !ok {
		return nil // the unix socket; anybody else was refused before
	}
	list, err := c.locks()
	if err != nil {
		return err
	}
	if list.silences(person) {
		return lockedOut(access.Lock{Subject: access.Subject{Kind: access.SubjectPerson}})
	}
	return nil
}

// silences reports whether a person's word does not count: they are locked, or
// the human who answers for them is.
func (l locks) silences(p access.Person) bool {
	return slices.ContainsFunc(l, func(l access.Lock) bool {
		return l.Subject.Kind == access.SubjectPerson && (l.Subject.Name == string(p.Name) || l.Subject.Name == string(p.Human()))
	})
}

// approvers are those who may approve now.
func (l locks) approvers(p *policy.Policy, rule *policy.Rule, requester access.Person) []access.Person {
	return slices.DeleteFunc(p.Approvers(rule, requester), l.silences)
}

// missing is how many approvals are still needed, counting only those of
// people who could give them now.
func (l locks) missing(p *policy.Policy, rule *policy.Rule, requester access.Person, r access.Request) int {
	by := slices.DeleteFunc(rule.Approval.Counting(r), func(name access.PersonName) bool {
		person, ok := p.Person(name)
		return ok && l.silences(person)
	})
	return p.Met(rule, requester, by)
}
