package console

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// How often a live recording is looked at for more, and its session for an end.
const (
	followEvery = 250 * time.Millisecond
	stateEvery  = time.Second
)

func (s *set) watch() *cobra.Command {
	return s.command(spec{
		name:  "watch",
		args:  []string{"ID"},
		short: "follow a live session as it happens",
		long: `Shows what stands on the screen of a live session, now. The person is told that you
watch, by name, and again when you leave, unless the rule says "watch: quiet"; the
audit chain has it in any case.

With "ssh -t bastion watch ID" it is the player of the terminal UI: pause, go back,
search, F to follow again, k to end the session with a reason, ? for all keys, q to
leave. At the socket it is the picture alone, and Ctrl-C leaves.

A session whose rule says "watch: required" runs only while a second person watches:
an auditor or an approver of its rule, never its own person, in that player, with the
present before them. Going back, pausing and leaving pauses the session.

Elsewhere: prints each line once it is complete, as plain text, until the session
ends.`,
		examples: []string{"sessions --state live", "watch 01KAZ4T9V5J8M2N3P4Q5R6S7T8"},
		who:      auditor | approver | local,
	}, func(c *call, args []string) error {
		if c.roles&(auditor|local) == 0 && (c.Terminal == nil || c.Stdin == nil) {
			return access.Refuse(access.ReasonNotAllowed, "approvers watch at a terminal", "ssh -t bastion watch ID")
		}
		found, err := c.running(args[0])
		if err != nil {
			return err
		}
		if c.draws() && c.Stdin != nil {
			return c.Viewer(c.ctx, c.Call, found)
		}
		r, err := recorder.Open(filepath.Join(c.Recordings, filepath.FromSlash(found.Recording)))
		if err != nil {
			return unwatchable(found, err)
		}
		defer r.Close()
		watching, err := c.Desk.Watch(c.ctx, c.Actor, found.ID, false)
		if err != nil {
			return err
		}
		defer watching.Leave()
		c.ctx = watching.Context
		if found.Vigil {
			fmt.Fprintln(c.Stderr, "sallyport: this does not count as the second person who must watch: ssh -t bastion watch "+string(found.ID))
		}
		m := &movie{cast: r, terminal: found.Terminal}
		if c.draws() {
			err = c.projectLive(m, found.ID)
		} else {
			err = c.transcribeLive(m, found.ID)
		}
		if err != nil {
			return unwatchable(found, err)
		}
		return nil
	})
}

// unwatchable says that a live recording cannot be shown.
func unwatchable(s access.Session, err error) error {
	if errors.Is(err, recorder.ErrEncrypted) {
		return access.Refuse(access.ReasonRecording, "the recording is encrypted for its recipients, while it grows, too",
			"kill ends the session unseen").About(string(s.ID))
	}
	return unreadable(s, err)
}

// running finds a live session.
func (c *call) running(typed string) (access.Session, error) {
	id, err := idOf[access.SessionID]("session", typed)
	if err != nil {
		return access.Session{}, err
	}
	found, err := c.Store.Session(c.ctx, id)
	switch {
	case err != nil:
	case found.State != access.SessionLive:
		err = access.Refuse(access.ReasonNotFound, "this session is over", "replay shows it").About(string(id))
	case found.BastionID != c.BastionID:
		err = access.Refuse(access.ReasonNotFound, "this session runs on "+found.BastionID+", and this is "+c.BastionID,
			"Watch it there").About(string(id))
	}
	return found, err
}

// more gives each the events that were written since the last time.
func (m *movie) more(each func(recorder.TimedEvent)) error {
	for e, err := range m.cast.EventsAt(m.next) {
		var bad *recorder.LineError
		switch {
		case errors.As(err, &bad):
			m.skipped++
		case err != nil:
			return err
		default:
			each(e)
		}
		m.next = e.Next
	}
	return nil
}

// follow plays a live recording until its session ends or the caller goes;
// after each time that there may have been more it calls shown.
func (c *call) follow(m *movie, id access.SessionID, each func(recorder.TimedEvent), shown func()) error {
	look := time.NewTicker(followEvery)
	defer look.Stop()
	state := time.NewTicker(stateEvery)
	defer state.Stop()
	for over := false; ; {
		if err := m.more(each); err != nil {
			return err
		}
		shown()
		if over || c.page.err != nil {
			return nil
		}
		select {
		case <-c.ctx.Done():
			return nil
		case <-look.C:
		case <-state.C:
			s, err := c.Store.Session(c.ctx, id)
			if err != nil {
				return err
			}
			over = s.State != access.SessionLive // and what it left is still read
		}
	}
}

// transcribeLive prints lines as they are complete.
func (c *call) transcribeLive(m *movie, id access.SessionID) error {
	t := newTranscript(m.screen(), func(line string) { c.page.write(line + "\n") })
	defer t.end()
	return c.follow(m, id, func(e recorder.TimedEvent) { m.play(t.screen, e) }, t.look)
}

// projectLive draws the screen as it is.
func (c *call) projectLive(m *movie, id access.SessionID) error {
	f := newFilm(m.screen(), *c.Terminal, c.Color)
	c.page.write(enterFilm)
	err := c.follow(m, id, func(e recorder.TimedEvent) { m.play(f.screen, e) }, func() { c.page.write(f.frame()) })
	c.page.write(leaveFilm + f.still())
	if err == nil && c.ctx.Err() == nil {
		c.page.linef("the session is over")
	}
	return err
}
