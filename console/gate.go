package console

import (
	"cmp"
	"fmt"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// role is what somebody may be here; roles add up.
type role uint8

const (
	someone  role = 1 << iota // whom the access file knows
	approver                  // whom a rule names
	auditor
	admin
	local // at the socket
)

// everyone may use what shows them only what is theirs.
const everyone = someone | local

// TestWhoMayDoWhat holds the table of who passes, command by command. What goes
// to the desk passes for everyone: it knows whose request, grant or session it
// is, and keeps a record of those whom it refuses.

// rolesOf finds who the actor is. A person whom the access file no longer
// knows has no command at all.
func rolesOf(p *policy.Policy, a access.Actor) (access.Person, role, error) {
	if a.Via == access.ViaSocket {
		return access.Person{}, local, nil
	}
	person, ok := p.Person(a.Person)
	if !ok || a.Person == "" {
		return person, 0, access.Refuse(access.ReasonRemoved, "the access file does not know you any more", "Ask an admin")
	}
	roles := someone
	is := p.Role(person)
	if is.Approver {
		roles |= approver
	}
	if is.Auditor {
		roles |= auditor
	}
	if is.Admin {
		roles |= admin
	}
	return person, roles, nil
}

// gate refuses a command to those whom it is not for, and keeps it as an audit
// event.
func (c *call) gate(sp spec) error {
	if c.roles&sp.who != 0 {
		return nil
	}
	refusal := access.Refuse(access.ReasonNotAllowed, sp.name+" is for "+sp.who.String(), "ssh bastion help lists what you may do")
	if c.roles == local {
		refusal.Do = cmp.Or(sp.notHere, "The socket is for reading, denying, revoking, locking and killing")
	}
	return c.record(audit.Event{
		Kind:   audit.CommandRefused,
		Detail: map[string]string{"command": sp.name, "reason": string(refusal.Reason)},
	}, refusal)
}

// record writes an audit event about the caller and returns err, or what went
// wrong in writing.
func (c *call) record(e audit.Event, err error) error {
	e.Time, e.Bastion = c.Now(), c.BastionID
	e.Actor, e.Person = actorName(c.Actor), string(c.Actor.Person)
	if id := c.Actor.Identity; id != nil {
		e.Source = id.Source.String()
	}
	if failed := c.Store.Record(c.ctx, e); failed != nil {
		return fmt.Errorf("audit event %s: %w", e.Kind, failed)
	}
	return err
}

// actorName is who acts, as events name them.
func actorName(a access.Actor) string {
	if a.Via == access.ViaSocket {
		return fmt.Sprintf("local:%d", a.LocalUID)
	}
	return string(a.Person)
}

// String says whom a command is for.
func (r role) String() string {
	switch {
	case r&someone != 0:
		return "people of the access file"
	case r&auditor != 0 && r&admin != 0:
		return "auditors and admins"
	case r&admin != 0:
		return "admins"
	}
	return "auditors"
}

// seesAll reports whether the caller sees what is not theirs: who audits, and
// who must see what there is to end.
func (c *call) seesAll() bool { return c.roles&(auditor|admin|local) != 0 }
