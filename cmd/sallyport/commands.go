package main

import (
	"context"
	"errors"
	"flag"
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
	var reindexJSON bool
	var opening tuiFlags
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
				"turn AuthorizedKeysFile off there.\n\n" +
				"With ca.kind local the key lies in data_dir. If there is none yet it is made, so\n" +
				"that hosts can have the line before the first start; but never for another user\n" +
				"than the one who runs this.",
			Run: func(ctx context.Context, config string, _ []string) error { return printCA(ctx, config, std) },
		},
		{
			Name: "demo", Short: "try it: a bastion, hosts, people and a stand-in for Slack, all on loopback",
			Flags: demoing.declare,
			Run:   func(ctx context.Context, _ string, _ []string) error { return demo(ctx, demoing, std) },
		},
		{
			Name: "tui", Args: []string{"[DIR]"}, Short: "browse and replay recordings on this machine",
			Long: "Opens the database and the recordings of the configuration for reading; the\n" +
				"server need not run. With DIR: the recordings in a folder that was copied from a\n" +
				"bastion, and nothing else; the key of --identity opens encrypted ones.\n\n" +
				"With --plain it prints lines instead of drawing, for a screen reader or a braille\n" +
				"display: type sessions, search, replay, verify, export, and help. Lists number\n" +
				"their rows, and a number stands for the session beside it (\"replay 3\"). Where\n" +
				"TERM is dumb it does so by itself. Only \"ssh bastion\" has the commands that\n" +
				"change something, and \"sallyport COMMAND\".",
			Examples: []string{"tui", "tui --identity ~/.ssh/id_ed25519 ./copy", "tui --plain --trust recording-keys.pub ./copy"},
			Flags:    opening.declare,
			Run: func(ctx context.Context, config string, args []string) error {
				opening.plain = opening.plain || wantsLines()
				if len(args) > 0 {
					return browseCopy(ctx, args[0], opening, std)
				}
				return browse(ctx, config, opening.plain, std)
			},
		},
		{
			Name: "reindex", Short: "make the lists of sessions and files anew from the recordings",
			Long: "For a database that is lost or older than the recordings. Reads each recording's\n" +
				"manifest, checks its signature with the keys in data_dir, and replaces the\n" +
				"database's sessions and ledgers by what it finds; requests, grants, locks and the\n" +
				"audit chain stay as they are, and in a new database there are none. The server\n" +
				"must not run, and the user must be the server's own. It changes no recording.\n" +
				"Exit status 1 if there was a file that could not be used, which is then named.",
			Flags: func(f *flag.FlagSet) {
				f.BoolVar(&reindexJSON, "json", false, "print what came of it as JSON")
			},
			Run: func(ctx context.Context, config string, _ []string) error {
				return reindex(ctx, config, reindexJSON, std)
			},
		},
		vaultCommands(std),
		{
			Name: "version", Short: "print the version",
			Run: func(context.Context, string, []string) error {
				_, err := fmt.Fprintln(std.out, "sallyport", version)
				return err
			},
		},
	}
}

// tuiFlags is the flags of tui.
type tuiFlags struct {
	identity, trust string
	plain           bool
}

func (o *tuiFlags) declare(f *flag.FlagSet) {
	f.StringVar(&o.identity, "identity", "", "with DIR: decrypt with `KEY`, a file of age identities or an SSH private key")
	f.StringVar(&o.trust, "trust", "", "with DIR and --plain: verify trusts the public keys in `PUBLICKEYS`, a file or a folder")
	f.BoolVar(&o.plain, "plain", false, "print lines, and draw nothing")
}

// printCA prints the user CA's public key.
func printCA(ctx context.Context, named string, std stdio) error {
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return err
	}
	keys, err := userCAKeys(ctx, config)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if _, err := fmt.Fprintln(std.out, certs.AuthorizedLine(key, "sallyport user CA")); err != nil {
			return err
		}
	}
	return nil
}

// browse is the auditor's view of this machine's data directory. Who may read
// that directory may see everything in it anyway.
func browse(ctx context.Context, named string, inLines bool, std stdio) error {
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.database()); err != nil {
		return fmt.Errorf("there is no database yet: %w", err)
	}
	s, err := store.OpenForReading(ctx, storeConfig(config))
	if err != nil {
		return err
	}
	if inLines {
		return errors.Join(plainHere(ctx, config, s, std), s.Close())
	}
	folder := func(r string) string { return filepath.Join(config.recordings(), filepath.FromSlash(r)) }
	err = tui.Run(ctx, tui.Config{
		Actor: access.Actor{LocalUID: os.Getuid(), Via: access.ViaSocket},
		Roles: tui.Roles{Auditor: true}, Sessions: s, Requests: s, Search: s.Search, Files: files(s), Notes: s.Notes,
		ExportCommand: exportCommand(atSocket(named)),
		Open:          openRecording(folder), Trail: trails(folder),
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
