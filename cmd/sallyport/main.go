// Command sallyport is the bastion: it reads the configuration, puts the
// packages together, and handles signals.
//
// It owns what belongs to the process alone: sallyport.yaml, wiring, HTTP
// health, the lock on the data directory, reloads, the demo. It refuses to
// hold any rule of access or any byte of a session: those are the packages'.
//
// Start reading at [build] in house.go, which joins everything once, and
// [house.run] in run.go, which says what runs and in which order it ends.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/sallyport/sallyport/console"
)

// version is set by the linker.
var version = "dev"

func main() {
	giveHeadroom()
	os.Exit(run(os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
}

// stdio is what a process is given.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// run is the whole program. Its result is the exit status.
func run(args []string, std stdio) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	program := console.Program{
		Version: version, Commands: commands(std), Socket: socketPath, Stopped: runStopped,
		Stdin: std.in, Stdout: std.out, Stderr: std.err, Env: os.Getenv,
	}
	return program.Run(ctx, args)
}

// configPath is the configuration that holds: what was named, else the one
// here, else the system's.
func configPath(named string) string {
	if named != "" {
		return named
	}
	const here = "sallyport.yaml"
	if _, err := os.Stat(here); err == nil {
		return here
	}
	const system = "/etc/sallyport/sallyport.yaml"
	if _, err := os.Stat(system); err == nil {
		return system
	}
	return here
}

// socketPath is where the server of a configuration answers the command line.

func socketPath(named string) (string, error) {
	c, _, err := loadConfig(configPath(named))
	if err != nil {
		return "", err
	}
	return c.socket(), nil
}

func (c *Config) socket() string     { return filepath.Join(c.DataDir, "sallyport.sock") }
func (c *Config) database() string   { return filepath.Join(c.DataDir, "sallyport.db") }
func (c *Config) recordings() string { return filepath.Join(c.DataDir, "recordings") }
func (c *Config) keys() string       { return filepath.Join(c.DataDir, "keys") }
func (c *Config) auditDir() string   { return filepath.Join(c.DataDir, "audit") }
