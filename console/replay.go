package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/vt"
	"github.com/sallyport/sallyport/recorder"
)

// framesPerSecond is how often a replay draws at most.
const framesPerSecond = 25

func (s *set) replay() *cobra.Command {
	var speed float64
	var idle span
	var at, until instant
	var input bool
	from := &copied{paths: s.paths}
	cmd := s.command(spec{
		name:    "replay",
		args:    []string{from.argument("ID")},
		copied:  from,
		options: "[--at MOMENT] [--until MOMENT] [--input] [--speed FACTOR] [--idle TIME]",
		short:   "replay a recording",
		long: `On a terminal: plays the recording as it was seen, drawn from a screen that the
bastion keeps; nothing recorded reaches your terminal raw. q or Ctrl-C ends it.
Use "ssh -t bastion replay ID" to have a terminal, or "ssh -t bastion" to browse,
pause and seek.

Elsewhere: prints a transcript, each line that stood on the screen once, as plain
text. That you looked is kept as an audit event.

--at begins at a MOMENT of the recording, with what stood on the screen then, and
--until ends at one: 12m30s, 12:30, 750 (seconds) or 40%.

--input prints what was typed instead, line by line with its moment, where the
rule keeps it (record: {input: true}), and the input of a session without a
terminal. Passwords are masked as far as they could be told.` + from.about(),
		examples: []string{"replay 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --speed 4", "replay 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --at 12m30s", "replay 01KAZ4T9V5J8M2N3P4Q5R6S7T8 | less"},
		who:      auditor | local,
	}, func(c *call, args []string) error {
		if !(speed >= 0.1 && speed <= 1000) { // NaN is neither
			return misfit("--speed", fmt.Sprint(speed), "between 0.1 and 1000")
		}
		p := pace{speed: speed, idle: idle.Duration, at: at, until: until}
		if from.path != "" {
			return c.replayCopy(from, p, input)
		}
		found, err := c.ended(args[0])
		if err != nil {
			return err
		}
		folder := filepath.Join(c.Recordings, filepath.FromSlash(found.Recording))
		event := viewing("replay", found)
		if input {
			event.Detail["input"] = "true"
			if err := c.record(event, nil); err != nil {
				return err
			}
			return c.showInput(folder, nil, found, at, until)
		}
		r, err := recorder.Open(folder)
		if err != nil {
			return unreadable(found, err)
		}
		defer r.Close()
		if err := c.record(event, nil); err != nil {
			return err
		}
		return c.show(&movie{cast: r, terminal: found.Terminal}, found, p)
	})
	from.declareIdentity(cmd)
	cmd.Flags().Var(&at, "at", "begin there")
	cmd.Flags().Var(&until, "until", "end there")
	cmd.Flags().BoolVar(&input, "input", false, "print what was typed or sent in")
	cmd.Flags().Float64Var(&speed, "speed", 1, "on a terminal: play `FACTOR` times as fast")
	idle.Duration = 2 * time.Second
	cmd.Flags().Var(&idle, "idle", "on a terminal: shorten longer pauses to TIME")
	return cmd
}

// show plays m, which is of session s, or transcribes it.
func (c *call) show(m *movie, s access.Session, p pace) error {
	part, err := part(m.cast, p.at, p.until)
	if err != nil {
		return err
	}
	m.part = part
	if !c.draws() {
		err = c.transcribe(m)
	} else {
		err = c.project(m, p)
	}
	if err != nil {
		return unreadable(s, err)
	}
	if m.skipped > 0 {
		fmt.Fprintf(c.Stderr, "sallyport: %d lines of the recording cannot be read; verify says what is wrong with it (%s)\n", m.skipped, s.ID)
	}
	return nil
}

// movie is a recording while it is played.
type movie struct {
	cast *recorder.Reader
	// terminal: it was recorded on one. Without, its output is text, whose
	// lines end in \n alone.
	terminal bool
	part     stretch // that is shown
	skipped  int     // lines that cannot be read
	next     int64   // offset of what was not given yet; see [movie.more]
}

// screen is what the recording began on.
func (m *movie) screen() *vt.Screen { return vt.New(m.cast.Header.Width, m.cast.Header.Height) }

// events iterates over what can be read. An error ends it.
func (m *movie) events() iter.Seq2[recorder.TimedEvent, error] {
	return func(yield func(recorder.TimedEvent, error) bool) {
		for e, err := range m.cast.Events() {
			var bad *recorder.LineError
			if errors.As(err, &bad) {
				m.skipped++
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// play lets a screen follow the recording.
func (m *movie) play(screen *vt.Screen, e recorder.TimedEvent) {
	switch e.Code {
	case recorder.CodeOutput:
		if !m.terminal {
			e.Data = strings.ReplaceAll(e.Data, "\n", "\r\n")
		}
		screen.Write([]byte(e.Data)) // a Screen takes everything
	case recorder.CodeResize:
		var cols, rows int
		if n, _ := fmt.Sscanf(e.Data, "%dx%d", &cols, &rows); n == 2 {
			screen.Resize(cols, rows) // within bounds of its own
		}
	}
}

// transcribe prints the recording as plain lines.
func (c *call) transcribe(m *movie) error {
	begun := false
	t := newTranscript(m.screen(), func(line string) {
		if begun {
			c.page.write(line + "\n")
		}
	})
	defer func() {
		begun = true
		t.end()
	}()
	for e, err := range m.events() {
		if err != nil {
			return err
		}
		if c.page.err != nil || c.ctx.Err() != nil || e.At > m.part.until {
			return nil
		}
		begun = e.At >= m.part.from
		m.play(t.screen, e)
	}
	return nil
}

// pace is how fast a replay goes.
type pace struct {
	speed float64
	idle  time.Duration // the longest pause

	at, until instant // the part that is shown
}

// project plays the recording on the caller's terminal.
func (c *call) project(m *movie, p pace) error {
	ctx, stop := context.WithCancel(c.ctx)
	defer stop()
	go quitKeys(c.Stdin, stop)

	f := newFilm(m.screen(), *c.Terminal, c.Color)
	c.page.write(enterFilm)
	err := f.run(ctx, m, p, c.page)
	c.page.write(leaveFilm + f.still())
	cols, rows := f.screen.Size()
	if err == nil && (cols > f.cols || rows > f.rows) {
		c.page.linef("%s", fmt.Sprintf("it was recorded at %d×%d and cut to your %d×%d", cols, rows, f.cols, f.rows))
	}
	return err
}

// run draws until the recording or ctx ends.
func (f *film) run(ctx context.Context, m *movie, p pace, out *page) error {
	var at time.Duration   // of the recording, as played
	var owed time.Duration // still to wait for it
	for e, err := range m.events() {
		if err != nil {
			return err
		}
		if e.At > m.part.until {
			break
		}
		if e.At < m.part.from {
			at = e.At
			m.play(f.screen, e)
			continue
		}
		at = max(at, m.part.from)
		owed += time.Duration(float64(min(max(e.At-at, 0), p.idle)) / p.speed)
		at = max(at, e.At)
		// What falls into one frame is drawn together.
		if owed >= time.Second/framesPerSecond {
			out.write(f.frame())
			pause(ctx, owed)
			owed = 0
		}
		if out.err != nil || ctx.Err() != nil {
			return nil
		}
		m.play(f.screen, e)
	}
	out.write(f.frame())
	return nil
}

// quitKeys calls stop when a key that ends a replay is read. It returns when
// stdin ends, with the session at the latest.
func quitKeys(stdin io.Reader, stop func()) {
	if stdin == nil {
		return
	}
	var key [1]byte
	for {
		n, err := stdin.Read(key[:])
		if n > 0 && (key[0] == 'q' || key[0] == 3) {
			stop()
			return
		}
		if err != nil {
			return
		}
	}
}

// unreadable says that a recording cannot be shown.
func unreadable(s access.Session, err error) error {
	if errors.Is(err, recorder.ErrDeleted) {
		return access.Refuse(access.ReasonNotFound, "the recording was deleted", "verify says when and why").About(string(s.ID))
	}
	if errors.Is(err, recorder.ErrEncrypted) {
		return access.Refuse(access.ReasonRecording, "the recording is encrypted for its recipients",
			"Export it, and open it where your key is: sallyport replay FOLDER --identity KEY").About(string(s.ID))
	}
	return access.Fail(access.ReasonRecording, "the recording cannot be read", "verify says what is wrong with it", err).About(string(s.ID))
}
