package store

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// History gives what was before a request, for those who decide it.
func (s *Store) History(ctx context.Context, r access.Request) (h access.History, err error) {
	asked := r.RequestedAt.UnixMicro()
	since := r.RequestedAt.Add(-access.RiskWindow).UnixMicro()
	type hour struct{ hour, n int }
	scanHour := func(row scanner) (x hour, err error) {
		err = row.Scan(&x.hour, &x.n)
		return x, err
	}
	err = s.read(ctx, func(q querier) error {
		hours, err := all(q, scanHour, `SELECT (started_at / 3600000000) % 24, count(*) FROM sessions
			WHERE person = ? AND started_at >= ? AND started_at < ? GROUP BY 1`, r.Person, since, asked)
		if err != nil {
			return err
		}
		for _, x := range hours {
			h.Hours[x.hour], h.Sessions = x.n, h.Sessions+x.n
		}
		var last int64
		err = q.queryRow(`SELECT count(*), coalesce(max(started_at), 0) FROM sessions WHERE person = ? AND host = ? AND started_at < ?`,
			r.Person, r.Target.Host, asked).Scan(&h.OnHost, &last)
		if err != nil {
			return err
		}
		if h.OnHost > 0 {
			h.LastOnHost = time.UnixMicro(last).UTC()
		}
		from := sourcePrefix(r.Source)
		err = q.queryRow(`SELECT coalesce(max(substr(source, 1, length(?1)) = ?1), 0), coalesce(max(fingerprint = ?2), 0) FROM sessions
			WHERE person = ?3 AND started_at >= ?4 AND started_at < ?5`, from, r.Fingerprint, r.Person, since, asked).Scan(&h.FromAddress, &h.WithKey)
		if err != nil {
			return err
		}
		err = q.queryRow(`SELECT count(*) FROM requests WHERE person = ? AND host = ? AND login = ? AND requested_at >= ? AND requested_at < ? AND id <> ?`,
			r.Person, r.Target.Host, r.Target.Login, r.RequestedAt.Add(-30*24*time.Hour).UnixMicro(), asked, r.ID).Scan(&h.Asked)
		if err != nil {
			return err
		}
		denied, err := all(q, scanDecision, `SELECT `+decisionColumns+` FROM decisions WHERE verdict = 'deny' AND request_id =
			(SELECT id FROM requests WHERE person = ? AND host = ? AND login = ? AND state IN ('approved', 'denied') AND decided_at < ? AND id <> ?
			 ORDER BY decided_at DESC LIMIT 1)`, r.Person, r.Target.Host, r.Target.Login, asked, r.ID)
		if err == nil && len(denied) > 0 {
			h.Denied = denied[0]
		}
		return err
	})
	return h, err
}

// sourcePrefix is how the source of everything begins that comes from the same
// address; ports differ. What is no address with a port has no prefix but
// itself.
func sourcePrefix(source string) string {
	from, err := netip.ParseAddrPort(source)
	if err != nil {
		return source
	}
	return strings.TrimSuffix(netip.AddrPortFrom(from.Addr(), 0).String(), "0")
}
