package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	frameEvery  = time.Second / 25
	followEvery = 300 * time.Millisecond
)

var (
	speeds = []float64{0.25, 0.5, 1, 2, 4, 8, 16, 32, 64}
	idles  = []time.Duration{0, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second}
)

type playerTick struct{ gen generation }

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

// length is how long the recording is, as far as is known.
func (p *player) length() time.Duration {
	if p.survey.through && !p.live() {
		return max(p.survey.length, p.frame.at)
	}
	return max(p.survey.length, p.frame.at, age(p.session, p.now()))
}

func (p *player) pause() tea.Cmd {
	p.follow = false
	if p.playing = !p.playing; !p.playing {
		return nil
	}
	if p.ended && !p.live() {
		p.ended = false
		return tea.Batch(p.goTo(0), p.startTicking())
	}
	return p.startTicking()
}
