package approvals

import (
	"context"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// attendance is somebody at a console: a command or a screen, no host.
type attendance struct {
	identity access.Identity
	roles    policy.Roles // with which it began
	end      context.CancelCauseFunc
}

// Attend lets a person use the console. The context that it gives ends with
// ctx, and when the person is locked, when they or their key leave the access
// file, and when they lose a role, since what a screen shows was chosen by
// roles when it opened; [context.Cause] is then the [*access.Error] to show.
// The function must be called when the console is left. The error says why
// there is no console for them now; it is an [*access.Error], and audited only
// as far as the caller does.
func (d *Desk) Attend(ctx context.Context, id access.Identity) (context.Context, func(), error) {
	life, end := context.WithCancelCause(ctx)
	a := &attendance{identity: id, end: end}
	leave := func() {
		d.mu.Lock()
		delete(d.attending, a)
		d.mu.Unlock()
		end(nil)
	}
	if err := d.attend(ctx, a); err != nil {
		leave()
		return nil, nil, access.AsError(err)
	}
	return life, leave, nil
}

// attend registers a and then looks whether it may be, so that a sweep or a
// lock that comes later finds it.
func (d *Desk) attend(ctx context.Context, a *attendance) error {
	for {
		p := d.Policy.Current()
		d.mu.Lock()
		if person, ok := p.Person(a.identity.Person); ok {
			a.roles = p.Role(person)
		}
		d.attending[a] = true
		d.mu.Unlock()
		if refused := a.over(p); refused != nil {
			return refused
		}
		list, err := d.Store.Locks(ctx)
		if err != nil {
			return err
		}
		if refused := locks(list).hit(p, a.identity.Person, ""); refused != nil {
			return refused
		}
		if d.current(p) == nil {
			return nil
		}
	}
}

// over says why an attendance may not go on under p; nil if it may.
func (a *attendance) over(p *policy.Policy) *access.Error {
	person, ok := p.Person(a.identity.Person)
	if !ok || !p.Knows(a.identity) {
		return access.Refuse(access.ReasonRemoved, "you, or the key that you came with, may not log in any more", "Ask an admin of the bastion")
	}
	now := p.Role(person)
	if a.roles.Auditor && !now.Auditor || a.roles.Admin && !now.Admin || a.roles.Approver && !now.Approver {
		return access.Refuse(access.ReasonRemoved, "what you may do here has changed", "Connect again")
	}
	return nil
}

// sweepConsoles ends the consoles that p does not let go on.
func (d *Desk) sweepConsoles(p *policy.Policy) {
	ends := map[*attendance]*access.Error{}
	d.mu.Lock()
	for a := range d.attending {
		if refused := a.over(p); refused != nil {
			ends[a] = refused
		}
	}
	d.mu.Unlock()
	for a, refused := range ends {
		a.end(refused)
	}
}
