package bastion

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// defaultUnwatched is [Limits.Unwatched] where it is not given.
const defaultUnwatched = 10 * time.Minute

// A session whose rule says `watch: required` runs only while a second person
// watches it: see [access.Vigil]. Before the first one comes there is a recording
// to watch, and nothing else: no certificate, no login to the host. From then
// on, while nobody watches, nothing passes in either direction.

func (s *Server) unwatchedTime() time.Duration {
	if s.Limits.Unwatched > 0 {
		return s.Limits.Unwatched
	}
	return defaultUnwatched
}

// unwatched ends a session that nobody has watched for too long.
func (s *Server) unwatched() *access.Error {
	return access.Refuse(access.ReasonUnwatched, "nobody watched this session for "+s.unwatchedTime().String(), "Connect again when somebody can")
}

// reachWatched is reach for a session that must be watched: record, wait for
// somebody to watch, and only then mint and dial. A recording comes back even with
// an error, once there is one.
func (s *session) reachWatched(pass *access.Pass, facts access.Session, shape recorder.Shape) (*recorder.Recording, *leg, error) {
	rec, err := s.record(pass, facts, shape, access.Certificate{})
	if err != nil {
		s.unrecordable(pass, err)
		return nil, nil, err
	}
	pass.Vigil.Begun(s.ctx)
	if facts.Terminal {
		s.in.watch()
	}
	if err := s.awaitWatcher(pass, rec); err != nil {
		return rec, nil, err
	}
	if facts.Terminal && s.in.stranded() {
		return rec, nil, access.Refuse(access.ReasonMalformed,
			"what you sent came before somebody watched, and is not typed on a terminal long after", "Connect again and type it then")
	}
	if now := s.shape(); now != shape { // the wait may have been long
		if err := rec.Resize(now.Cols, now.Rows); err != nil {
			return rec, nil, recordingFailed(err)
		}
	}
	l, err := s.login(pass)
	return rec, l, err
}

// login gets a leg to the host, which is there already or is made now.
func (s *session) login(pass *access.Pass) (*leg, error) {
	if err := s.c.leg.take(s.ctx); err != nil {
		return nil, err
	}
	defer s.c.leg.release()
	if l := s.c.leg.current(); l != nil && l.serves(pass) {
		return l, nil
	}
	cred, err := s.obtain(pass)
	if err != nil {
		return nil, err
	}
	<-s.issued(pass, cred.Facts)
	l, err := s.dial(pass, cred)
	if err == nil {
		s.c.leg.put(l)
	}
	return l, err
}

// awaitWatcher waits until somebody watches, and says so to the person. It
// returns at once if somebody does.
func (s *session) awaitWatcher(pass *access.Pass, rec *recorder.Recording) error {
	limit := s.srv.unwatchedTime()
	until := s.srv.Now().Add(limit)
	told := pass.Vigil.Kept()
	if !told {
		s.note(rec, fmt.Sprintf("sallyport: waiting for somebody to watch this session (%s may), until %s; Ctrl-C withdraws",
			orNobody(pass.Vigil.May), until.UTC().Format("15:04:05 UTC")))
		s.say("  ssh -t bastion watch " + string(s.id))
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		watchers, changed := pass.Vigil.Now()
		if len(watchers) > 0 {
			if !told {
				s.note(rec, fmt.Sprintf("sallyport: %s watching; connecting to %s@%s", areOrIs(watchers), pass.Login, pass.Host.Name))
			}
			return nil
		}
		select {
		case <-changed:
		case w := <-pass.Warnings:
			s.note(rec, warning(w))
		case <-timer.C:
			return s.srv.unwatched()
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		}
	}
}

func orNobody(names []access.PersonName) string {
	if len(names) == 0 {
		return "nobody"
	}
	return people(names)
}

// note shows the person a line and leaves it in the recording.
func (s *session) note(rec *recorder.Recording, text string) {
	if err := rec.Marker(text); err != nil {
		s.end(recordingFailed(err))
	}
	s.say(text)
}
