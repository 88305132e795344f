package console

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) note() *cobra.Command {
	var at string
	cmd := s.command(spec{
		name:    "note",
		args:    []string{"ID", "TEXT"},
		words:   true,
		options: "--at TIME",
		short:   "remark upon a moment of a recording",
		long: `Keeps TEXT with a moment of the recording of a session, live or over: in the list
that notes prints, in the player's timeline, in what export writes, and as an audit
event. It is evidence: nobody can change it or take it back. TIME is since the
session's start: 90, 1:30, 1:02:03, 1m30s.`,
		examples: []string{"note 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --at 1m30s copies the shadow file"},
		who:      auditor,
	}, func(c *call, args []string) error {
		id, err := idOf[access.SessionID]("session", args[0])
		if err != nil {
			return err
		}
		when, err := parseOffset("--at", at)
		if err != nil {
			return err
		}
		n, err := access.NewNote(id, when, strings.Join(args[1:], " "), c.person.Name, c.Actor.Via)
		if err != nil {
			return err
		}
		if n, err = c.Store.AddNote(c.ctx, n); err != nil {
			return err
		}
		c.page.linef("noted at %s (%s)", offset(n.At), string(n.Session))
		return nil
	})
	cmd.Flags().StringVar(&at, "at", "", "the moment, `TIME` since the start")
	return cmd
}

func (s *set) notes() *cobra.Command {
	var asJSON bool
	cmd := s.command(spec{
		name:     "notes",
		args:     []string{"ID"},
		options:  "[--json]",
		short:    "list what auditors remarked upon a recording",
		long:     "Lists the notes on the recording of a session, in the order of its moments.",
		examples: []string{"notes 01KAZ4T9V5J8M2N3P4Q5R6S7T8", "notes 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --json"},
		who:      auditor | local,
	}, func(c *call, args []string) error {
		id, err := idOf[access.SessionID]("session", args[0])
		if err != nil {
			return err
		}
		if _, err := c.Store.Session(c.ctx, id); err != nil {
			return err
		}
		notes, err := c.Store.Notes(c.ctx, id)
		if err != nil {
			return err
		}
		if asJSON {
			return c.json(each(notes, noteJSON))
		}
		if len(notes) == 0 {
			c.page.linef("nobody noted anything")
			return nil
		}
		t := table{head: []string{"AT", "BY", "NOTED", "NOTE"}}
		for _, n := range notes {
			t.add(offset(n.At), string(n.By), c.page.ago(n.Made), n.Text)
		}
		c.page.table(t)
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array of notes in JSON")
	return cmd
}

// A noteShape is what --json prints and a bundle holds.
type noteShape struct {
	SessionID access.SessionID  `json:"session_id"`
	AtSeconds float64           `json:"at_seconds"`
	Text      string            `json:"text"`
	By        access.PersonName `json:"by"`
	Via       access.Via        `json:"via"`
	NotedAt   stamp             `json:"noted_at"`
}

func noteJSON(n access.Note) noteShape {
	return noteShape{n.Session, n.At.Seconds(), n.Text, n.By, n.Via, stamp(n.Made)}
}

// ReadNotes reads the notes of a bundle. Anybody may have written them: they
// are made plain and bounded anew, and those of other sessions are left out.
func ReadNotes(from io.Reader, of access.SessionID) ([]access.Note, error) {
	var shapes []struct {
		SessionID access.SessionID  `json:"session_id"`
		AtSeconds float64           `json:"at_seconds"`
		Text      string            `json:"text"`
		By        access.PersonName `json:"by"`
		Via       access.Via        `json:"via"`
		NotedAt   time.Time         `json:"noted_at"`
	}
	if err := json.NewDecoder(from).Decode(&shapes); err != nil {
		return nil, err
	}
	var notes []access.Note
	for _, s := range shapes[:min(len(shapes), access.MostNotes)] {
		if s.SessionID != of || !(s.AtSeconds >= 0 && s.AtSeconds < 1e9) {
			continue
		}
		n, err := access.NewNote(of, time.Duration(s.AtSeconds*float64(time.Second)), s.Text, s.By, s.Via)
		if err != nil {
			continue
		}
		n.Made = s.NotedAt
		notes = append(notes, n)
	}
	slices.SortStableFunc(notes, func(x, y access.Note) int { return cmp.Compare(x.At, y.At) })
	return notes, nil
}

// parseOffset reads a moment of a recording: seconds, MM:SS, HH:MM:SS or 1m30s.
func parseOffset(flag, text string) (time.Duration, error) {
	const want = "a time since the start, such as 90, 1:30, 1:02:03 or 1m30s"
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, nil
	}
	parts := strings.Split(text, ":")
	if len(parts) > 3 {
		return 0, misfit(flag, text, want)
	}
	var at float64
	for _, p := range parts {
		n, err := strconv.ParseFloat(p, 64)
		if err != nil || !(n >= 0 && n < 1e6) {
			return 0, misfit(flag, text, want)
		}
		at = at*60 + n
	}
	return time.Duration(at * float64(time.Second)), nil
}
