package main

import (
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// The narrator says who let somebody in, also where nobody else did.
func TestStoryOfAnApproval(t *testing.T) {
	event := func(kind audit.Kind, actor string, via access.Via) audit.Event {
		return audit.Event{Kind: kind, Actor: actor, Person: "alice", Login: "root", Host: "db1", Request: "R",
			Detail: map[string]string{"via": string(via), "reason": "why"}}
	}
	for _, c := range []struct {
		event audit.Event
		want  string
	}{
		{event(audit.RequestApproved, "bob", access.ViaSlack), "bob approved root@db1 for alice"},
		{event(audit.RequestApproved, "bob", access.ViaConsole), "bob approved root@db1 for alice"},
		{event(audit.RequestApproved, "break-glass:alice", access.ViaSystem), ""},
		{event(audit.RequestBreakGlass, "alice", ""), "alice broke the glass and let themselves in to root@db1 (R): why; somebody has to review it"},
		{event(audit.RequestApproved, "auto:on-call", access.ViaPolicy), "alice needs nobody's word for root@db1: why"},
		{event(audit.RequestApproved, "local:0", access.ViaSocket), "the admin of the bastion itself (local:0) approved root@db1 for alice: why"},
		{event(audit.RequestApproval, "bob", access.ViaSlack), "bob approved root@db1 for alice; more must"},
	} {
		if got := story(c.event); got != c.want {
			t.Errorf("%s by %s: %q, want %q", c.event.Kind, c.event.Actor, got, c.want)
		}
	}
}
