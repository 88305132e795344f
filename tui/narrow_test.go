package tui_test

import (
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Two grants on a host are told whole at 80 columns, and stay so as their
// times count down.
func TestTwoGrantsAtOneHost(t *testing.T) {
	w := testWorld(t)
	for i, left := range []time.Duration{56*time.Minute + 59*time.Second, 19*time.Minute + 54*time.Second} {
		of := access.RequestID(id(70 + i))
		target := access.Target{Login: []string{"root", "postgres"}[i], Host: "db1"}
		w.requests = append(w.requests, access.Request{ID: of, Person: "carol", Target: target, Rule: "prod-elevation",
			For: time.Hour, State: access.RequestApproved, RequestedAt: start.Add(-time.Minute)})
		w.grants = append(w.grants, access.Grant{ID: access.GrantID(id(80 + i)), RequestID: of, Person: "carol", Target: target,
			State: access.GrantActive, For: time.Hour, NotAfter: start.Add(left)})
	}
	p := sit(t, w.config(), 80, 24)
	p.sees("Mine 4")
	p.press("\t", "\t")
	p.sees("56m59s left, 19m54s left  env=prod role=db")
}

// The smallest window has no room for details, but for the list and the keys.
func TestSmallestWindow(t *testing.T) {
	p := sit(t, testWorld(t).config(), 40, 10)
	p.sees("Sessions")
	p.press("\t", "\t")
	p.sees("sallyport", "backup", "q leave")
	p.press("\t")
	p.sees("sallyport", "root@web3", "q leave")
}
