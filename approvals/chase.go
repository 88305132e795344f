package approvals

import (
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/policy"
)

// ruleFor is the rule of a request as it stands for it: wider, once others are
// asked too.
func ruleFor(p *policy.Policy, r access.Request) (*policy.Rule, bool) {
	rule, there := p.Rule(r.Rule)
	if there && !r.EscalatedAt.IsZero() {
		rule = rule.Escalated()
	}
	return rule, there
}

// chases gives when a request that is asked now is first chased; zero for never.
func chases(c policy.Chase, now time.Time) (remind, escalate time.Time) {
	if c.Remind > 0 {
		remind = now.Add(c.Remind)
	}
	if c.Escalate != nil {
		escalate = now.Add(c.Escalate.After)
	}
	return remind, escalate
}

// chaseDue reminds those who are asked, and asks others, about what nobody has
// decided. Deadlines that passed while nobody ran are met once, now.
func (c *change) chaseDue() error {
	list, err := c.DueChases(c.now)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := c.chase(r); err != nil {
			return err
		}
	}
	return nil
}

// chase does what the rule says now; a rule that says nothing of it any more
// ends the chase.
func (c *change) chase(r access.Request) error {
	p := c.desk.Policy.Current()
	var say policy.Chase
	if rule, there := p.Rule(r.Rule); there && rule.Approval != nil {
		say = rule.Approval.Chase
	}
	due := func(at time.Time) bool { return !at.IsZero() && !c.now.Before(at) }
	remind, escalate := due(r.RemindAt), due(r.EscalateAt)
	r.RemindAt, _ = chases(say, c.now)
	if escalate {
		r.EscalateAt = time.Time{}
	}
	if escalate = escalate && say.Escalate != nil; escalate {
		r.EscalatedAt = c.now
	}
	if err := c.Chase(r); err != nil {
		return err
	}
	switch {
	case escalate:
		return c.escalated(p, r)
	case remind && say.Remind > 0:
		return c.tell(access.Effect{Request: r.ID, Kind: access.EffectReminded})
	}
	return nil
}

// escalated tells that others are asked too.
func (c *change) escalated(p *policy.Policy, r access.Request) error {
	e := requestEvent(audit.RequestEscalated, audit.ActorSystem, r)
	requester, _ := p.Person(r.Person)
	if rule, there := ruleFor(p, r); there {
		e.Detail["asked"] = strings.Join(asWords(names(p.Approvers(rule, requester))), " ")
	}
	if err := c.audit(e); err != nil {
		return err
	}
	if err := c.tell(access.Effect{Request: r.ID, Kind: access.EffectEscalated}); err != nil {
		return err
	}
	return c.show(r.ID)
}
