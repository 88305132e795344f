package main

import (
	"context"
	"errors"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/tui"
)

// opening opens recordings for the actor's screen, having kept first that they
// looked. A live one is watched: its person is told, until it is closed.
func (s *screen) opening(actor access.Actor) func(context.Context, access.Session) (tui.Recording, error) {
	open := openRecording(s.recorder.Folder)
	return func(ctx context.Context, viewed access.Session) (tui.Recording, error) {
		viewed, err := s.store.Session(ctx, viewed.ID) // it may have ended meanwhile
		if err != nil {
			return nil, err
		}
		if viewed.State == access.SessionLive {
			return s.watched(ctx, actor, viewed)
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
func (s *screen) watched(ctx context.Context, actor access.Actor, live access.Session) (tui.Recording, error) {
	r, err := openRecording(s.recorder.Folder)(ctx, live)
	if err != nil {
		return nil, err
	}
	leave, err := s.desk.Watch(ctx, actor, live.ID)
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return watching{r, leave}, nil
}

// watching is a live recording while somebody looks on. It has no keyframes:
// those are made when it is over.
type watching struct {
	tui.Recording
	leave func()
}

func (w watching) Close() error {
	w.leave()
	return w.Recording.Close()
}

// watch is the console's viewer: the player by itself, on one live session.
func (s *screen) watch(ctx context.Context, call console.Call, live access.Session) error {
	env := []string{"TERM=xterm-256color", "NO_COLOR=1"}
	if call.Color {
		env = env[:1]
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return tui.Run(ctx, tui.Config{
		Actor: call.Actor, Only: &live, Sessions: s.store, Requests: s.store, Desk: s.desk, Open: s.opening(call.Actor),
		Terminal: tui.Terminal{
			In: call.Stdin, Out: call.Stdout, Env: env, Size: tui.Size(*call.Terminal),
			Resizes: each(ctx, call.Resizes, func(z console.Size) tui.Size { return tui.Size(z) }),
		},
		Now: s.now, Log: s.log,
	})
}
