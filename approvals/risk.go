package approvals

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/sallyport/sallyport/access"
)

// Risks tells what is unusual about a request, as of when it was asked.
func (d *Desk) Risks(ctx context.Context, r access.Request) ([]access.Risk, error) {
	h, err := d.Store.History(ctx, r)
	if err != nil {
		return nil, err
	}
	return risks(r, h), nil
}

// enoughSessions is how many it takes to know somebody's hours.
const enoughSessions = 10

// risks reads a history: what is unusual first. Nothing here decides.
func risks(r access.Request, h access.History) []access.Risk {
	var raised, other []access.Risk
	raise := func(s access.RiskSignal, format string, args ...any) {
		raised = append(raised, access.Risk{Signal: s, Text: fmt.Sprintf(format, args...), Raised: true})
	}
	inform := func(s access.RiskSignal, format string, args ...any) {
		other = append(other, access.Risk{Signal: s, Text: fmt.Sprintf(format, args...)})
	}
	if by := h.Denied; by.Person != "" {
		raise(access.RiskLastDenied, "%s", because(fmt.Sprintf("the last such request was denied by %s %s", by.Person, ago(r.RequestedAt.Sub(by.At))), by.Reason))
	}
	switch {
	case h.OnHost == 0:
		raise(access.RiskFirstTime, "first time on %s", r.Target.Host)
	default:
		inform(access.RiskFirstTime, "last on %s %s", r.Target.Host, ago(r.RequestedAt.Sub(h.LastOnHost)))
	}
	if h.Sessions > 0 { // of a newcomer everything is new: said once is enough
		if from, err := netip.ParseAddrPort(r.Source); err == nil && !h.FromAddress {
			raise(access.RiskAddress, "new address %s", from.Addr().Unmap())
		}
		if r.Fingerprint != "" && !h.WithKey {
			raise(access.RiskKey, "a key not used before")
		}
	}
	if hour := r.RequestedAt.UTC().Hour(); h.Sessions >= enoughSessions && h.Hours[hour]+h.Hours[(hour+1)%24]+h.Hours[(hour+23)%24] == 0 {
		raise(access.RiskHour, "outside their usual hours: %02d:%02d UTC", hour, r.RequestedAt.UTC().Minute())
	}
	switch h.Asked {
	case 0:
	case 1:
		inform(access.RiskFrequency, "asked once in the last 30 days")
	default:
		inform(access.RiskFrequency, "asked %d times in the last 30 days", h.Asked)
	}
	return append(raised, other...)
}

// ago says how long something is past, roughly.
func ago(d time.Duration) string {
	unit := func(n int, what string) string {
		if n == 1 {
			return "1 " + what + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, what)
	}
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return unit(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return unit(int(d/time.Hour), "hour")
	}
	return unit(int(d/(24*time.Hour)), "day")
}
