package recorder

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"
)

// What is typed at a terminal is kept where a rule asks for it, in
// stdin.ndjson, except what looks like a secret. This is a heuristic and no
// more: the bastion sees two streams of bytes and not the host's line
// discipline. A character is kept if the host showed it within a moment, and
// masked if not, or if the last line of the screen asks for a password. Keys
// that are no text (Enter, arrows, Ctrl-C) are kept as they are. So what is
// typed into vi or less is mostly masked, and a secret that a host does
// echo, or that a passing output happens to match, is not.
//
// Until it is decided a character is in memory only; a crash loses it.

const (
	typedMoment = 1_000_000 // microseconds in which an echo must come
	typedHeld   = 4096      // keys that wait for theirs; beyond that the oldest are masked
	typedLine   = 400       // bytes of the screen's last line that are looked at
	typedMask   = "*"
)

// asking is how hosts ask for what is not to be seen.
var asking = regexp.MustCompile(`(?i)(password|passwd|passphrase|passcode|passwort|mot de passe|contraseña|secret|token|verification code|one-time|\botp\b|\bpin\b)[^\n]{0,200}[:：?>]\s*$`)

// typed decides what is kept of what is typed.
type typed struct {
	keys   []key  // not written yet, oldest first
	line   []byte // the end of the screen's last line, read simply
	secret bool   // a password was asked for, and is being typed
}

// key is a character, or what one key sends.
type key struct {
	at    int64 // microseconds
	text  string
	state keyState
}

type keyState int

const (
	keyOpen   keyState = iota // no echo so far
	keyShown                  // the host showed it, or it is no text
	keyHidden                 // to be masked
)

// input takes what was typed.
func (t *typed) input(at int64, p []byte) {
	for len(p) > 0 {
		n := keyLength(p)
		k := key{at: at, text: string(p[:n])}
		p = p[n:]
		t.secret = t.secret || asking.Match(t.line)
		switch c := k.text[0]; {
		case len(k.text) == 1 && (c == '\r' || c == '\n' || c == 3 || c == 4):
			k.state, t.secret, t.line = keyShown, false, t.line[:0]
		case t.secret:
			k.state = keyHidden
		case c < ' ' || c == 0x7f:
			k.state = keyShown
		}
		t.keys = append(t.keys, k)
	}
	for i := range len(t.keys) - typedHeld {
		t.keys[i].hide()
	}
}

func (k *key) hide() {
	if k.state == keyOpen {
		k.state = keyHidden
	}
}

// keyLength is how many bytes of p the first key sent: a character, or an
// escape sequence (ECMA-48, section 5.4) as far as it is there.
func keyLength(p []byte) int {
	if p[0] != 0x1b || len(p) == 1 {
		_, n := utf8.DecodeRune(p)
		return n
	}
	return len(p) - len(afterEscape(p))
}

// afterEscape is what follows the escape sequence with which p begins.
func afterEscape(p []byte) []byte {
	switch {
	case len(p) == 1:
		return nil
	case p[1] == '[':
		for i := 2; i < len(p); i++ {
			if p[i] >= 0x40 && p[i] <= 0x7e {
				return p[i+1:]
			}
		}
		return nil
	case p[1] == ']':
		for i := 2; i < len(p); i++ {
			if p[i] == 7 {
				return p[i+1:]
			}
			if p[i] == 0x1b && i+1 < len(p) && p[i+1] == '\\' {
				return p[i+2:]
			}
		}
		return nil
	case p[1] == 'O' || p[1] == '(' || p[1] == ')':
		return p[min(3, len(p)):]
	}
	return p[2:]
}

// output takes what the host showed.
func (t *typed) output(at int64, p []byte) {
	t.expire(at)
	text := visible(p)
	if !t.echoed(text) {
		t.redrawn(text)
	}
	if i := bytes.LastIndexByte(text, '\n'); i >= 0 {
		t.line = t.line[:0]
		text = text[i+1:]
	}
	t.line = append(t.line, text...)
	if n := len(t.line) - typedLine; n > 0 {
		t.line = append(t.line[:0], t.line[n:]...)
	}
}

// visible is output without escape sequences and control characters, line
// breaks apart.
func visible(p []byte) []byte {
	out := make([]byte, 0, len(p))
	for len(p) > 0 {
		if p[0] == 0x1b {
			p = afterEscape(p)
			continue
		}
		if p[0] >= ' ' && p[0] != 0x7f || p[0] == '\n' {
			out = append(out, p[0])
		}
		p = p[1:]
	}
	return out
}

// echoed marks the keys with which text begins, and reports whether there are
// any.
func (t *typed) echoed(text []byte) (any bool) {
	for i := range t.keys {
		k := &t.keys[i]
		switch {
		case k.state == keyOpen && bytes.HasPrefix(text, []byte(k.text)):
			k.state, any = keyShown, true
			text = text[len(k.text):]
		case k.state == keyOpen:
			return any
		case k.text == "\r" || k.text == "\n":
			text = bytes.TrimPrefix(text, []byte("\n"))
		}
	}
	return any
}

// redrawn marks the keys with which text ends: a shell that draws its line
// anew shows what was there before them as well.
func (t *typed) redrawn(text []byte) {
	var run strings.Builder
	first := -1
	for i, k := range t.keys {
		if k.state == keyOpen {
			if first < 0 {
				first = i
			}
			run.WriteString(k.text)
		} else if first >= 0 {
			return
		}
	}
	if first < 0 || len(text) <= run.Len() || !bytes.HasSuffix(text, []byte(run.String())) {
		return
	}
	for i := first; i < len(t.keys); i++ {
		t.keys[i].state = keyShown
	}
}

// expire masks what was not shown in time.
func (t *typed) expire(at int64) {
	for i := range t.keys {
		if t.keys[i].at+typedMoment < at {
			t.keys[i].hide()
		}
	}
}

// take gives the first keys of one moment that are decided, as they are to be
// kept; with all, every key is.
func (t *typed) take(all bool) (at int64, text string, ok bool) {
	var out strings.Builder
	n := 0
	for ; n < len(t.keys); n++ {
		k := &t.keys[n]
		if all {
			k.hide()
		}
		if k.state == keyOpen || k.at != t.keys[0].at {
			break
		}
		if k.state == keyHidden {
			out.WriteString(typedMask)
		} else {
			out.WriteString(k.text)
		}
	}
	if n == 0 {
		return 0, "", false
	}
	at = t.keys[0].at
	t.keys = append(t.keys[:0], t.keys[n:]...)
	return at, out.String(), true
}

// writeTyped takes what was typed at a terminal, and writes what is decided.
func (rec *Recording) writeTyped(s *stream, p []byte) error {
	at := rec.elapsed()
	rec.typed.expire(at)
	rec.typed.input(at, p)
	if err := rec.keepTyped(false); err != nil {
		return err
	}
	s.count(p, 0)
	return nil
}

// shown takes what the terminal showed, for what was typed to be told by it.
func (rec *Recording) shown(p []byte) error {
	if rec.typed == nil {
		return nil
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if err := rec.ready(); err != nil {
		return rec.lose(nil, nil, err)
	}
	rec.typed.output(rec.elapsed(), p)
	if err := rec.keepTyped(false); err != nil {
		return rec.lose(nil, nil, rec.fail(err))
	}
	return nil
}

// keepTyped writes the keys that are decided; all of them at the end.
func (rec *Recording) keepTyped(all bool) error {
	b := getBuffer()
	defer putBuffer(b)
	for {
		at, text, ok := rec.typed.take(all)
		if !ok {
			break
		}
		b.beside(at, CodeInput, []byte(text))
	}
	if len(b.cast) == 0 {
		return nil
	}
	rec.pending += int64(len(b.cast))
	return rec.appendTo(&rec.in.file, rec.in.fileName(), b.cast)
}
