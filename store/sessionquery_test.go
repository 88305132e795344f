package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// What the database answers is what [access.SessionQuery] means, whatever is
// asked of whatever sessions, page by page.
func TestSessionQueriesMeanWhatTheySay(t *testing.T) {
	f := newFixture(t)
	rnd := rand.New(rand.NewPCG(1, 2)) // the same every time
	pick := func(of ...string) string { return of[rnd.IntN(len(of))] }
	var all []access.Session
	for range 300 {
		s := f.session()
		s.Person = access.PersonName(pick("alice", "bob", "al"))
		s.Target = access.Target{Login: pick("root", "deploy"), Host: pick("db1", "db10", "web-1.example.com", "d")}
		s.Kind = access.Kind(pick("shell", "exec", "sftp", "forward"))
		s.Command = pick("", "DROP TABLE x", "vi ÄRGER%_'\"*")
		s.Approvers = nil
		for range rnd.IntN(3) {
			s.Approvers = append(s.Approvers, access.PersonName(pick("bob", "bobby", "break-glass:alice", "auto:on-call", "local:0")))
		}
		s.StartedAt = f.now.Add(time.Duration(rnd.IntN(1000)) * time.Minute)
		if err := f.OpenSession(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if rnd.IntN(4) > 0 {
			s.State, s.EndedAt = access.SessionState(pick("sealed", "recovered")), s.StartedAt.Add(time.Duration(rnd.IntN(50))*time.Second)
			if s.EndCause = pick("exit", "killed", "disconnect"); s.EndCause == "exit" {
				status := rnd.IntN(3)
				s.ExitStatus = &status
			}
			if _, _, err := f.seal(s, fmt.Sprint(s.ID)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, s)
	}
	maybe := func(of ...string) string {
		if rnd.IntN(3) > 0 {
			return ""
		}
		return pick(of...)
	}
	orders := []access.SessionOrder{access.ByStart, access.ByPerson, access.ByTarget, access.ByKind, access.ByLength, access.ByState, access.ByEnd}
	for range 400 {
		q := access.SessionQuery{
			Person: access.PersonName(maybe("alice", "al", "nobody")), Host: maybe("db1", "db*", "d?1", "[dw]*", "web-1.example.com"),
			Kind: access.Kind(maybe("shell", "sftp")), State: access.SessionState(maybe("live", "sealed")),
			Approver: access.PersonName(maybe("bob", "auto:on-call")), Flag: maybe("break-glass", "auto"), Cause: maybe("kill", "EXIT"),
			Order: orders[rnd.IntN(len(orders))], Backward: rnd.IntN(2) == 0,
			Ended: rnd.IntN(4) == 0,
		}
		if word := maybe("drop", "table x", "Ärger%_'\"*", "root@", "bob"); word != "" {
			q.Words = append(q.Words, word, pick("", "a"))
		}
		if rnd.IntN(4) == 0 {
			q.Since = f.now.Add(time.Duration(rnd.IntN(500)) * time.Minute)
			q.Until = q.Since.Add(5 * time.Hour)
		}
		var want []access.SessionID
		for _, s := range slices.SortedFunc(slices.Values(all), q.Compare) {
			if q.Has(s) {
				want = append(want, s.ID)
			}
		}
		var got []access.SessionID
		for q.Limit = 70; ; q.Skip += q.Limit {
			page, err := f.Sessions(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range page {
				got = append(got, s.ID)
			}
			if len(page) < q.Limit {
				break
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v gives %d sessions, want %d:\n%v\n%v", q, len(got), len(want), got, want)
		}
	}
}
