package approvals

import (
	"slices"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
)

// TestRisks: each signal appears when it should, and only then.
func TestRisks(t *testing.T) {
	at := time.Date(2026, 3, 4, 3, 30, 0, 0, time.UTC)
	r := access.Request{Person: "alice", Target: access.Target{Login: "root", Host: "db1"}, Source: "203.0.113.9:50022", Fingerprint: "F", RequestedAt: at}
	usual := access.History{Sessions: 40, OnHost: 7, LastOnHost: at.Add(-72 * time.Hour), FromAddress: true, WithKey: true}
	usual.Hours[2] = 40
	for name, c := range map[string]struct {
		change func(*access.History)
		want   []string
		raised int
	}{
		"as usual":     {func(*access.History) {}, []string{"last on db1 3 days ago"}, 0},
		"often":        {func(h *access.History) { h.Asked = 4 }, []string{"last on db1 3 days ago", "asked 4 times in the last 30 days"}, 0},
		"once":         {func(h *access.History) { h.Asked = 1 }, []string{"last on db1 3 days ago", "asked once in the last 30 days"}, 0},
		"newcomer":     {func(h *access.History) { *h = access.History{} }, []string{"first time on db1"}, 1},
		"new address":  {func(h *access.History) { h.FromAddress = false }, []string{"new address 203.0.113.9", "last on db1 3 days ago"}, 1},
		"new key":      {func(h *access.History) { h.WithKey = false }, []string{"a key not used before", "last on db1 3 days ago"}, 1},
		"at night":     {func(h *access.History) { h.Hours = [24]int{}; h.Hours[12] = 40 }, []string{"outside their usual hours: 03:30 UTC", "last on db1 3 days ago"}, 1},
		"an hour away": {func(h *access.History) { h.Hours = [24]int{}; h.Hours[4] = 40 }, []string{"last on db1 3 days ago"}, 0},
		"few sessions": {func(h *access.History) { h.Hours, h.Sessions = [24]int{}, 9; h.Hours[12] = 9 }, []string{"last on db1 3 days ago"}, 0},
		"denied": {func(h *access.History) {
			h.Denied = access.Decision{Person: "bob", Reason: "use the replica", At: at.Add(-90 * time.Minute)}
		}, []string{"the last such request was denied by bob 1 hour ago: use the replica", "last on db1 3 days ago"}, 1},
	} {
		h := usual
		c.change(&h)
		var got []string
		raised := 0
		for _, x := range risks(r, h) {
			got = append(got, x.Text)
			if x.Raised {
				raised++
			}
		}
		if !slices.Equal(got, c.want) || raised != c.raised {
			t.Errorf("%s: %q, %d raised; want %q, %d", name, got, raised, c.want, c.raised)
		}
	}
}
