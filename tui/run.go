package tui

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"
)

// framesPerSecond bounds what is sent over a slow link; only cells that
// changed are sent at all.
const framesPerSecond = 30

// Run shows the interface until the person leaves, the input ends or ctx is
// done. It restores the terminal in each case; leaving is no error, and
// neither is the end of input or ctx. When it returns, a goroutine may still
// be blocked reading In; it ends with the next byte or when In is closed.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	env := terminalEnv(cfg.Terminal.Env)
	options := []tea.ProgramOption{
		tea.WithContext(ctx),
		tea.WithEnvironment(env),
		tea.WithColorProfile(colorprofile.Env(env)),
		tea.WithFPS(framesPerSecond),
		tea.WithoutSignalHandler(), // signals are the process's; they arrive as the end of ctx
	}
	lender := newLender(ctx, cfg.Terminal, cancel)
	if isTerminal(cfg.Terminal.In) {
		options = append(options, tea.WithInput(cfg.Terminal.In))
		cfg.Connect = nil // a terminal of this machine is not lent
	}
	if isTerminal(cfg.Terminal.Out) {
		options = append(options, tea.WithOutput(cfg.Terminal.Out))
	} else {
		out := newOutput(ctx, cfg.Terminal.Out, cancel)
		defer out.stop()
		options = append(options, tea.WithOutput(out))
	}
	root := newRoot(ctx, cfg, env)
	root.shared.lender = lender
	defer root.shared.finish()
	defer root.close()
	// A trip takes the place of the program, which is begun anew after it:
	// bubbletea's own Exec may leave one that was paused for a moment without
	// a ticker, and so without frames.
	for {
		_, err := lender.program(root, options).Run()
		switch {
		case errors.Is(err, tea.ErrProgramPanic):
			return fmt.Errorf("tui: %w", err)
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("tui: %w", err)
		case root.shared.trip == nil:
			return nil
		}
		if root.travel(); ctx.Err() != nil {
			return nil
		}
	}
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}
