package main

import (
	"context"
	"errors"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/store"
	"github.com/sallyport/sallyport/tui"
)

// opening opens recordings for the actor's screen, having kept first that they
// looked. A live one is watched: its person is told, until it is closed.
func (s *screen) opening(actor access.Actor, answers func(context.Context) bool) func(context.Context, access.Session) (tui.Recording, error) {
	open := openRecording(s.recorder.Folder)
	return func(ctx context.Context, viewed access.Session) (tui.Recording, error) {
		viewed, err := s.store.Session(ctx, viewed.ID) // it may have ended meanwhile
		if err != nil {
			return nil, err
		}
		if viewed.State == access.SessionLive {
			w, err := s.watched(ctx, actor, viewed, answers)
			if err != nil {
				return nil, err
			}
			return w, nil
		}
		err = s.store.Record(ctx, audit.Event{
			Kind: audit.RecordingViewed, Actor: string(actor.Person), Person: string(actor.Person), Source: sourceOf(actor),
			Session: string(viewed.ID), Host: viewed.Target.Host, Login: viewed.Target.Login,
			Detail: map[string]string{"command": "tui", "of": string(viewed.Person)},
		})
		if err != nil {
			return nil, err
		}
		return open(ctx, viewed)
	}
}

func sourceOf(actor access.Actor) string {
	if actor.Identity == nil {
		return ""
	}
	return actor.Identity.Source.String()
}

// watched opens a live recording. It is opened first: nobody is told of what
// cannot be watched.
func (s *screen) watched(ctx context.Context, actor access.Actor, live access.Session, answers func(context.Context) bool) (*watching, error) {
	r, err := openRecording(s.recorder.Folder)(ctx, live)
	if err != nil {
		return nil, err
	}
	look, err := s.desk.Watch(ctx, actor, live.ID, true)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return newWatching(r, look, answers), nil
}

// watch is the console's viewer: the player by itself, on one live session.
func (s *screen) watch(ctx context.Context, call console.Call, live access.Session) error {
	env := []string{"TERM=xterm-256color", "NO_COLOR=1"}
	if call.Color {
		env = env[:1]
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	open := func(ctx context.Context, viewed access.Session) (tui.Recording, error) {
		w, err := s.watched(ctx, call.Actor, viewed, call.Answers)
		if err != nil {
			cancel(err) // there is nothing else to see
			return nil, err
		}
		context.AfterFunc(w.look.Context, func() { cancel(context.Cause(w.look.Context)) })
		return w, nil
	}
	config := tui.Config{
		Actor: call.Actor, Only: &live, Sessions: s.watchable(), Requests: s.store, Desk: s.desk, Open: open,
		MayKill: s.mayKill(call.Actor),
		Terminal: tui.Terminal{
			In: call.Stdin, Out: call.Stdout, Env: env, Size: tui.Size(*call.Terminal),
			Resizes: each(ctx, call.Resizes, func(z console.Size) tui.Size { return tui.Size(z) }),
		},
		Now: s.now, Log: s.log,
	}
	if s.mayLookAround(call.Actor) {
		config.Files, config.Notes, config.AddNote = files(s.store), s.store.Notes, s.noting(call.Actor)
		config.ExportCommand = exportCommand(sshTo(s.advertise))
	}
	err := tui.Run(ctx, config)
	var ended *access.Error
	if errors.As(context.Cause(ctx), &ended) {
		return ended
	}
	return err
}

// mayLookAround reports whether the actor sees more of a session than its
// screen: not those who watch only because a second person must.
func (s *screen) mayLookAround(actor access.Actor) bool {
	current := s.policy.Current()
	person, ok := current.Person(actor.Person)
	return actor.Via == access.ViaSocket || ok && current.Role(person).Auditor
}

// mayKill tells an actor which live sessions are theirs to end.
func (s *screen) mayKill(actor access.Actor) func(access.Session) bool {
	return func(live access.Session) bool { return s.desk.MayEnd(actor, live) }
}

// searching finds text in recordings for the actor's screen. That they looked
// is kept before they see anything; what they looked for is content, and not.
func (s *screen) searching(actor access.Actor) func(context.Context, access.SearchQuery) (access.Found, error) {
	return func(ctx context.Context, q access.SearchQuery) (access.Found, error) {
		found, err := s.store.Search(ctx, q)
		if err != nil {
			return found, err
		}
		e := console.Searched(q, found)
		e.Actor, e.Person, e.Source = string(actor.Person), string(actor.Person), sourceOf(actor)
		return found, s.store.Record(ctx, e)
	}
}

// files looks up ledgers.
func files(from *store.Store) func(context.Context, access.SessionID) ([]access.Transfer, error) {
	return func(ctx context.Context, id access.SessionID) ([]access.Transfer, error) {
		return from.Transfers(ctx, access.TransferQuery{Session: id})
	}
}

// trails tells how busy sessions were; folder finds a recording.
func trails(folder func(string) string) func(context.Context, access.Session) (tui.Trail, error) {
	return func(_ context.Context, s access.Session) (tui.Trail, error) {
		return tui.ReadTrail(folder(s.Recording))
	}
}

// noting keeps an auditor's notes, while they are one.
func (s *screen) noting(actor access.Actor) func(context.Context, access.Note) (access.Note, error) {
	return func(ctx context.Context, n access.Note) (access.Note, error) {
		current := s.policy.Current()
		person, ok := current.Person(actor.Person)
		if !ok || !current.Role(person).Auditor {
			return n, access.Refuse(access.ReasonNotAllowed, "notes are for auditors", "Ask one of them").About(string(n.Session))
		}
		return s.store.AddNote(ctx, n)
	}
}

// verify checks a recording with the keys that sign here.
func (s *screen) verify(_ context.Context, session access.Session) (tui.Verdict, error) {
	v, err := recorder.Verify(s.recorder.Folder(session.Recording), s.recorder.Keys().Trust())
	if err != nil {
		return tui.Verdict{}, access.Fail(access.ReasonRecording, "the recording cannot be read", "Ask the operator to look at the log", err).About(string(session.ID))
	}
	text := string(v.Verdict)
	if v.Detail != "" {
		text += ": " + v.Detail
	}
	return tui.Verdict{Intact: v.Verdict == recorder.Intact, Text: text}, nil
}
