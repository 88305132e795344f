package console

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

func (s *set) export() *cobra.Command {
	from := &copied{paths: s.paths}
	var format, to string
	options := "[--format tar|cast|v3|txt]"
	if s.files || s.paths {
		options += " [--to FILE]"
	}
	cmd := s.command(spec{
		name:    "export",
		args:    []string{from.argument("ID")},
		options: options,
		copied:  from,
		short:   "write a recording to standard output, as a tar",
		long: `Writes a recording as a tar archive that explains itself elsewhere: the cast, its
proof, its events and the signed manifest as they are, a page that plays it in a
browser (player.html), the session, the request with its decisions, the rows of the
audit chain about it, public keys, and a README. Sessions that still run have none
yet. That you exported it is kept as an audit event.

    tar   all of it
    cast  session.cast alone, asciicast v2
    v3    the same as asciicast v3
    txt   each line that stood on the screen once, as plain text` + from.about(),
		examples: []string{"export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 > recording.tar", "export 01KAZ4T9V5J8M2N3P4Q5R6S7T8 --format txt"},
		who:      auditor | local,
	}, func(c *call, args []string) error {
		if !slices.Contains([]string{formatTar, formatCast, formatV3, formatText}, format) {
			return misfit("--format", format, "tar, cast, v3 or txt")
		}
		if to != "" {
			return c.writingTo(to, func() error { return c.export(from, args, format) })
		}
		if c.Terminal != nil && format != formatText {
			where := "redirect it: export ID > recording.tar"
			if s.files {
				where = "name a file: export ID --to recording.tar"
			} else if c.stay != nil {
				where = "from where you are, ssh bastion export ID > recording.tar"
			}
			return &usageError{text: "an archive is nothing for a terminal; " + where}
		}
		return c.export(from, args, format)
	})
	cmd.Flags().StringVar(&format, "format", formatTar, "write it as `FORMAT`")
	if s.files || s.paths {
		cmd.Flags().StringVar(&to, "to", "", "of what is on this machine: write it to `FILE`, which must not be there yet")
	}
	from.declareIdentity(cmd)
	return cmd
}

// Formats of exports.
const (
	formatTar  = "tar"
	formatCast = "cast"
	formatV3   = "v3"
	formatText = "txt"
)

// export writes the recording that the arguments name.
func (c *call) export(from *copied, args []string, format string) error {
	if from.path != "" {
		return c.exportCopy(from, format)
	}
	found, err := c.ended(args[0])
	if err != nil {
		return err
	}
	event := viewing("export", found)
	event.Detail["format"] = format
	if err := c.record(event, nil); err != nil {
		return err
	}
	if format == formatTar {
		return c.exportBundle(found)
	}
	return c.exportAs(format, filepath.Join(c.Recordings, filepath.FromSlash(found.Recording)), nil, found)
}

// writingTo runs do with a new file for standard output. What failed leaves no
// file.
func (c *call) writingTo(name string, do func() error) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return access.Fail(access.ReasonInternal, access.Plain("cannot write: "+err.Error(), 300), "Name another file", err)
	}
	out := c.page
	c.Stdout, c.page = f, &page{w: f, now: out.now}
	if err = errors.Join(do(), c.page.err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	c.page = out
	out.linef("written to %s", name)
	return out.err
}

// exportAs writes a recording in another format than an archive.
func (c *call) exportAs(format, folder string, ids recorder.Identities, s access.Session) error {
	r, err := recorder.OpenWith(folder, ids)
	if err != nil {
		return unreadable(s, err)
	}
	defer r.Close()
	switch format {
	case formatCast:
		err = r.CopyTo(c.Stdout)
	case formatV3:
		err = recorder.WriteV3(c.Stdout, r, s.ExitStatus)
	default:
		err = c.transcribe(&movie{cast: r, part: whole, terminal: r.Header.Facts == nil || r.Header.Facts.Terminal})
	}
	if err == nil && r.Broken != nil {
		err = r.Broken
	}
	if err != nil {
		return unreadable(s, err)
	}
	return nil
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
		return found, access.Refuse(access.ReasonNotFound, "this session still runs, its recording is not closed", "watch follows it; or wait for its end").About(string(id))
	}
	return found, nil
}

// exportTar writes the regular files of a recording's folder under the
// session's ID. The folder is opened as a root: a link in it leads nowhere.
func exportTar(w io.Writer, dir string, s access.Session) error {
	archive := tar.NewWriter(w)
	if err := addRecording(archive, dir, s); err != nil {
		return unreadable(s, err)
	}
	return archive.Close()
}

func addRecording(archive *tar.Writer, dir string, s access.Session) error {
	all, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer all.Close()
	folder, err := all.OpenRoot(s.Recording)
	if err != nil {
		return err
	}
	defer folder.Close()
	return addFolder(archive, folder, "", string(s.ID))
}

// addFolder adds the regular files of a folder, and, at the top, those of the
// folder that a bundle has beside them.
func addFolder(archive *tar.Writer, folder *os.Root, at, to string) error {
	names, err := fs.ReadDir(folder.FS(), path.Join(".", at))
	if err != nil {
		return err
	}
	for _, name := range names {
		if name.Type().IsRegular() {
			err = addFile(archive, folder, to, path.Join(at, name.Name()))
		} else if name.IsDir() && at == "" && name.Name() == "about" {
			err = addFolder(archive, folder, name.Name(), to)
		}
		if err != nil {
			return err
		}
	}
	return nil
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
