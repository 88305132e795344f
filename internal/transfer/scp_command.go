package transfer

import "strings"

// scpCommand is what a command line says of a legacy scp session.
type scpCommand struct {
	toSink bool // -t: the host takes files; else -f: it gives them
	folder bool // -d: the target has to be a folder
	paths  []string
}

// maxWords bounds how much of a command line is looked at.
const maxWords = 64

// parseSCP reports whether the words after scp are those of the host's side of
// `scp -O`.
func parseSCP(words []string) (c scpCommand, ok bool) {
	for i, w := range words {
		if w == "--" || !strings.HasPrefix(w, "-") || w == "-" {
			if w == "--" {
				i++
			}
			c.paths = words[i:]
			break
		}
		for _, o := range w[1:] {
			switch o {
			case 't', 'f':
				c.toSink, ok = o == 't', true
			case 'd':
				c.folder = true
			}
		}
	}
	if c.toSink && len(c.paths) > 1 {
		c.paths = c.paths[:1]
	}
	return c, ok && len(c.paths) > 0
}

// shellWords splits a command line as a shell would that knows quotes and
// backslashes and nothing else.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line) && len(words) < maxWords; i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			in = true
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				words = append(words, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in && len(words) < maxWords {
		words = append(words, word.String())
	}
	return words
}
