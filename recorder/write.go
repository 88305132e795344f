package recorder

import "fmt"

// writeOutput writes p as events of the cast, and what is beyond the limit to
// the tail. Notes go first: a note without its event is known as such by the
// length of the cast, an event without its note would have lost its bytes.
func (rec *Recording) writeOutput(s *stream, p []byte) error {
	record, beyond := s.split(p)
	b := getBuffer()
	defer putBuffer(b)
	at, size := rec.elapsed(), rec.cast.size
	events := int64(b.output(s, at, size, record, len(beyond) > 0))
	crossing := len(beyond) > 0 && s.tail == nil
	if crossing {
		b.event(at, 'm', beyondText(s))
		events++
	}
	if len(b.notes) > 0 {
		if err := rec.idx.note(b.notes); err != nil {
			return err
		}
	}
	if len(b.cast) > 0 {
		if err := rec.cast.append(b.cast); err != nil {
			return err
		}
	}
	rec.counts.Events += events
	if n := len(record); n > 0 {
		rec.midline = record[n-1] != '\n'
	}
	if crossing {
		rec.counts.Markers++
	}
	if err := rec.writeBeyond(s, len(record), beyond); err != nil {
		return err
	}
	s.count(p, len(record))
	return nil
}

// writeBeside writes p to the stream's own file, and what is beyond the limit
// to the tail.
func (rec *Recording) writeBeside(s *stream, p []byte) error {
	record, beyond := s.split(p)
	if s.limit < 0 {
		s.count(p, 0)
		return nil
	}
	if len(record) > 0 {
		b := getBuffer()
		defer putBuffer(b)
		b.beside(rec.elapsed(), s.code(), record)
		if err := rec.appendTo(&s.file, s.fileName(), b.cast); err != nil {
			return err
		}
	}
	if err := rec.writeBeyond(s, len(record), beyond); err != nil {
		return err
	}
	s.count(p, len(record))
	return nil
}

func (rec *Recording) writeBeyond(s *stream, recorded int, beyond []byte) error {
	if len(beyond) == 0 {
		return nil
	}
	if s.tail == nil {
		var c *cover
		if rec.crypt != nil {
			c = newCover(rec.crypt.key.ring)
		}
		t, err := newTail(rec.dir, s.name, s.bytes+int64(recorded), &rec.r.reserve, c)
		if err != nil {
			return err
		}
		s.tail = t
	}
	return s.tail.append(beyond)
}

func beyondText(s *stream) string {
	return fmt.Sprintf("%s: more than %d bytes; from here on digest, count and the last MiB", s.name, s.limit)
}
