package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder/screens"
)

const (
	defaultHits = 100
	maxHits     = 1000
	searchTime  = 5 * time.Second // then what was found has to do
	searches    = 2               // at once; the readers' connections are for others, too
)

// Search finds lines in recordings that were read. The rarer the trigrams of
// the pattern, the faster: a pattern without any (a regular expression without
// three characters in a row, a shorter text) looks at everything that the other
// conditions leave, the newest first. The error is a [*screens.PatternError]
// if the pattern is none.
func (s *Store) Search(ctx context.Context, q access.SearchQuery) (access.Found, error) {
	pattern, err := compile(q)
	if err != nil {
		return access.Found{}, err
	}
	select {
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-ctx.Done():
		return access.Found{}, context.Cause(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	search := &search{pattern: pattern, query: q, unpacker: newUnpacker(), limit: min(q.Limit, maxHits)}
	if search.limit <= 0 {
		search.limit = defaultHits
	}
	err = s.read(limited, search.run)
	if limited.Err() != nil && ctx.Err() == nil {
		search.found.More, err = true, nil
	}
	if err != nil {
		return access.Found{}, err
	}
	slices.SortStableFunc(search.found.Hits, byMoment)
	return search.found, s.read(ctx, search.count)
}

func compile(q access.SearchQuery) (*screens.Pattern, error) {
	if (q.Text == "") == (q.Regexp == "") {
		return nil, errors.New("store: a search has a text or a regular expression")
	}
	return screens.ParsePattern(q.Text+q.Regexp, q.Regexp != "")
}

// byMoment orders hits: the newest session first, each from its start on.
func byMoment(a, b access.Hit) int {
	if c := strings.Compare(string(b.Session), string(a.Session)); c != 0 {
		return c
	}
	return int(min(max(a.Line.At-b.Line.At, -1), 1))
}

// search is one under way.
type search struct {
	pattern  *screens.Pattern
	query    access.SearchQuery
	unpacker *unpacker
	limit    int
	found    access.Found
}

// statement selects the segments that may hold hits. CROSS JOIN keeps SQLite
// from turning the joins round (sqlite.org/optoverview.html, 7.1): the index of
// trigrams, or the newest segments, come first, and reading stops when there
// are enough.
func (s *search) statement() (string, []any) {
	var where selection
	from, order := `segments g`, `g.id DESC`
	if trigrams := s.pattern.Trigrams(); len(trigrams) > 0 {
		from, order = `segment_text t CROSS JOIN segments g ON g.id = t.rowid`, `t.rowid DESC`
		quoted := make([]string, len(trigrams))
		for i, t := range trigrams {
			quoted[i] = `"` + strings.ReplaceAll(t, `"`, `""`) + `"`
		}
		where.add(true, "segment_text MATCH ?", strings.Join(quoted, " AND "))
	}
	q := s.query
	where.add(q.Person != "", "s.person = ?", q.Person)
	where.add(q.Host != "", "s.host = ?", q.Host)
	where.add(q.Kind != "", "s.kind = ?", q.Kind)
	where.add(!q.Since.IsZero(), "s.started_at >= ?", q.Since.UnixMicro())
	where.add(!q.Until.IsZero(), "s.started_at < ?", q.Until.UnixMicro())
	where.add(q.Source != "", "g.source = ?", q.Source)
	if q.Source == "" { // what commands were made out in is found anyway
		where.where = append(where.where, "g.source IN ('screen', 'exec', 'file')")
	}
	conditions := ""
	if len(where.where) > 0 {
		conditions = ` WHERE ` + strings.Join(where.where, " AND ")
	}
	return `SELECT s.id, s.person, s.login, s.host, s.kind, s.started_at, g.source, g.lines
		FROM ` + from + ` CROSS JOIN sessions s ON s.id = g.session_id` + conditions + ` ORDER BY ` + order, where.args
}

// run collects hits.
func (s *search) run(q querier) error {
	statement, args := s.statement()
	rows, err := q.query(statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for !s.found.More && rows.Next() {
		var hit access.Hit
		var started int64
		var lines []byte
		err := rows.Scan(&hit.Session, &hit.Person, &hit.Target.Login, &hit.Target.Host, &hit.Kind, &started, &hit.Source, &lines)
		if err != nil {
			return err
		}
		hit.Started = time.UnixMicro(started).UTC()
		if err := s.take(hit, lines); err != nil {
			return err
		}
	}
	return rows.Err()
}

// take adds the lines of a segment that match.
func (s *search) take(hit access.Hit, lines []byte) error {
	return s.unpacker.each(lines, func(at time.Duration, text []byte) bool {
		if !s.pattern.Match(text) {
			return true
		}
		if len(s.found.Hits) == s.limit {
			s.found.More = true
			return false
		}
		hit.Line = access.TextLine{At: at, Text: string(text)}
		s.found.Hits = append(s.found.Hits, hit)
		return true
	})
}

// count tells what could not be searched.
func (s *search) count(q querier) error {
	return q.queryRow(`SELECT (SELECT count(*) FROM unread),
		(SELECT count(*) FROM readings WHERE extent <> 'whole' AND extent = 'none'),
		(SELECT count(*) FROM readings WHERE extent <> 'whole' AND extent = 'cut')`).
		Scan(&s.found.Waiting, &s.found.Unread, &s.found.Partly)
}
