package tui

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

const forever = time.Duration(1<<63 - 1)

// player replays one session. What takes time (reading, emulating) happens in
// commands, of which one at a time has the deck; what the keys ask meanwhile
// waits in wish, and the last wish wins.
type player struct {
	*shared
	session access.Session
	besides
	asked   generation // the last question for them
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
	ended     bool      // nothing further is recorded
	endedAt   time.Time // when that was last so
	failing   bool      // the last read failed, as was said
	tick      generation
	ticked    time.Time
	speed     int
	idle      int
	follow    bool
	present   bool   // what is recorded now is on the screen, as the recording was told
	seeking   *order // under way, over several commands
	needle    string
	hits      hits
	found     string        // what there was to find, or not
	searched  bool          // by a search for the needle
	skipped   time.Duration // the last idle time that was cut
	skipUntil time.Time     // it is told until then

	cols, rows int
	panX, panY int
	panned     bool
	zoom       bool
	typedOn    bool // the strip of what was typed
	facts      bool
	factsTop   int   // line of the facts that is drawn first
	line       *line // open for a time, a search, a note
	lineIs     lineUse
	noteAt     time.Duration // the moment that a note is begun about
	exporting  bool          // the choice of formats is open
	exportAs   ExportFormat
	ask        *prompt
}

func newPlayer(s *shared, session access.Session) *player {
	return &player{shared: s, session: session, gen: s.next(), survey: newSurvey(), speed: slices.Index(speeds, 1), idle: 2, playing: true, held: &held{}}
}

// deckReady is the answer to Init. Messages of a player carry its generation.
type deckReady struct {
	gen generation
	rec Recording
	err error
	// made in the command, because it reads
	deck    *deck
	frame   frame
	besides besides
}

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
		m.besides = p.lookBeside(ctx, session)
		m.err = m.besides.err
		return m
	})
}

// Close frees the recording, aside: of a live one the end of watching goes to
// the audit chain. A command that still reads gets an error, which
// nobody waits for any more.
func (p *player) Close() {
	p.tick, p.gen, p.asked, p.hits = 0, 0, 0, hits{}
	held, id := p.held, p.session.ID
	p.aside(func() {
		if err := held.close(); err != nil {
			p.cfg.Log.Warn("tui: closing a recording", "session", id, "error", err)
		}
	})
}

func (p *player) Typing() bool { return p.line != nil || p.ask != nil || p.facts || p.exporting }

func (p *player) SetSize(cols, rows int) { p.cols, p.rows = cols, rows }

func (p *player) Update(msg tea.Msg) tea.Cmd {
	cmd := p.update(msg)
	return tea.Batch(cmd, p.heed())
}

func (p *player) update(msg tea.Msg) tea.Cmd {
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
	case scanned:
		if msg.gen == p.hits.gen {
			return p.scanned(msg)
		}
	case noted:
		if msg.gen == p.gen {
			return p.noted(msg)
		}
	case besidesLoaded:
		if msg.gen == p.asked {
			return p.besidesLoaded(msg)
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
		p.wheel(wheel(msg))
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
	p.deck, p.frame, p.besides, p.ready = m.deck, m.frame, m.besides, true
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
	cmds = append(cmds, p.scan())
	if o := p.wish; o != nil {
		p.wish = nil
		if o.what == seek {
			o.from = p.survey.keyframeAt(o.to)
		}
		cmds = append(cmds, p.give(o))
	}
	return tea.Batch(cmds...)
}
