package store

import (
	"database/sql"
	"slices"
	"strings"
	"time"
)

// querier is what reads and transactions have in common.
type querier interface {
	query(query string, args ...any) (*sql.Rows, error)
	queryRow(query string, args ...any) *sql.Row
}

// scanner is a row, or the row at which rows stand.
type scanner interface{ Scan(dest ...any) error }

// all scans every row that the query gives.
func all[T any](q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// moment stores a time as integer microseconds UTC, the zero time as NULL.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// asTime is the way back.
func asTime(v sql.NullInt64) time.Time {
	if !v.Valid {
		return time.Time{}
	}
	return time.UnixMicro(v.Int64).UTC()
}

// words stores a list of names, none of which holds a blank.
func words[T ~string](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = string(v)
	}
	return strings.Join(parts, " ")
}

// sorted is words in one order whatever the order of the list, so that equal
// sets are equal columns.
func sorted[T ~string](list []T) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return words(slices.Compact(list))
}

// asWords is the way back from both.
func asWords[T ~string](s string) []T {
	var list []T
	for _, f := range strings.Fields(s) {
		list = append(list, T(f))
	}
	return list
}

// selection collects the conditions of a query.
type selection struct {
	where []string
	args  []any
}

// add adds a condition with its one argument, if wanted.
func (s *selection) add(wanted bool, condition string, arg any) {
	if wanted {
		s.where = append(s.where, condition)
		s.args = append(s.args, arg)
	}
}

// newest first: IDs are ULIDs, so their order is that of their making.
const newest = "id DESC"

// text is the WHERE clause, order and limit of a page.
func (s *selection) text(order string, limit int) string {
	var b strings.Builder
	if len(s.where) > 0 {
		b.WriteString(" WHERE " + strings.Join(s.where, " AND "))
	}
	b.WriteString(" ORDER BY " + order + " LIMIT ?")
	if limit <= 0 || limit > maxPage {
		limit = maxPage
	}
	s.args = append(s.args, limit)
	return b.String()
}

// maxPage is the most that a query gives at once.
const maxPage = 1000

// qualified puts the name of their table before columns.
func qualified(table, columns string) string {
	return table + "." + strings.ReplaceAll(columns, ", ", ", "+table+".")
}
