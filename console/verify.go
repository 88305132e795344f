package console

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

func (s *set) verify() *cobra.Command {
	var asJSON bool
	from := &copied{paths: s.paths}
	cmd := s.command(spec{
		name:    "verify",
		args:    []string{from.argument("[ID]")},
		copied:  from,
		options: "[--json]",
		short:   "check recordings against their signatures",
		long: `Checks one recording, or all of those whose sessions are over, newest first:

    intact     signed, and every byte as signed
    recovered  cut short by a crash: consistent, and genuine up to the last head
               that the audit chain holds
    truncated  a file ends too early
    altered    bytes are not as signed
    missing    the manifest or a file is not there

Each is also held against what the audit chain says of it, which is checked first.
Of all, those that were deleted because their time was over are counted, and checked
by the signed tombstones in their place; named by its ID, such a one is missing.

The exit status is 1 unless all are intact. With --json one object a line:
{session_id, verdict, first_bad_offset, detail}.` + from.about() + from.verifying(),
		examples: []string{"verify", "verify 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --json"},
		who:      auditor | local,
	}, func(c *call, args []string) error {
		if from.path != "" {
			return c.verifyCopy(from, asJSON)
		}
		if len(args) == 1 {
			found, err := c.ended(args[0])
			if err != nil {
				return err
			}
			return c.verdicts(asJSON, found.ID, func(yield func(access.Session) error) error { return yield(found) })
		}
		return c.verdicts(asJSON, "", c.eachEnded)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	from.declareTrust(cmd)
	return cmd
}

// sessionsPage is how many sessions are asked for at once.
const sessionsPage = 500

// eachEnded visits all sessions that are over, newest first.
func (c *call) eachEnded(visit func(access.Session) error) error {
	for before := access.SessionID(""); ; {
		found, err := c.Store.Sessions(c.ctx, access.SessionQuery{Before: before, Limit: sessionsPage})
		if err != nil {
			return err
		}
		for _, s := range found {
			before = s.ID
			if s.State == access.SessionLive {
				continue
			}
			if err := visit(s); err != nil {
				return err
			}
		}
		if len(found) < sessionsPage {
			return nil
		}
	}
}

type verdictShape struct {
	SessionID      access.SessionID `json:"session_id"`
	Verdict        recorder.Verdict `json:"verdict"`
	FirstBadOffset *int64           `json:"first_bad_offset"` // in the file that detail names; null when nothing is wrong
	Detail         string           `json:"detail"`
}

var verdictStyle = map[recorder.Verdict]style{
	recorder.Intact: green, recorder.Recovered: yellow, recorder.Truncated: red, recorder.Altered: red, recorder.Missing: red,
}

// verdicts verifies each session, the one that only names or all if that is
// empty, and shows what came of it as it comes. Each is held against what the
// audit chain says of it.
func (c *call) verdicts(asJSON bool, only access.SessionID, each func(func(access.Session) error) error) error {
	trust := c.Trust()
	anchors, err := c.anchors(only)
	if err != nil {
		return err
	}
	t := tally{asJSON: asJSON, many: only == ""}
	err = each(func(s access.Session) error {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		v, err := recorder.VerifyAnchored(filepath.Join(c.Recordings, filepath.FromSlash(s.Recording)), trust, anchors)
		if err != nil {
			return access.Fail(access.ReasonRecording, "a recording cannot be read", "Ask the operator to look at the log", err).About(string(s.ID))
		}
		v.Session = s.ID
		return c.verdict(&t, v, string(s.Person)+" "+s.Target.String()+" "+string(s.Kind)+"  ")
	})
	if err != nil {
		return err
	}
	return c.sum(&t)
}

// tally counts verdicts.
type tally struct {
	asJSON        bool
	many          bool // of all: those that were deleted, with a genuine tombstone, are only counted
	total, intact int
	deleted       int
}

// verdict counts one and shows it. About, which may be empty, tells of the
// session.
func (c *call) verdict(t *tally, v recorder.Verification, about string) error {
	if v.Deleted && t.many {
		t.deleted++
		return nil
	}
	t.total++
	if v.Verdict == recorder.Intact {
		t.intact++
	}
	if t.asJSON {
		return c.verdictJSON(v)
	}
	c.page.linef(c.page.paint("%-9s", verdictStyle[v.Verdict])+"  %s  %s%s", string(v.Verdict), or(string(v.Session)), about, v.Detail)
	return c.page.err
}

// sum says what came of all of them.
func (c *call) sum(t *tally) error {
	if !t.asJSON && t.deleted > 0 {
		c.page.linef("%s", fmt.Sprintf("%d recordings, %d intact; %d deleted, each with its tombstone", t.total, t.intact, t.deleted))
	} else if !t.asJSON && t.total != 1 {
		c.page.linef("%s", fmt.Sprintf("%d recordings, %d intact", t.total, t.intact))
	}
	if t.intact != t.total {
		return errNotDone
	}
	return nil
}

// verdictJSON writes one verdict as a line.
func (c *call) verdictJSON(v recorder.Verification) error {
	shape := verdictShape{SessionID: v.Session, Verdict: v.Verdict, Detail: v.Detail}
	if v.FirstBadOffset >= 0 {
		shape.FirstBadOffset = &v.FirstBadOffset
	}
	line, err := json.Marshal(shape)
	if err != nil {
		return err
	}
	c.page.write(string(printable(line)) + "\n")
	return c.page.err
}
