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
	if size := cfg.Terminal.Size; size.Cols > 0 && size.Rows > 0 {
		options = append(options, tea.WithWindowSize(size.Cols, size.Rows))
	}
	if isTerminal(cfg.Terminal.In) {
		options = append(options, tea.WithInput(cfg.Terminal.In))
	} else {
		options = append(options, tea.WithInput(newInput(ctx, cfg.Terminal.In, cancel)))
	}
	if isTerminal(cfg.Terminal.Out) {
		options = append(options, tea.WithOutput(cfg.Terminal.Out))
	} else {
		out := newOutput(ctx, cfg.Terminal.Out, cancel)
		defer out.stop()
		options = append(options, tea.WithOutput(out))
	}
	root := newRoot(ctx, cfg, env)
	program := tea.NewProgram(root, options...)
	go forwardResizes(ctx, program, cfg.Terminal.Resizes)

	_, err := program.Run()
	root.close()
	root.shared.finish()
	if errors.Is(err, tea.ErrProgramPanic) {
		return fmt.Errorf("tui: %w", err)
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("tui: %w", err)
	}
	return nil
}

func forwardResizes(ctx context.Context, program *tea.Program, resizes <-chan Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, ok := <-resizes:
			if !ok {
				return
			}
			program.Send(tea.WindowSizeMsg{Width: size.Cols, Height: size.Rows})
		}
	}
}

func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(f.Fd())
}
