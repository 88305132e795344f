package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/recorder"
	"github.com/sallyport/sallyport/tui"
)

// exportCommand tells the command that exports a session, and is audited as
// such; to is what a person types before it.
func exportCommand(to string) func(access.Session, tui.ExportFormat) string {
	return func(s access.Session, f tui.ExportFormat) string {
		command := to + " export " + string(s.ID)
		if f != tui.ExportBundle {
			command += " --format " + string(f)
		}
		return command + " > " + tui.ExportFile(s, f)
	}
}

// sshTo is how people reach the bastion, HOST:PORT, with ssh.
func sshTo(advertise string) string {
	host, port, err := net.SplitHostPort(advertise)
	if err != nil {
		return "ssh " + advertise
	}
	if port == "22" {
		return "ssh " + host
	}
	return "ssh -p " + port + " " + host
}

// atSocket is how the admin of last resort types a command; named is their
// --config.
func atSocket(named string) string {
	if named == "" {
		return "sallyport"
	}
	return "sallyport --config '" + strings.ReplaceAll(named, "'", `'\''`) + "'"
}

// exportCopy writes a copied recording to a new file of this machine.
func exportCopy(ids recorder.Identities) func(context.Context, access.Session, tui.ExportFormat, string) error {
	return func(ctx context.Context, s access.Session, format tui.ExportFormat, name string) error {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return access.Refuse(access.ReasonMalformed, "there is a file of that name", "Name another")
		}
		if err != nil {
			return access.Fail(access.ReasonMalformed, "the file cannot be made: "+plainCause(err), "Name another", err)
		}
		if err := errors.Join(console.ExportFolder(ctx, f, s.Recording, string(format), ids), f.Close()); err != nil {
			return errors.Join(err, os.Remove(name)) // it is ours, and not whole
		}
		return nil
	}
}

// plainCause is what the system said of a file, without its name.
func plainCause(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return access.Plain(fmt.Sprint(err), 100)
}
