package console

import (
	"archive/tar"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
)

func (s *set) export() *cobra.Command {
	from := &copied{paths: s.paths}
	return s.command(spec{
		name:   "export",
		args:   []string{from.argument("ID")},
		copied: from,
		short:  "write a recording to standard output, as a tar",
		long: `Writes the folder of a recording as a tar archive: the cast that any asciicast
player plays, its proof, its events and the signed manifest. Sessions that still
run have none yet. That you exported it is kept as an audit event.` + from.about(),
		examples: []string{"export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > recording.tar"},
		who:      auditor | local,
	}, func(c *call, args []string) error {
		if c.Terminal != nil {
			return &usageError{text: "an archive is nothing for a terminal; redirect it: export ID > recording.tar"}
		}
		if from.path != "" {
			return c.exportCopy(from)
		}
		found, err := c.ended(args[0])
		if err != nil {
			return err
		}
		if err := c.record(viewing("export", found), nil); err != nil {
			return err
		}
		return exportTar(c.Stdout, c.Recordings, found)
	})
}

// viewing is the audit event of somebody who looks at a recording. It comes
// before they see anything.
func viewing(command string, s access.Session) audit.Event {
	return audit.Event{
		Kind: audit.RecordingViewed, Session: string(s.ID), Host: s.Target.Host, Login: s.Target.Login,
		Detail: map[string]string{"command": command, "of": string(s.Person)},
	}
}

// ended finds a session that is over.
func (c *call) ended(typed string) (access.Session, error) {
	id, err := idOf[access.SessionID]("session", typed)
	if err != nil {
		return access.Session{}, err
	}
	found, err := c.Store.Session(c.ctx, id)
	if err != nil {
		return found, err
	}
	if found.State == access.SessionLive {
		return found, access.Refuse(access.ReasonNotFound, "this session still runs, its recording is not closed", "Wait for its end").About(string(id))
	}
	return found, nil
}

// exportTar writes the regular files of a recording's folder under the
// session's ID. The folder is opened as a root: a link in it leads nowhere.
func exportTar(w io.Writer, dir string, s access.Session) error {
	gone := func(err error) error {
		return access.Fail(access.ReasonRecording, "the recording cannot be read", "Ask the operator to look at the log", err).About(string(s.ID))
	}
	all, err := os.OpenRoot(dir)
	if err != nil {
		return gone(err)
	}
	defer all.Close()
	folder, err := all.OpenRoot(s.Recording)
	if err != nil {
		return gone(err)
	}
	defer folder.Close()
	names, err := fs.ReadDir(folder.FS(), ".")
	if err != nil {
		return gone(err)
	}
	archive := tar.NewWriter(w)
	for _, name := range names {
		if !name.Type().IsRegular() {
			continue
		}
		if err := addFile(archive, folder, string(s.ID), name.Name()); err != nil {
			return gone(err)
		}
	}
	return archive.Close()
}

// addFile puts one file into the archive, readable to whoever unpacks it and
// nobody else. Owner and group of the bastion are left out.
func addFile(archive *tar.Writer, folder *os.Root, id, name string) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: id + "/" + name, Size: info.Size(), Mode: 0o600, ModTime: info.ModTime(), Format: tar.FormatPAX,
	}); err != nil {
		return err
	}
	// A closed recording does not grow; should it, the header's word holds.
	_, err = io.CopyN(archive, f, info.Size())
	return err
}
