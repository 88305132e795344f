package store

import (
	"context"

	"github.com/sallyport/sallyport/access"
)

// Sessions gives the sessions that a query has, in its order; see
// [access.SessionQuery].
func (s *Store) Sessions(ctx context.Context, q access.SessionQuery) (list []access.Session, err error) {
	where := sessionWhere(q)
	clause := where.text(sessionOrder(q), q.Limit)
	if q.Skip > 0 {
		clause += " OFFSET ?"
		where.args = append(where.args, q.Skip)
	}
	err = s.read(ctx, func(r querier) error {
		list, err = all(r, scanSession, `SELECT `+sessionColumns+` FROM sessions`+clause, where.args...)
		return err
	})
	return list, err
}

// shownOfSession is what words are looked for in: [access.SessionQuery.Words].
const shownOfSession = `lower(id || ' ' || person || ' ' || login || '@' || host || ' ' || kind || ' ' || state || ' ' || rule || ' ' ||
	end_cause || ' ' || command || ' ' || source || ' ' || approvers)`

func sessionWhere(q access.SessionQuery) selection {
	var where selection
	where.add(q.Person != "", "person = ?", q.Person)
	where.add(q.Host != "" && !access.IsPattern(q.Host), "host = ?", q.Host)
	where.add(access.IsPattern(q.Host), "host GLOB ?", q.Host)
	where.add(q.Kind != "", "kind = ?", q.Kind)
	where.add(q.State != "", "state = ?", q.State)
	where.add(q.Ended, "state <> ?", access.SessionLive)
	where.add(!q.Since.IsZero(), "started_at >= ?", q.Since.UnixMicro())
	where.add(!q.Until.IsZero(), "started_at < ?", q.Until.UnixMicro())
	// Names of approvers stand with a blank between them.
	where.add(q.Approver != "", "instr(' ' || approvers || ' ', ' ' || ? || ' ') > 0", q.Approver)
	where.add(q.Flag != "", "instr(' ' || approvers, ' ' || ? || ':') > 0", q.Flag)
	where.add(q.Cause != "", "instr(lower(end_cause), lower(?)) > 0", q.Cause)
	for _, w := range q.Words {
		where.add(true, "instr("+shownOfSession+", lower(?)) > 0", w)
	}
	where.add(q.Before != "", "id < ?", q.Before)
	return where
}

// sessionOrder is the order that [access.SessionQuery.Compare] tells.
func sessionOrder(q access.SessionQuery) string {
	way := ""
	if q.Backward {
		way = " DESC"
	}
	switch q.Order {
	case access.ByPerson:
		return "person" + way + ", " + newest
	case access.ByTarget:
		return "host" + way + ", login" + way + ", " + newest
	case access.ByKind:
		return "kind" + way + ", " + newest
	case access.ByLength:
		return "coalesce(ended_at - started_at, -1)" + way + ", " + newest
	case access.ByState:
		return "state" + way + ", " + newest
	case access.ByEnd:
		return "end_cause" + way + ", coalesce(exit_status, -1)" + way + ", " + newest
	}
	if q.Backward {
		return "id"
	}
	return newest
}
