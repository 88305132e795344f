package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/recorder"
)

// copied is a folder with recordings that was copied from a bastion: of one
// session, of many, or a whole data directory. The binary's own command line
// reads it without a server, where an ID would go to the server.
type copied struct {
	paths    bool // whether a command line may name one: not over SSH
	after    int  // how many arguments come before it
	only     bool // it is a path if it is there: no ID is expected
	path     string
	trust    string // --trust
	identity string // --identity
	ids      recorder.Identities
}

// Copy is the folder whose sessions a shell is about ("sallyport tui --plain
// DIR"): commands that take an ID read what lies there.
type Copy struct {
	Dir        string
	Trust      string              // public keys, a file or a folder; empty for none
	Identities recorder.Identities // of encrypted recordings; nil for none
}

// means has a command read the folder of the session that its argument names;
// the whole copy, if it names none.
func (o *Copy) means(c *call, k *copied, args []string) error {
	k.path, k.trust, k.ids = o.Dir, o.Trust, o.Identities
	if k.only || len(args) <= k.after {
		return nil
	}
	found, err := c.ended(args[k.after])
	k.path = filepath.Join(c.Recordings, filepath.FromSlash(found.Recording))
	return err
}

// identities are those that the path is read with.
func (k *copied) identities() (recorder.Identities, error) {
	if k.ids != nil {
		return k.ids, nil
	}
	return ReadIdentities(k.identity)
}

// argument is the name of an argument that may be an ID, and here also a path.
func (k *copied) argument(name string) string {
	if k.paths {
		return strings.Replace(name, "ID", "ID|PATH", 1)
	}
	return name
}

// declareTrust adds the option of a command that verifies a path.
func (k *copied) declareTrust(cmd *cobra.Command) {
	if k.paths {
		cmd.Flags().StringVar(&k.trust, "trust", "", "with a path: the public keys in `PUBLICKEYS`, a file or a folder, are trusted")
	}
}

// declareIdentity adds the option of a command that reads a path.
func (k *copied) declareIdentity(cmd *cobra.Command) {
	if k.paths {
		cmd.Flags().StringVar(&k.identity, "identity", "", "with a path: decrypt with `KEY`, a file of age identities or an SSH private key")
	}
}

// ReadIdentities reads the file that --identity names: age identities, or an
// SSH private key, whose passphrase is asked for on the terminal. No name gives
// none.
func ReadIdentities(file string) (recorder.Identities, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, cannotRead("--identity", err)
	}
	ids, err := recorder.ParseIdentities(data, askPassphrase(file))
	return ids, cannotRead("--identity", err)
}

// askPassphrase asks for that of a key, on the terminal of this process.
func askPassphrase(of string) func() ([]byte, error) {
	return func() ([]byte, error) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return nil, errors.New("the key has a passphrase, and there is no terminal to ask for it")
		}
		defer tty.Close()
		fmt.Fprintf(tty, "Passphrase of %s: ", access.Plain(of, 200))
		defer fmt.Fprintln(tty)
		return term.ReadPassword(int(tty.Fd()))
	}
}

// about is what the help says of paths.
func (k *copied) about() string {
	if !k.paths {
		return ""
	}
	return "\n\nA PATH instead of an ID is a folder that was copied from a bastion; it is read\nhere, without a server. A name without a slash that looks like an ID is one:\nwrite ./NAME for a folder of that name."
}

// names reports whether args name a path rather than an ID.
func (k *copied) names(args []string) bool {
	if !k.paths || len(args) <= k.after {
		return false
	}
	arg := args[k.after]
	if !k.only && k.trust == "" && k.identity == "" && !strings.ContainsRune(arg, filepath.Separator) {
		if access.ValidID(arg) {
			return false
		}
		if _, err := os.Stat(arg); err != nil {
			return false
		}
	}
	k.path = filepath.Clean(arg)
	return true
}

// trusted reads the keys of --trust: lines as in recording-KEYID.pub, or the
// .pub files of a folder.
func (k *copied) trusted() (recorder.Trust, error) {
	if k.trust == "" {
		text := "a path needs --trust PUBLICKEYS: keys that lie beside the recordings prove nothing, so have them from elsewhere"
		if !k.paths {
			text = "the copy was opened without --trust PUBLICKEYS: keys that lie beside the recordings prove nothing, so have them from elsewhere"
		}
		return nil, &usageError{text: text}
	}
	info, err := os.Stat(k.trust)
	if err != nil {
		return nil, cannotRead("--trust", err)
	}
	if info.IsDir() {
		trust, err := recorder.ReadTrust(k.trust)
		if err == nil && len(trust) == 0 {
			err = fmt.Errorf("%s: no public key of recordings in it", k.trust)
		}
		return trust, cannotRead("--trust", err)
	}
	data, err := os.ReadFile(k.trust)
	if err != nil {
		return nil, cannotRead("--trust", err)
	}
	trust, err := recorder.ParseTrust(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", k.trust, err)
	}
	return trust, cannotRead("--trust", err)
}

// cannotRead says in one line that something named on the command line cannot
// be read.
func cannotRead(what string, err error) error {
	if err == nil {
		return nil
	}
	return access.Fail(access.ReasonNotFound, access.Plain(what+" cannot be read: "+err.Error(), 300), "Name another", err)
}

// one finds the folder of the one recording that the path is.
func (k *copied) one() (string, error) {
	info, err := os.Stat(k.path)
	switch {
	case err != nil:
		return "", cannotRead("the recording", err)
	case !info.IsDir() || recorder.IsFolder(k.path):
		return k.path, nil
	}
	var found []string
	err = filepath.WalkDir(k.path, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && recorder.IsFolder(path) {
			found = append(found, path)
			return fs.SkipDir
		}
		return err
	})
	switch {
	case err != nil:
		return "", cannotRead("the recording", err)
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return "", access.Fail(access.ReasonNotFound, access.Plain(k.path+" holds no recording", 300), "Name the folder of one", nil)
	}
	return "", &usageError{text: fmt.Sprintf("%s holds %d recordings: name the folder of one", k.path, len(found))}
}

// here makes a call that runs in this process, for whoever started it: there
// is no server, no policy and nobody to ask. Its commands are those that take
// a path.
func (p Program) here(ctx context.Context) *call {
	size := terminalSize(p.Stdout)
	in := Call{
		Actor:  access.Actor{Via: access.ViaSocket, LocalUID: os.Getuid()},
		Stdout: p.Stdout, Stderr: p.Stderr, Terminal: size, Color: p.color(size), Plain: p.Env("TERM") == "dumb",
	}
	page := &page{w: p.Stdout, color: in.Color, now: time.Now()}
	if in.draws() {
		page.cols = size.Cols
	}
	return &call{
		Call: in, Console: New(Config{Now: time.Now, Log: slog.New(slog.DiscardHandler)}),
		ctx: ctx, roles: local, page: page,
	}
}
