package recorder

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/sallyport/sallyport/access"
)

// In the sidecar of an encrypted recording are, beside its first line, only
//
//	{"facts":{…}}
//	    whose session it is, without its command: what a start after a crash
//	    needs to know where the database does not;
//	{"block":N,"at":SECONDS,"files":[…],"streams":[{"name":S,"bytes":N}],"chain":HEX}
//	    blocks, as in any sidecar. Files are tails, NNNN.tail.enc even while
//	    the last of them is tail.enc, and segments once they have taken a
//	    tail's place. Of streams only the length is told, for a digest of
//	    content would confirm a guess at it.

// hide has the notes go into c from now on.
func (s *sidecar) hide(session access.Session, c *crypt) error {
	facts, err := json.Marshal(factsOf(session))
	if err != nil {
		return err
	}
	line := append([]byte(`{"facts":`), facts...)
	if err := s.note(append(line, "}\n"...)); err != nil {
		return err
	}
	s.hidden = c.file(sidecarName)
	return nil
}

// noteStreams keeps, hidden, the digests of streams beyond their limit.
func (s *sidecar) noteStreams(b []byte, streams []*stream) error {
	if s.hidden == nil {
		return nil
	}
	b = append(b, `{"hashed":true`...)
	b, n := appendStreams(b, streams)
	if n == 0 {
		return nil
	}
	return s.note(append(b, "}\n"...))
}

// appendCounts appends the member "streams" with lengths alone.
func appendCounts(b []byte, streams []*stream) []byte {
	n := 0
	for _, st := range streams {
		if st.bytes == 0 {
			continue
		}
		if n++; n == 1 {
			b = append(b, `,"streams":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, `{"name":"`...)
		b = append(b, st.name...)
		b = append(b, `","bytes":`...)
		b = strconv.AppendInt(b, st.bytes, 10)
		b = append(b, '}')
	}
	if n > 0 {
		b = append(b, ']')
	}
	return b
}

// blockOf closes a block over files that are whole.
func (s *sidecar) blockOf(b []byte, micros int64, files []FileDigest) error {
	b = append(b, `{"block":`...)
	b = strconv.AppendUint(b, s.blocks+1, 10)
	b = append(b, `,"at":`...)
	b = appendSeconds(b, micros)
	b = append(b, `,"files":[`...)
	for i, f := range files {
		b = appendSpan(b, i, f.Name, f.Bytes)
		b = append(b, f.SHA256...)
		b = append(b, `"}`...)
	}
	return s.close(append(b, ']'))
}

// encrypt makes a recording that is about to be created an encrypted one.
func (rec *Recording) encrypt(to Recipients) error {
	key, wrapped, err := newSessionKey(rec.session.ID, to)
	if err != nil {
		return err
	}
	rec.crypt = &crypt{
		dir: rec.dir, reserve: &rec.r.reserve, now: rec.r.config.Now, key: key, wrapped: wrapped,
		command: rec.session.Command, last: firstTag(rec.session.BastionID, rec.session.ID),
	}
	rec.session.Command = ""
	return nil
}

// create puts the wrapped key on disk: without it nothing could be read.
func (c *crypt) create() error {
	if err := replaceFile(c.dir, keyFile, c.wrapped, c.reserve); err != nil {
		return err
	}
	d, err := digestFile(c.dir, keyFile)
	c.made = append(c.made, d)
	return err
}

// abandon removes what create and the first frame made.
func (c *crypt) abandon() error {
	var errs []error
	if c.tail != nil {
		errs = append(errs, c.tail.f.Close())
	}
	for _, name := range []string{tailName, keyFile, keyFile + ".tmp"} {
		if err := os.Remove(filepath.Join(c.dir, name)); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
