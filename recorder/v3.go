package recorder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// headerV3 is the first line of an asciicast v3.
type headerV3 struct {
	Version   int               `json:"version"`
	Term      termV3            `json:"term"`
	Timestamp int64             `json:"timestamp,omitempty"`
	Command   string            `json:"command,omitempty"`
	Title     string            `json:"title,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
}

type termV3 struct {
	Cols int    `json:"cols"`
	Rows int    `json:"rows"`
	Type string `json:"type,omitempty"`
}

// WriteV3 writes a cast as asciicast v3: times are intervals, and the exit
// status, where there was one, is the last event. Lines that cannot be read
// are left out.
func WriteV3(w io.Writer, r *Reader, exitStatus *int) error {
	out := bufio.NewWriter(w)
	h := headerV3{
		Version: 3, Term: termV3{r.Header.Width, r.Header.Height, r.Header.Env["TERM"]},
		Timestamp: r.Header.Timestamp, Command: r.Header.Command, Title: r.Header.Title, Env: r.Header.Env,
	}
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	last := int64(0)
	for ev, err := range r.Events() {
		var bad *LineError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return err
		}
		at := max(ev.At.Microseconds(), last)
		if err := writeV3(out, at-last, string(ev.Code), ev.Data); err != nil {
			return err
		}
		last = at
	}
	if exitStatus != nil {
		if err := writeV3(out, 0, "x", strconv.Itoa(*exitStatus)); err != nil {
			return err
		}
	}
	return out.Flush()
}

func writeV3(w io.Writer, interval int64, code, data string) error {
	text, err := plainJSON(data)
	if err == nil {
		_, err = fmt.Fprintf(w, "[%d.%06d, %q, %s]\n", interval/1e6, interval%1e6, code, text)
	}
	return err
}

// plainJSON is data as a JSON string, with <, > and & as they are.
func plainJSON(data string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(data)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// WriteForPlayers writes a cast as asciicast v2 that players show as it was
// seen: what was not recorded on a terminal ends its lines in \n alone, where
// a terminal wants \r\n. The part of the header that is ours is left out.
func WriteForPlayers(w io.Writer, r *Reader) error {
	terminal := r.Header.Facts == nil || r.Header.Facts.Terminal
	h := r.Header
	h.Facts = nil
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	for ev, err := range r.Events() {
		var bad *LineError
		if errors.As(err, &bad) {
			continue
		}
		if err != nil {
			return err
		}
		data := []byte(ev.Data)
		if ev.Code == CodeOutput && !terminal {
			data = bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		}
		if err := writeV3(out, ev.At.Microseconds(), string(ev.Code), string(data)); err != nil {
			return err
		}
	}
	return out.Flush()
}
