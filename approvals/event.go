package approvals

import (
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// grantEnd is the event of each end of a grant.
var grantEnd = map[access.GrantState]audit.Kind{
	access.GrantLapsed:   audit.GrantLapsed,
	access.GrantExpired:  audit.GrantExpired,
	access.GrantReleased: audit.GrantReleased,
	access.GrantRevoked:  audit.GrantRevoked,
}

// requestEvent tells something of a request. The command that was asked for
// is content and stays out.
func requestEvent(kind audit.Kind, actor string, r access.Request) audit.Event {
	return audit.Event{
		Kind: kind, Actor: actor, Person: string(r.Person), Host: r.Target.Host, Login: r.Target.Login,
		Rule: r.Rule, Request: string(r.ID), Detail: map[string]string{},
	}
}

func grantEvent(kind audit.Kind, actor string, g access.Grant) audit.Event {
	return audit.Event{
		Kind: kind, Actor: actor, Person: string(g.Person), Host: g.Target.Host, Login: g.Target.Login,
		Rule: g.Rule, Request: string(g.RequestID), Grant: string(g.ID), Detail: map[string]string{},
	}
}

// actorName is how the audit chain and a decision name an actor.
func actorName(a access.Actor) string {
	switch a.Via {
	case access.ViaSocket:
		return fmt.Sprintf("local:%d", a.LocalUID)
	case access.ViaPolicy:
		return audit.ActorPolicy
	case access.ViaSystem:
		return audit.ActorSystem
	default:
		return string(a.Person)
	}
}

// sourceOf is the address an actor came from, if it came from one.
func sourceOf(a access.Actor) string {
	if a.Identity == nil || !a.Identity.Source.IsValid() {
		return ""
	}
	return a.Identity.Source.String()
}

// maxReason is how many runes of a reason are kept.
const maxReason = 500

// plainReason makes a reason, which a person wrote, fit to keep and to show.
func plainReason(s string) string { return access.Plain(s, maxReason) }

// because appends a reason to a sentence, if there is one.
func because(sentence, reason string) string {
	if reason == "" {
		return sentence
	}
	return sentence + ": " + reason
}

// exact writes a duration as the configuration does: 90s, 30m, 1h30m.
func exact(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, tail := range []string{"m0s", "h0m"} {
		if len(s) > len(tail) && s[len(s)-len(tail):] == tail {
			s = s[:len(s)-2]
		}
	}
	return s
}
