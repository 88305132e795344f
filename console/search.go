package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder/screens"
)

// searchFlags is what a search is narrowed by.
type searchFlags struct {
	regexp                               bool
	person, host, since, until, kind, in string
	limit                                count
}

func (s *set) search() *cobra.Command {
	var f searchFlags
	var asJSON bool
	from := &copied{paths: s.paths, after: 1, only: true}
	args := []string{"TEXT"}
	if s.paths {
		args = append(args, "[PATH]")
	}
	cmd := s.command(spec{
		name:    "search",
		args:    args,
		words:   !s.paths,
		copied:  from,
		options: "[--regexp] [--person NAME] [--host NAME] [--since TIME] [--until TIME] [--kind KIND] [--in SOURCE] [--limit N] [--json]",
		short:   "find text in recordings",
		long: `Finds lines that hold TEXT, in any case, on the screens and in the output of
sessions that are over, in the commands that were sent and in the lists of
files; those of the newest sessions first, each with the command that shows its moment. With --regexp
TEXT is a regular expression (RE2, as in Go; (?i) for any case).

SOURCE is screen, exec, file, command (what the host's shell marked as a command)
or prompt (what follows something like a prompt: a guess). Left out, it is the
first three. KIND and TIME are as in sessions.

A recording is read moments after its session ended; encrypted ones are not.
That you searched is kept as an audit event, but not for what. With --json one
object a line: {session_id, at_seconds, line, person, host, …}.` + searchingCopies(from),
		examples: []string{"search drop table", `search --regexp "'\brm -rf? /'" --host db1 --since 30d`, "search id_rsa --in file --json"},
		who:      auditor | local,
	}, func(c *call, args []string) error {
		text := args[0]
		if !s.paths {
			text = strings.Join(args, " ")
		}
		q, err := f.query(c, text)
		if err != nil {
			return err
		}
		pattern, err := screens.ParsePattern(text, f.regexp)
		var bad *screens.PatternError
		if errors.As(err, &bad) {
			return &usageError{text: bad.Text}
		}
		if err != nil {
			return err
		}
		var found access.Found
		if from.path != "" {
			found, err = c.searchCopy(from, q, pattern)
		} else if found, err = c.Store.Search(c.ctx, q); err == nil {
			err = c.record(Searched(q, found), nil)
		}
		if err != nil {
			return err
		}
		return c.showFound(found, pattern, asJSON)
	})
	cmd.Flags().BoolVar(&f.regexp, "regexp", false, "TEXT is a regular expression")
	cmd.Flags().StringVar(&f.person, "person", "", "only in sessions of `NAME`")
	cmd.Flags().StringVar(&f.host, "host", "", "only in sessions on the host `NAME`")
	cmd.Flags().StringVar(&f.since, "since", "", "only in sessions that began after `TIME`")
	cmd.Flags().StringVar(&f.until, "until", "", "only in sessions that began before `TIME`")
	cmd.Flags().StringVar(&f.kind, "kind", "", "only in sessions of `KIND`")
	cmd.Flags().StringVar(&f.in, "in", "", "only in `SOURCE`")
	cmd.Flags().Var(&f.limit, "limit", "at most N hits, 1000 at most; 100 when left out")
	from.declareIdentity(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return cmd
}

// query makes the store's question of the flags.
func (f searchFlags) query(c *call, text string) (access.SearchQuery, error) {
	kind, err1 := oneOf("--kind", f.kind, access.KindShell, access.KindExec, access.KindSFTP, access.KindForward)
	source, err2 := oneOf("--in", f.in, access.TextScreen, access.TextExec, access.TextFile, access.TextCommand, access.TextPrompt)
	from, err3 := moment("--since", f.since, c.page.now)
	to, err4 := moment("--until", f.until, c.page.now)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			return access.SearchQuery{}, err
		}
	}
	q := access.SearchQuery{
		Person: access.PersonName(strings.ToLower(f.person)), Host: c.hostName(f.host), Kind: kind,
		Since: from, Until: to, Source: source, Limit: int(f.limit),
	}
	if f.regexp {
		q.Regexp = text
	} else {
		q.Text = text
	}
	return q, nil
}

// Searched is the audit event of a search, but for who searched. It is to be
// kept before anything is shown.
func Searched(q access.SearchQuery, found access.Found) audit.Event {
	detail := map[string]string{"hits": strconv.Itoa(len(found.Hits)), "regexp": strconv.FormatBool(q.Regexp != "")}
	for key, value := range map[string]string{
		"of_person": string(q.Person), "of_host": q.Host, "of_kind": string(q.Kind), "source": string(q.Source),
		"since": rfc3339(q.Since), "until": rfc3339(q.Until), "sessions": strings.Join(sessionsOf(found), " "),
	} {
		if value != "" {
			detail[key] = value
		}
	}
	return audit.Event{Kind: audit.RecordingsSearched, Detail: detail}
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// sessionsOf lists the sessions of hits, each once, the first of them.
func sessionsOf(found access.Found) (ids []string) {
	const most = 50
	for i, h := range found.Hits {
		if i > 0 && found.Hits[i-1].Session == h.Session {
			continue
		}
		if len(ids) == most {
			return append(ids, "…")
		}
		ids = append(ids, string(h.Session))
	}
	return ids
}

type hitShape struct {
	SessionID access.SessionID  `json:"session_id"`
	AtSeconds float64           `json:"at_seconds"`
	Line      string            `json:"line"`
	Person    access.PersonName `json:"person"`
	Host      string            `json:"host"`
	Login     string            `json:"login"`
	Kind      access.Kind       `json:"kind"`
	Source    access.TextSource `json:"source"`
	StartedAt stamp             `json:"started_at"`
}

// showFound prints what was found; what could not be searched is said on
// stderr.
func (c *call) showFound(found access.Found, pattern *screens.Pattern, asJSON bool) error {
	if asJSON {
		for _, h := range found.Hits {
			line, err := json.Marshal(hitShape{
				h.Session, h.Line.At.Seconds(), h.Line.Text, h.Person, h.Target.Host, h.Target.Login, h.Kind, h.Source, stamp(h.Started),
			})
			if err != nil {
				return err
			}
			c.page.write(string(printable(line)) + "\n")
		}
	} else {
		c.showHits(found, pattern)
	}
	for _, note := range []struct {
		n    int
		text string
	}{
		{found.Waiting, "%d ended sessions are not indexed yet"},
		{found.Unread, "%d sessions are not indexed: encrypted, damaged or gone"},
		{found.Partly, "%d sessions are indexed in part: they hold too much text"},
	} {
		if note.n > 0 {
			fmt.Fprintf(c.Stderr, "sallyport: "+note.text+"\n", note.n)
		}
	}
	if found.More && asJSON {
		fmt.Fprintln(c.Stderr, "sallyport: perhaps there are more hits")
	}
	return c.page.err
}

func (c *call) showHits(found access.Found, pattern *screens.Pattern) {
	if len(found.Hits) == 0 {
		c.page.linef("nothing found")
		return
	}
	t := table{head: []string{"SEE IT WITH", "PERSON", "LOGIN@HOST", "STARTED", "IN", "LINE"}}
	for _, h := range found.Hits {
		t.add("replay "+c.place(h)+" --at "+exact(h.Line.At.Truncate(time.Second)), string(h.Person), h.Target.String(), c.page.ago(h.Started),
			string(h.Source), excerpt(h.Line.Text, pattern))
	}
	c.page.table(t)
	if found.More {
		c.page.linef("… perhaps more; --limit N shows them, --person, --host, --since and --kind narrow them")
	}
}

// place is a hit's session as replay takes it here.
func (c *call) place(h access.Hit) string {
	if c.stay == nil && h.Folder != "" {
		return quoted(h.Folder)
	}
	return c.named(string(h.Session))
}

// quoted is a path as a shell takes it for one word.
func quoted(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+,:@%", r))
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// offset is a moment of a recording as players show it.
func offset(at time.Duration) string {
	s := int(at.Seconds())
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// excerpt is the part of a line around what was found.
func excerpt(line string, pattern *screens.Pattern) string {
	const before, most = 30, 160 // characters
	from, _, ok := pattern.Where(line)
	runes := []rune(line)
	if !ok || len(runes) <= most {
		return line
	}
	start := max(len([]rune(line[:from]))-before, 0)
	end := min(start+most, len(runes))
	text := string(runes[start:end])
	if start > 0 {
		text = "…" + text
	}
	if end < len(runes) {
		text += "…"
	}
	return text
}
