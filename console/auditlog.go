package console

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

// auditPage is how many rows are read at once.
const auditPage = 1000

func (s *set) audit() *cobra.Command {
	var after int64
	var limit count
	var asJSON bool
	cmd := s.command(spec{
		name:    "audit",
		options: "[--after SEQ] [--limit N] [--json]",
		short:   "print the audit chain",
		long: `Prints audit events, oldest first, and checks on the way that each row's hash
follows from the row before. A chain that does not hold ends the command with
exit status 1, with the number of the first row that does not fit.

With --json one object a line: {seq, prev, hash, event}, as in the files of
data_dir/audit. The hash is over the bytes of the event as they stand there.`,
		examples: []string{"audit", "audit --after 1200 --json"},
		who:      auditor | local,
	}, func(c *call, _ []string) error {
		if after < 0 {
			return &usageError{text: "--after counts from 0"}
		}
		return c.walkAudit(after, int(limit), asJSON)
	})
	cmd.Flags().Int64Var(&after, "after", 0, "begin after the row `SEQ`")
	cmd.Flags().Var(&limit, "limit", "at most N rows; all when left out")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// walkAudit prints rows, page by page, so that a long chain needs little
// memory and begins to show at once.
func (c *call) walkAudit(after int64, limit int, asJSON bool) error {
	var chain *audit.Verifier // begins with the first row, or with what the first row shown names
	for left := limit; ; {
		n := auditPage
		if limit > 0 {
			n = min(n, left)
		}
		rows, err := c.Store.Audit(c.ctx, after, n)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if chain == nil {
				chain = &audit.Verifier{}
				if after > 0 {
					chain.Seq, chain.Head = after, row.Prev
				}
			}
			if err := chain.Check(row); err != nil {
				return access.Fail(access.ReasonInternal, "the "+err.Error(), "Compare with a copy of data_dir/audit that is kept elsewhere", err)
			}
			if err := c.showAudit(row, asJSON); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			after = rows[len(rows)-1].Seq
		}
		left -= len(rows)
		if len(rows) < n || limit > 0 && left == 0 {
			return nil
		}
	}
}

// showAudit prints one row. There is no table: its width would need all rows.
func (c *call) showAudit(row audit.Row, asJSON bool) error {
	if asJSON {
		line := audit.AppendLine(nil, row)
		if c.Terminal != nil { // elsewhere verbatim: the hash is over these bytes
			line = append(printable(line[:len(line)-1]), '\n')
		}
		c.page.write(string(line))
		return c.page.err
	}
	e, err := row.Event()
	if err != nil {
		return err
	}
	c.page.linef("%s  %s", clock(e.Time), c.eventLine(e))
	return c.page.err
}

// eventLine says what happened: the kind, then what it is about.
func (c *call) eventLine(e audit.Event) string {
	parts := []string{string(e.Kind)}
	add := func(name, value string) {
		if value != "" {
			parts = append(parts, name+"="+value)
		}
	}
	add("actor", e.Actor)
	if e.Person != e.Actor {
		add("person", e.Person)
	}
	add("host", e.Host)
	add("login", e.Login)
	add("rule", e.Rule)
	add("session", e.Session)
	add("request", e.Request)
	add("grant", e.Grant)
	add("source", e.Source)
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		add(k, e.Detail[k])
	}
	return strings.Join(parts, " ")
}
