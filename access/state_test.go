package access_test

import (
	"net/netip"
	"testing"

	"github.com/sallyport/sallyport/access"
)

// The state machine, whole: what is not listed may not happen.
func TestMoves(t *testing.T) {
	requests := []access.RequestState{access.RequestPending, access.RequestApproved, access.RequestDenied, access.RequestCancelled, access.RequestLapsed}
	for _, from := range requests {
		for _, to := range requests {
			want := from == access.RequestPending && to != access.RequestPending
			if from.May(to) != want {
				t.Errorf("request %s to %s: %v", from, to, !want)
			}
		}
		if from.Final() != (from != access.RequestPending) {
			t.Errorf("%s is final: %v", from, from.Final())
		}
	}
	moves := map[[2]access.GrantState]bool{
		{access.GrantReady, access.GrantActive}: true, {access.GrantReady, access.GrantLapsed}: true,
		{access.GrantReady, access.GrantReleased}: true, {access.GrantReady, access.GrantRevoked}: true,
		{access.GrantActive, access.GrantExpired}: true, {access.GrantActive, access.GrantReleased}: true,
		{access.GrantActive, access.GrantRevoked}: true,
	}
	grants := []access.GrantState{access.GrantReady, access.GrantActive, access.GrantLapsed, access.GrantExpired, access.GrantReleased, access.GrantRevoked}
	for _, from := range grants {
		for _, to := range grants {
			if want := moves[[2]access.GrantState{from, to}]; from.May(to) != want {
				t.Errorf("grant %s to %s: %v", from, to, !want)
			}
		}
	}
}

// A grant binds person, key, login, host, rule and kind: any other asks again.
func TestCovers(t *testing.T) {
	g := access.Grant{Person: "alice", Fingerprint: "F", Target: access.Target{Login: "root", Host: "db1"}, Rule: "r", Kinds: []access.Kind{access.KindShell}}
	by := func(person access.PersonName, key, from string) access.Identity {
		return access.Identity{Person: person, Fingerprint: key, Source: netip.MustParseAddrPort(from)}
	}
	alice := by("alice", "F", "192.0.2.1:1")
	if !g.Covers(alice, g.Target, "r", access.KindShell) || !g.Covers(by("alice", "F", "192.0.2.2:1"), g.Target, "r", access.KindShell) {
		t.Error("its own use")
	}
	if g.Covers(by("bob", "F", "192.0.2.1:1"), g.Target, "r", access.KindShell) || g.Covers(by("alice", "G", "192.0.2.1:1"), g.Target, "r", access.KindShell) ||
		g.Covers(alice, access.Target{Login: "root", Host: "db2"}, "r", access.KindShell) ||
		g.Covers(alice, access.Target{Login: "deploy", Host: "db1"}, "r", access.KindShell) ||
		g.Covers(alice, g.Target, "s", access.KindShell) || g.Covers(alice, g.Target, "r", access.KindSFTP) {
		t.Error("another's use")
	}
	// Bound to the address too; what is not known yet binds with the first session.
	g.Bind, g.Address = []access.Binding{access.BindKey, access.BindAddress}, "192.0.2.1"
	if !g.Covers(by("alice", "F", "[::ffff:192.0.2.1]:7"), g.Target, "r", access.KindShell) || g.Covers(by("alice", "F", "192.0.2.2:1"), g.Target, "r", access.KindShell) {
		t.Error("the address")
	}
	g.Fingerprint, g.Address = "", ""
	if !g.Covers(alice, g.Target, "r", access.KindShell) || g.Covers(access.Identity{Person: "alice"}, g.Target, "r", access.KindShell) {
		t.Error("nothing to bind to")
	}
	// As many sessions as it gives.
	g.Sessions, g.Opened = 2, 1
	if g.Opened = 2; g.Covers(alice, g.Target, "r", access.KindShell) {
		t.Error("a session too many")
	}
}

func TestErrorLine(t *testing.T) {
	e := access.Refuse(access.ReasonDenied, "bob denied it", "Ask again").About("01KAZ4T9V5J8M2N3P4Q5R6S7T8")
	if got := e.Line(); got != "sallyport: refused: bob denied it. Ask again (01KAZ4T9V5J8M2N3P4Q5R6S7T8)" {
		t.Error(got)
	}
	if e.Class.ExitStatus() != 254 || access.Failed.ExitStatus() != 255 {
		t.Error("exit status")
	}
}
