package approvals

import (
	"slices"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// decider is an actor who may decide as far as they themselves go; whether
// they may decide this request is the rule's to say.
type decider struct {
	actor  access.Actor
	name   string        // as it stands in decisions and events
	person access.Person // zero for the unix socket
	admin  bool
}

func (d decider) local() bool { return d.actor.Via == access.ViaSocket }

// says is the decider's word as it is kept.
func (d decider) says(word access.Word, now time.Time) access.Decision {
	said := access.Decision{Person: access.PersonName(d.name), Verdict: word.Verdict, Reason: word.Reason, For: word.For, Via: d.actor.Via, At: now}
	if id := d.actor.Identity; id != nil {
		said.Fingerprint, said.Touched = id.Fingerprint, id.SecurityKey
	}
	return said
}

// deciderOf checks by which way and with which key an actor comes. What a
// stolen session on a host could do must not be enough: the key must be
// marked for deciding, and the connection must not come from a host of the
// inventory, where a forwarded agent would sign for anybody.
func deciderOf(p *policy.Policy, a access.Actor) (decider, *access.Error) {
	who := decider{actor: a, name: actorName(a)}
	if a.Via == access.ViaSocket {
		return who, nil
	}
	person, ok := p.Person(a.Person)
	if !ok {
		return who, access.Refuse(access.ReasonNotAllowed, "you are not in the access file any more", "")
	}
	who.person, who.admin = person, p.Role(person).Admin
	switch a.Via {
	case access.ViaSlack:
		// Package slackbot has checked whose click it is; the policy may have
		// changed since it said whose account that is.
		if a.Slack == "" || a.Slack != person.Slack {
			return who, access.Refuse(access.ReasonNotAllowed, "this Slack account is not yours in the access file", "Ask an admin of the bastion")
		}
		return who, nil
	case access.ViaConsole:
		return who, mayDecideBy(p, person, a.Identity)
	default:
		return who, access.Refuse(access.ReasonNotAllowed, "nobody decides this way", "")
	}
}

// mayDecideBy checks the connection over which a decision came.
func mayDecideBy(p *policy.Policy, person access.Person, id *access.Identity) *access.Error {
	switch {
	case id == nil || id.Person != person.Name || id.InnerUnproven:
		return access.Refuse(access.ReasonNotAllowed, "this connection proves no key of yours", "Connect with ssh bastion")
	case !slices.Contains(id.Uses, access.UseDecide) || id.Certificate == nil && !holds(person, id.Fingerprint):
		return access.Refuse(access.ReasonNotAllowed, "this key is not marked for deciding", "Use a key of yours with use: [decide]")
	case p.IsHostAddress(id.Source.Addr()):
		return access.Refuse(access.ReasonNotAllowed, "decisions are not taken from a host of the inventory",
			"Decide from your own machine, or in Slack")
	}
	return nil
}

// holds reports whether the person has that key still, marked for deciding.
func holds(p access.Person, fingerprint string) bool {
	return slices.ContainsFunc(p.Keys, func(k access.PersonKey) bool {
		return k.Fingerprint == fingerprint && k.May(access.UseDecide)
	})
}
