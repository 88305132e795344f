package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/store"
	"github.com/sallyport/sallyport/tui"
)

// commands are those that the binary alone has. All others run in the server.
func commands(std stdio) []console.Command {
	var demoing demoFlags
	return []console.Command{
		{
			Name: "serve", Short: "run the bastion",
			Long: "Reads sallyport.yaml and the access file that it names, and serves until it is\n" +
				"interrupted. It logs to standard error and prints one line with its addresses\n" +
				"to standard output when it is ready. SIGHUP has the access file read again.",
			Run: func(ctx context.Context, config string, _ []string) error {
				return serve(ctx, configPath(config), std)
			},
		},
		{
			Name: "check", Short: "check the configuration",
			Long: "Prints every fault of sallyport.yaml and of the access file that it names, with\n" +
				"file, line and key, and then the warnings. Exit status 1 if there is a fault.",
			Run: func(_ context.Context, config string, _ []string) error {
				if status := runCheck(configPath(config), std.out, std.err); status != 0 {
					return console.ExitError(status)
				}
				return nil
			},
		},
		{
			Name: "ca", Short: "print the line for TrustedUserCAKeys on hosts",
			Long: "Prints the public key that signs the certificates the bastion logs in with. Put\n" +
				"it into the file that TrustedUserCAKeys names in sshd_config on each host, and\n" +
				"turn AuthorizedKeysFile off there.",
			Run: func(ctx context.Context, config string, _ []string) error { return printCA(ctx, config, std) },
		},
		{
			Name: "demo", Short: "try it: a bastion, hosts, people and a stand-in for Slack, all on loopback",
			Flags: demoing.declare,
			Run:   func(ctx context.Context, _ string, _ []string) error { return demo(ctx, demoing, std) },
		},
		{
			Name: "tui", Short: "browse and replay recordings on this machine",
			Long: "Opens the database and the recordings of the configuration for reading; the\n" +
				"server need not run.",
			Run: func(ctx context.Context, config string, _ []string) error { return browse(ctx, config, std) },
		},
		{
			Name: "version", Short: "print the version",
			Run: func(context.Context, string, []string) error {
				_, err := fmt.Fprintln(std.out, "sallyport", version)
				return err
			},
		},
	}
}

// printCA prints the user CA's public key.
func printCA(ctx context.Context, named string, std stdio) error {
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return err
	}
	key, err := userCA(ctx, config)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, certs.AuthorizedLine(key, "sallyport user CA"))
	return err
}

// browse is the auditor's view of this machine's data directory. Who may read
// that directory may see everything in it anyway.
func browse(ctx context.Context, named string, std stdio) error {
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.database()); err != nil {
		return fmt.Errorf("there is no database yet: %w", err)
	}
	s, err := store.Open(ctx, store.Config{Path: config.database(), BastionID: config.BastionID, Now: time.Now})
	if err != nil {
		return err
	}
	err = tui.Run(ctx, tui.Config{
		Actor: access.Actor{LocalUID: os.Getuid(), Via: access.ViaSocket},
		Roles: tui.Roles{Auditor: true}, Sessions: s,
		Open:     openRecording(func(r string) string { return filepath.Join(config.recordings(), filepath.FromSlash(r)) }),
		Terminal: tui.Terminal{In: std.in, Out: std.out, Env: os.Environ()},
		Now:      time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		err = fmt.Errorf("user interface: %w", err)
	}
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}

// openRecording opens the recording of a session; folder finds it.
func openRecording(folder func(string) string) func(context.Context, access.Session) (tui.Recording, error) {
	return func(_ context.Context, s access.Session) (tui.Recording, error) {
		return tui.OpenFolder(folder(s.Recording))
	}
}
