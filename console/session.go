package console

import (
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

// defaultSessions is how many sessions are listed where nobody says.
const defaultSessions = 50

// sessionFilter is the flags of sessions.
type sessionFilter struct {
	person, host, since, kind, state string
	limit                            count
}

func (s *set) sessions() *cobra.Command {
	var f sessionFilter
	var asJSON bool
	cmd := s.command(spec{
		name:    "sessions",
		options: "[--person NAME] [--host NAME] [--since TIME] [--kind KIND] [--state STATE] [--limit N] [--json]",
		short:   "list sessions",
		long: `Lists your sessions, live ones first, then newest first. Auditors, admins and
the socket see everybody's, and approvers those that they may watch because their
rule wants a second person who does. Those are "unwatched" while nobody is, and on top.

KIND is shell, exec, sftp or forward. STATE is live, sealed (ended, its recording
closed and signed) or recovered (cut short by a crash, closed afterwards). TIME is
7d for the last seven days, a day such as 2026-11-22, or an RFC 3339 time.`,
		examples: []string{"sessions", "sessions --state live", "sessions --person alice --since 7d --json"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		q, err := f.query(c)
		if err != nil {
			return err
		}
		if q.Limit == 0 && !asJSON {
			q.Limit = defaultSessions
		}
		found, err := c.liveFirst(q)
		if err != nil {
			return err
		}
		others, err := c.awaiting(f)
		if err != nil {
			return err
		}
		found = append(others, found...)
		pausedFirst(found)
		if asJSON {
			return c.json(each(found, sessionJSON))
		}
		c.showSessions(found)
		if len(found) == q.Limit {
			c.page.linef("… perhaps more; --limit N shows them, --since TIME narrows them")
		}
		return nil
	})
	cmd.Flags().StringVar(&f.person, "person", "", "only those of `NAME`")
	cmd.Flags().StringVar(&f.host, "host", "", "only those on the host `NAME`")
	cmd.Flags().StringVar(&f.since, "since", "", "only those that began after `TIME`")
	cmd.Flags().StringVar(&f.kind, "kind", "", "only those of `KIND`")
	cmd.Flags().StringVar(&f.state, "state", "", "only those in `STATE`")
	cmd.Flags().Var(&f.limit, "limit", "at most N; 50 when left out, 1000 with --json")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of sessions as JSON")
	return cmd
}

// awaiting are the live sessions of others that a second person must watch, and
// that the caller may: an approver sees nothing else of others.
func (c *call) awaiting(f sessionFilter) ([]access.Session, error) {
	if c.seesAll() || c.roles&approver == 0 || f.state != "" && f.state != string(access.SessionLive) {
		return nil, nil
	}
	live, err := c.Store.Sessions(c.ctx, access.SessionQuery{State: access.SessionLive, Host: c.hostName(f.host)})
	return slices.DeleteFunc(live, func(s access.Session) bool {
		rule, ruled := c.policy.Rule(s.Rule)
		requester, there := c.policy.Person(s.Person)
		return !s.Vigil || !ruled || !there || f.person != "" && f.person != string(s.Person) ||
			f.kind != "" && f.kind != string(s.Kind) || !c.policy.MayWatch(rule, requester, c.person)
	}), err
}

// pausedFirst puts what waits for somebody to watch it on top.
func pausedFirst(list []access.Session) {
	slices.SortStableFunc(list, func(a, b access.Session) int {
		switch {
		case a.Paused == b.Paused:
			return 0
		case a.Paused:
			return -1
		}
		return 1
	})
}

// liveFirst asks for live sessions first and then for the others, so that a
// limit does not hide what still runs.
func (c *call) liveFirst(q access.SessionQuery) ([]access.Session, error) {
	all, err := c.Store.Sessions(c.ctx, q)
	if err != nil || q.State != "" {
		return all, err
	}
	q.State = access.SessionLive
	found, err := c.Store.Sessions(c.ctx, q)
	if err != nil {
		return nil, err
	}
	seen := map[access.SessionID]bool{}
	for _, s := range found {
		seen[s.ID] = true
	}
	for _, s := range all {
		if !seen[s.ID] && s.State != access.SessionLive {
			found = append(found, s)
		}
	}
	if q.Limit > 0 && len(found) > q.Limit {
		found = found[:q.Limit]
	}
	return found, nil
}

// query makes the store's question of the flags.
func (f sessionFilter) query(c *call) (access.SessionQuery, error) {
	kind, err1 := oneOf("--kind", f.kind, access.KindShell, access.KindExec, access.KindSFTP, access.KindForward)
	state, err2 := oneOf("--state", f.state, access.SessionLive, access.SessionSealed, access.SessionRecovered)
	from, err3 := since(f.since, c.page.now)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return access.SessionQuery{}, err
		}
	}
	return access.SessionQuery{Person: c.onlyMine(f.person), Host: c.hostName(f.host), Kind: kind, State: state, Since: from, Limit: int(f.limit)}, nil
}

func (c *call) showSessions(ss []access.Session) {
	if len(ss) == 0 {
		c.page.linef("no sessions")
		return
	}
	t := table{named: true, head: []string{"ID", "STATE", "PERSON", "LOGIN@HOST", "KIND", "STARTED", "LASTED", "END"}}
	for _, s := range ss {
		look, until, state := plain, s.EndedAt, string(s.State)
		if s.Paused {
			look, until, state = yellow, c.page.now, "unwatched"
		} else if s.State == access.SessionLive {
			look, until = green, c.page.now
		} else if s.State == access.SessionRecovered {
			look = yellow
		}
		t.add(string(s.ID), cell{state, look}, string(s.Person), s.Target.String(), string(s.Kind),
			c.page.ago(s.StartedAt), coarse(max(until.Sub(s.StartedAt), 0)), or(ending(s)))
	}
	c.page.table(t)
}

// ending says how a session ended, in a word or two.
func ending(s access.Session) string {
	if s.EndCause == access.EndExit && s.ExitStatus != nil {
		return "exit " + strconv.Itoa(*s.ExitStatus)
	}
	return s.EndCause
}

func (s *set) kill() *cobra.Command {
	var reason string
	cmd := s.command(spec{
		name:    "kill",
		args:    []string{"ID"},
		options: "[--reason TEXT]",
		short:   "end a session",
		long: `Ends a live session at once; the person is told by whom and why. The grant stays:
"revoke" takes that away, and all its sessions with it. You may end your own
sessions; approvers may end those under their rules, and admins all.`,
		examples: []string{"sessions --state live", `kill 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --reason "'wrong window'"`},
		who:      everyone,
	}, func(c *call, args []string) error {
		id, err := idOf[access.SessionID]("session", args[0])
		if err != nil {
			return err
		}
		if err := c.Desk.Kill(c.ctx, c.Actor, id, c.because(reason)); err != nil {
			return err
		}
		c.page.linef("killed (%s)", string(id))
		return nil
	})
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` says why; the person reads it")
	return cmd
}
