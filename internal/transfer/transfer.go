// Package transfer owns the reading of file transfers as they pass: given the
// bytes of both directions of an SFTP or a legacy scp session, it reports
// what was done to which file, as entries of the ledger ([access.Transfer]).
//
// It is passive. It never holds a byte back, changes none, answers nothing,
// waits for nobody and has no errors: bytes that it does not understand turn
// the rest of the session opaque, which one entry says, and go on passing.
// What it holds is bounded, whatever either side sends. It decides nothing
// about what is recorded: it only ever adds entries.
//
// Because it sees each request before the host does, and each answer before
// the client does, every answer finds its request, unless one side cheats.
//
// Start reading at [Watch]; then sftp.go, and frame.go on which it stands;
// scp.go is the other protocol; content.go tells when there is a digest.
package transfer

import (
	"fmt"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/sallyport/sallyport/access"
)

// Watch reads one session. It is safe for concurrent use by the goroutines of
// the two directions. A call costs no more than hashing the bytes.
type Watch struct {
	mu sync.Mutex
	p  protocol // nil when there is nothing to understand, any more
}

// protocol is told what passes. It is called under the Watch's lock.
type protocol interface {
	toHost(p []byte)
	fromHost(p []byte)
	end()
}

// New watches a session. Report is called for each entry, from ToHost,
// FromHost and End, one at a time; it must not call the Watch. Session, Place
// and At of the entry are left to it.
//
// The sftp subsystem is read as SFTP. A command that looks like legacy scp, or
// like a server of SFTP (`sftp -s "sudo sftp-server"`), is tried as such; with
// a terminal, which changes bytes, nothing is.
func New(kind access.Kind, command string, terminal bool, report func(access.Transfer)) *Watch {
	w := &Watch{}
	switch {
	case terminal:
	case kind == access.KindSFTP:
		w.p = newSFTP(report)
	case kind == access.KindExec:
		w.p = guess(command, report)
	}
	return w
}

// guess makes what a command line looks like. The line is a shell's to read,
// so it is no more than that; what is recorded does not depend on it.
func guess(command string, report func(access.Transfer)) protocol {
	words := shellWords(command)
	for i, w := range words {
		switch path.Base(w) {
		case "scp":
			if c, ok := parseSCP(words[i+1:]); ok {
				return newSCP(c, report)
			}
			return nil
		case "sftp-server":
			return newSFTP(report)
		}
	}
	return nil
}

// ToHost takes what the client sent, before the host gets it.
func (w *Watch) ToHost(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.p != nil {
		w.p.toHost(p)
	}
}

// FromHost takes what the host sent, before the client gets it.
func (w *Watch) FromHost(p []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.p != nil {
		w.p.fromHost(p)
	}
}

// End reports what was under way. Nothing is read or reported after it.
func (w *Watch) End() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.p != nil {
		w.p.end()
		w.p = nil
	}
}

// maxPath is what is kept of a path, in bytes: PATH_MAX of Linux, beyond which
// nothing can be opened.
const maxPath = 4096

// text makes valid UTF-8 of what a peer sent, without losing a byte that was
// not: those stand as \xNN.
func text(b []byte) string {
	cut := ""
	if len(b) > maxPath {
		b, cut = b[:maxPath], "…"
	}
	if utf8.Valid(b) {
		return string(b) + cut
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&s, `\x%02x`, b[0])
		} else {
			s.Write(b[:n])
		}
		b = b[n:]
	}
	return s.String() + cut
}
