package screens

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder"
)

// Reading says what to take from a recording.
type Reading struct {
	// Text gets the segments, in order; nil for none. Its error ends it.
	Text func(access.TextSegment) error
	// MaxText bounds the text, in bytes; 0 for no bound.
	MaxText int64
	// Keyframes has session.kf written anew.
	Keyframes bool
	// With opens an encrypted recording; without it [recorder.ErrEncrypted] is
	// the error.
	With recorder.Identities
	// Pause is called after each piece of work, of some milliseconds at most,
	// so that it need not be done all at once; nil for no pause. Its error
	// ends it.
	Pause func() error
}

// Outcome is what came of it.
type Outcome struct {
	Text   int64         // bytes of text that were given
	Cut    bool          // MaxText was reached
	Until  time.Duration // as far as text was taken
	Length time.Duration // of the recording
	Faults int           // lines that could not be read
	// KeyframeFault is why there is no session.kf, which is no reason not to
	// have the text.
	KeyframeFault error
}

// errEnough ends the taking of text.
var errEnough = errors.New("enough text")

// workBytes is how much output is played between pauses: some milliseconds.
const workBytes = 64 << 10

// Play goes through a closed recording once. It needs memory for a few screens,
// however long the recording. s is its session, for what the files do not say.
func (r Reading) Play(ctx context.Context, dir string, s access.Session) (out Outcome, err error) {
	cast, err := recorder.OpenWith(dir, r.With)
	if err != nil {
		return out, err
	}
	defer cast.Close()
	if cast.Broken != nil {
		out.Faults++
	}
	p := &playing{Reading: r, ctx: ctx, out: &out, dir: dir, cast: cast, kind: s.Kind, terminal: s.Terminal}
	if err := p.files(s); err != nil {
		return out, err
	}
	return out, p.screens()
}

// playing is a Reading under way.
type playing struct {
	Reading
	ctx      context.Context
	out      *Outcome
	dir      string
	cast     *recorder.Reader
	kind     access.Kind
	terminal bool // else the output is text, whose lines end in \n alone
	screen   *vt.Screen
	text     *text // nil when none is wanted, or no more
	frames   *frameWriter
	plain    plainText // with no terminal
	worked   int
}

// files gives what is not on the screen: the command line that was sent, and
// the ledger of files.
func (p *playing) files(s access.Session) error {
	if p.Text == nil {
		return nil
	}
	if s.Kind == access.KindExec && s.Command != "" {
		line := clean(access.Plain(s.Command, maxStated))
		if err := p.give(access.TextSegment{Source: access.TextExec, Lines: []access.TextLine{{Text: line}}}); err != nil && err != errEnough {
			return err
		}
	}
	err := recorder.BatchTransfers(p.dir, s.ID, func(batch []access.Transfer) error {
		lines := make([]access.TextLine, len(batch))
		for i, t := range batch {
			lines[i] = access.TextLine{At: t.At, Text: t.String()}
		}
		if err := p.give(access.TextSegment{Source: access.TextFile, Lines: lines}); err != nil {
			return err
		}
		return p.pause()
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// give hands on a segment, up to MaxText.
func (p *playing) give(s access.TextSegment) error {
	if p.out.Cut {
		return errEnough
	}
	for _, line := range s.Lines {
		p.out.Text += int64(len(line.Text))
	}
	if p.MaxText > 0 && p.out.Text > p.MaxText {
		p.out.Cut = true
		return errEnough
	}
	if err := p.Text(s); err != nil {
		return err
	}
	p.out.Until = max(p.out.Until, s.Lines[len(s.Lines)-1].At)
	return nil
}

func (p *playing) pause() error {
	p.worked = 0
	if err := p.ctx.Err(); err != nil {
		return context.Cause(p.ctx)
	}
	if p.Pause == nil {
		return nil
	}
	return p.Pause()
}

// screens plays the cast.
func (p *playing) screens() error {
	p.screen = vt.New(p.cast.Header.Width, p.cast.Header.Height)
	if p.Text != nil && !p.out.Cut && p.kind != access.KindSFTP { // whose cast shows the ledger, which is there already
		p.text = newText(p.screen, p.give)
	}
	if p.Keyframes && p.terminal {
		if p.frames, p.out.KeyframeFault = newFrameWriter(p.dir); p.frames != nil {
			defer p.frames.discard()
		}
	}
	for e, err := range p.cast.Events() {
		var bad *recorder.LineError
		if errors.As(err, &bad) {
			p.out.Faults++
			continue
		}
		if err == nil {
			err = p.event(e)
		}
		if err != nil {
			return err
		}
	}
	if p.text != nil {
		p.text.shell.flush()
		if err := p.withoutMore(p.text.end()); err != nil {
			return err
		}
	}
	if p.frames != nil {
		p.out.KeyframeFault = p.frames.finish()
	}
	return nil
}

// withoutMore stops taking text when there was enough.
func (p *playing) withoutMore(err error) error {
	if !errors.Is(err, errEnough) {
		return err
	}
	p.text.shell.flush()
	p.text, p.screen.Departing = nil, nil
	return nil
}

// event plays one.
func (p *playing) event(e recorder.TimedEvent) error {
	p.out.Length = max(p.out.Length, e.At)
	if p.text != nil {
		if err := p.withoutMore(p.text.advance(p.out.Length)); err != nil {
			return err
		}
	}
	switch e.Code {
	case recorder.CodeOutput:
		p.output(e.Data)
	case recorder.CodeResize:
		resize(p.screen, e.Data)
	}
	if p.frames != nil && (p.text == nil || len(p.text.shell.held) == 0) { // else the screen is not up to date
		if err := p.frames.after(p.screen, e, p.out.Length); err != nil {
			p.frames.discard()
			p.frames, p.out.KeyframeFault = nil, err
		}
	}
	if p.worked += len(e.Data) + 64; p.worked >= workBytes {
		return p.pause()
	}
	return nil
}

func (p *playing) output(data string) {
	if !p.terminal {
		if data = p.plain.filter(data); data == "" {
			return
		}
	}
	if p.text != nil {
		p.text.shell.write([]byte(data))
		return
	}
	_, _ = p.screen.Write([]byte(data)) // a screen takes everything
}

// resize acts on the data of a resize event.
func resize(screen *vt.Screen, data string) {
	var cols, rows int
	if n, _ := fmt.Sscanf(data, "%dx%d", &cols, &rows); n == 2 {
		screen.Resize(cols, rows) // within bounds of its own
	}
}
