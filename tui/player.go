package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

const (
	frameEvery  = time.Second / 25
	followEvery = 300 * time.Millisecond
	stateEvery  = 2 * time.Second // whether a live session has ended
	forever     = time.Duration(1<<63 - 1)
)

var (
	speeds = []float64{0.25, 0.5, 1, 2, 4, 8, 16, 32, 64}
	idles  = []time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}
)

// player replays one session. What takes time (reading, emulating) happens in
// commands, of which one at a time has the deck; what the keys ask meanwhile
// waits in next, and the last wish wins.
type player struct {
	*shared
	session access.Session
	request access.Request
	gen     generation // of this player
	held    *held
	frame   frame
	survey  *survey
	ready   bool
	failure error

	deck *deck
	busy bool
	wish *order // to do when the deck is back

	playing   bool
	ended     bool // nothing further is recorded
	tick      generation
	ticked    time.Time
	speed     int
	idle      int
	follow    bool
	seeking   *order // under way, over several commands
	needle    string
	found     string        // what the last search said
	skipped   time.Duration // the last idle time that was cut
	skipUntil time.Time     // it is told until then

	cols, rows int
	panX, panY int
	panned     bool
	zoom       bool
	facts      bool
	line       *line // open for a time or a search
	lineIs     rune
	ask        *prompt
}

func newPlayer(s *shared, session access.Session) *player {
	return &player{shared: s, session: session, gen: s.next(), survey: newSurvey(), speed: slices.Index(speeds, 1), idle: 2, playing: true, held: &held{}}
}

// Messages of a player carry its generation.
type (
	deckReady struct {
		gen generation
		rec Recording
		err error
		// made in the command, because it reads
		deck    *deck
		frame   frame
		request access.Request
	}
	deckBack struct {
		gen   generation
		order *order
		frame frame
		done  bool
		end   bool
		text  string
		err   error
	}
	surveyed struct {
		gen      generation
		surveyor *surveyor
		found    findings
	}
	surveyOn struct {
		gen      generation
		surveyor *surveyor
	}
	playerTick  struct{ gen generation }
	stateLoaded struct {
		gen     generation
		session access.Session
		err     error
	}
)

func (p *player) Init() tea.Cmd {
	gen, session, cols, held := p.gen, p.session, p.cols, p.held
	return p.do(func(ctx context.Context) tea.Msg {
		rec, err := p.cfg.Open(ctx, session)
		if err != nil {
			return deckReady{gen: gen, err: readFailed(err)}
		}
		if !held.put(rec) {
			return nil
		}
		d := newDeck(rec, session, cols)
		m := deckReady{gen: gen, rec: rec, deck: d, frame: d.frame()}
		if session.RequestID != "" && p.cfg.Requests != nil {
			m.request, m.err = p.cfg.Requests.Request(ctx, session.RequestID)
		}
		return m
	})
}

// Close frees the recording. A command that still reads gets an error, which
// nobody waits for any more.
func (p *player) Close() {
	p.tick, p.gen = 0, 0
	if err := p.held.close(); err != nil {
		p.cfg.Log.Warn("tui: closing a recording", "session", p.session.ID, "error", err)
	}
}

func (p *player) live() bool { return p.session.State == access.SessionLive }

func (p *player) Typing() bool { return p.line != nil || p.ask != nil || p.facts }

func (p *player) Keys() help.KeyMap {
	k := playerKeys
	switch {
	case p.ask != nil:
		return p.ask.keys()
	case p.facts:
		return keyList{[]key.Binding{playerKeys.Close}, nil}
	case p.line != nil:
		return keyList{[]key.Binding{lineKeys.Enter, lineKeys.Leave}, nil}
	}
	short := []key.Binding{k.Pause, k.Seconds, k.Speed, k.Search, k.Goto, k.Facts, k.Idle}
	if p.live() {
		short = slices.Insert(short, 1, k.Follow)
		if p.cfg.Desk != nil {
			short = slices.Insert(short, 2, k.Kill)
		}
	}
	own := []key.Binding{k.Search, k.Again, k.Facts}
	if p.cfg.Verify != nil && !p.live() {
		own = append(own, k.Verify)
	}
	if p.live() {
		own = append(own, k.Follow)
		if p.cfg.Desk != nil {
			own = append(own, k.Kill)
		}
	}
	return keyList{short, [][]key.Binding{
		{k.Pause, k.Speed, k.Idle, k.Event, k.EventBack, k.Zoom, k.Pan, k.PanFree},
		{k.Seconds, k.Minutes, k.Percent, k.Goto, k.Start, k.End, k.MarkerBack, k.Marker, k.Active},
		own,
	}}
}

func (p *player) SetSize(cols, rows int) { p.cols, p.rows = cols, rows }

func (p *player) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case deckReady:
		if msg.gen == p.gen {
			return p.begin(msg)
		}
	case deckBack:
		if msg.gen == p.gen {
			return p.back(msg)
		}
	case surveyed:
		if msg.gen == p.gen {
			return p.surveyed(msg)
		}
	case surveyOn:
		if msg.gen == p.gen {
			return p.lookOn(msg.surveyor)
		}
	case playerTick:
		if msg.gen == p.tick {
			return p.onTick()
		}
	case stateLoaded:
		if msg.gen == p.gen {
			return p.stateKnown(msg)
		}
	case tea.PasteMsg:
		return p.typed(msg)
	case tea.MouseWheelMsg:
		p.pan(0, wheel(msg))
	case tea.MouseClickMsg:
		return p.click(msg)
	case tea.KeyPressMsg:
		if p.Typing() {
			return p.typed(msg)
		}
		return p.press(msg)
	}
	return nil
}

// begin starts playing once the recording is open.
func (p *player) begin(m deckReady) tea.Cmd {
	if m.rec == nil {
		p.failure = m.err
		return say(failed{m.err})
	}
	p.deck, p.frame, p.request, p.ready = m.deck, m.frame, m.request, true
	if k, ok := m.rec.(Keyframed); ok && m.deck.head.Terminal {
		p.survey.stored = k.Keyframes()
	}
	ahead := &surveyor{deck: newDeck(m.rec, p.session, m.deck.textCols), stored: p.survey.stored}
	cmds := []tea.Cmd{p.lookOn(ahead), p.startTicking()}
	if m.err != nil {
		cmds = append(cmds, say(failed{m.err}))
	}
	if p.live() {
		cmds = append(cmds, p.loadState(0), p.followOn(true))
	}
	if o := p.wish; o != nil {
		p.wish = nil
		if o.what == seek {
			o.from = p.survey.keyframeAt(o.to)
		}
		cmds = append(cmds, p.give(o))
	}
	return tea.Batch(cmds...)
}

func (p *player) startTicking() tea.Cmd {
	p.tick, p.ticked = p.next(), p.now()
	return p.after(frameEvery, playerTick{p.tick})
}

// onTick plays on by the time that passed.
func (p *player) onTick() tea.Cmd {
	if !p.playing {
		return nil
	}
	wait := frameEvery
	if p.follow || p.ended {
		wait = followEvery
	}
	again := p.after(wait, playerTick{p.tick})
	if p.busy || p.seeking != nil {
		p.ticked = p.now()
		return again
	}
	passed := min(max(p.now().Sub(p.ticked), 0), time.Second)
	p.ticked = p.now()
	if p.follow {
		return tea.Batch(again, p.give(&order{what: seek, to: forever, quiet: true}))
	}
	by := time.Duration(float64(passed) * speeds[p.speed])
	return tea.Batch(again, p.give(&order{what: advance, by: by, idle: idles[p.idle]}))
}

// give hands an order to the deck, now or when it is back.
func (p *player) give(o *order) tea.Cmd {
	if p.busy || !p.ready {
		switch w := p.wish; {
		case o.what == advance || o.quiet:
		case w != nil && w.what == o.what && (o.what == step || o.what == stepBack):
			w.more++
		default:
			p.wish = o
		}
		return nil
	}
	p.busy = true
	if o.what != advance && !o.quiet {
		p.seeking = o
	}
	gen, d := p.gen, p.deck
	return p.do(func(ctx context.Context) tea.Msg {
		m := o.run(ctx, d)
		m.gen, m.order, m.frame = gen, o, d.frame()
		return m
	})
}

// back takes the deck back from a command.
func (p *player) back(m deckBack) tea.Cmd {
	p.busy, p.frame = false, m.frame
	if m.frame.skipped > time.Second {
		p.skipped, p.skipUntil = m.frame.skipped, p.now().Add(2*time.Second)
	}
	if m.err != nil {
		p.playing, p.seeking, p.wish = false, nil, nil
		return say(failed{readFailed(m.err)})
	}
	if o := p.wish; o != nil {
		p.wish, p.seeking = nil, nil
		return p.give(o)
	}
	if !m.done {
		return p.give(m.order)
	}
	if p.seeking == m.order {
		p.seeking = nil
	}
	p.ended = m.end
	if m.text != "" {
		p.found = m.text
	}
	if m.end && !p.live() {
		p.follow = false
		if m.order.what == advance {
			p.playing = false
		}
	}
	return nil
}

func readFailed(err error) error {
	var e *access.Error
	if errors.As(err, &e) {
		return err
	}
	return access.Fail(access.ReasonRecording, "the recording cannot be read here", "sallyport verify tells what is wrong with it", err)
}

// lookOn sends the surveyor on.
func (p *player) lookOn(s *surveyor) tea.Cmd {
	gen, every := p.gen, p.survey.every
	return p.do(func(ctx context.Context) tea.Msg {
		return surveyed{gen, s, s.look(ctx, every)}
	})
}

func (p *player) surveyed(m surveyed) tea.Cmd {
	p.survey.take(m.found)
	if m.found.forged {
		return p.disown(m)
	}
	return p.surveyedOn(m)
}

// surveyedOn goes on after what was found.
func (p *player) surveyedOn(m surveyed) tea.Cmd {
	switch {
	case m.found.err != nil:
		return say(failed{readFailed(m.found.err)})
	case !m.found.end:
		return p.lookOn(m.surveyor)
	case p.live():
		return p.after(time.Second, surveyOn{p.gen, m.surveyor})
	}
	return nil
}

// disown ends the use of stored keyframes that are not the recording's own, and
// shows the present moment as it was recorded.
func (p *player) disown(m surveyed) tea.Cmd {
	p.survey.stored, m.found.forged = nil, false
	p.cfg.Log.Warn("tui: the keyframes beside a recording are not its own", "session", p.session.ID)
	fault := access.Fail(access.ReasonRecording, "session.kf is not of this recording, and not used any more", "Ask who changed it", nil)
	again := p.give(&order{what: seek, to: p.frame.at, from: p.survey.keyframeBefore(0)})
	return tea.Batch(again, say(failed{fault}), p.surveyedOn(m))
}

// loadState asks whether a live session has ended.
func (p *player) loadState(wait time.Duration) tea.Cmd {
	gen, id := p.gen, p.session.ID
	return p.do(func(ctx context.Context) tea.Msg {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
		s, err := p.cfg.Sessions.Session(ctx, id)
		return stateLoaded{gen, s, err}
	})
}

func (p *player) stateKnown(m stateLoaded) tea.Cmd {
	if m.err != nil {
		return tea.Batch(say(failed{m.err}), p.loadState(stateEvery))
	}
	p.session = m.session
	if p.live() {
		return p.loadState(stateEvery)
	}
	return say(notice{fmt.Sprintf("the session ended: %s", ending(p.session))})
}

// length is how long the recording is, as far as is known.
func (p *player) length() time.Duration {
	if p.survey.through && !p.live() {
		return max(p.survey.length, p.frame.at)
	}
	return max(p.survey.length, p.frame.at, age(p.session, p.now()))
}

func (p *player) followOn(on bool) tea.Cmd {
	p.follow = on && p.live()
	if p.follow {
		p.playing, p.panned = true, false
		return tea.Batch(p.give(&order{what: seek, to: forever, from: p.survey.keyframeAt(forever)}), p.startTicking())
	}
	return nil
}
