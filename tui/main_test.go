package tui_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/sallyport/sallyport/tui"
)

// TestMain runs the interface itself when it is asked to: the end-to-end tests
// start this binary again within a terminal.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TUI_TEST_WORLD"); dir != "" {
		if err := runWorld(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func runWorld(dir string) error {
	w, err := newWorld(dir)
	if err != nil {
		return err
	}
	began := time.Now()
	cfg := w.config()
	cfg.Now = func() time.Time { return start.Add(time.Since(began)) }
	cfg.Terminal = tui.Terminal{In: os.Stdin, Out: os.Stdout, Env: os.Environ()}
	return tui.Run(context.Background(), cfg)
}
