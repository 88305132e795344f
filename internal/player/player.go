// Package player makes a page that plays one recording: a single HTML file
// with the player (asciinema-player, in a folder of its own with its license),
// the recording and nothing from elsewhere, so that it opens from a disk where
// there is no network.
//
// It refuses to interpret the recording, and lets nothing of it be more than
// text in the page: what a host sent cannot end the script that it stands in,
// and the page may load and send nothing.
//
// Start reading at [Write].
package player

import (
	"embed"
	"fmt"
	"html"
	"io"
	"strings"
)

//go:embed asciinema-player
var files embed.FS

// Page is what the page says and plays.
type Page struct {
	Title string
	Facts [][2]string // names and values, in order
	Cast  io.Reader   // asciicast
}

const (
	styleFile   = "asciinema-player/asciinema-player.css"
	programFile = "asciinema-player/asciinema-player.min.js"
)

// Write writes the page.
func Write(w io.Writer, p Page) error {
	style, err := files.ReadFile(styleFile)
	if err != nil {
		return err
	}
	program, err := files.ReadFile(programFile)
	if err != nil {
		return err
	}
	var facts strings.Builder
	for _, f := range p.Facts {
		if f[1] != "" {
			fmt.Fprintf(&facts, "<dt>%s</dt><dd>%s</dd>\n", html.EscapeString(f[0]), html.EscapeString(f[1]))
		}
	}
	title := html.EscapeString(p.Title)
	_, err = fmt.Fprintf(w, top, title, style, own, title, facts.String(), program)
	if err != nil {
		return err
	}
	if _, err := io.Copy(&quoting{w: w}, p.Cast); err != nil {
		return err
	}
	_, err = io.WriteString(w, bottom)
	return err
}

// The policy lets the page run what stands in it, and the player's own
// WebAssembly, and reach nothing.
const top = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'unsafe-inline'; font-src data:; img-src data:">
<title>%s</title>
<style>%s</style>
<style>%s</style>
</head>
<body>
<h1>%s</h1>
<dl>
%s</dl>
<div id="player"></div>
<noscript>Playing needs JavaScript. session.cast beside this page plays in any asciicast player.</noscript>
<footer>Space plays and pauses, the arrows seek; add #t=90 or #t=1:30 to the address to open it at that moment of the recording. What you see here proves nothing by itself: README.txt says how to verify it. Played by asciinema-player, Apache-2.0.</footer>
<script>%s</script>
<script>
const cast = "`

// A link may name a moment, as seconds since the beginning of the recording.
// The player's clock leaves out what of a pause is longer than idle, and its
// own startAt may show what came after a pause that the moment lies in: so the
// page counts as the player does up to the last event that had happened, and
// goes half a microsecond, the half of what a cast tells apart, behind it.
const bottom = `";
const idle = 2;
const player = AsciinemaPlayer.create({data: cast}, document.getElementById("player"), {
  idleTimeLimit: idle, fit: "width", preload: true, terminalFontSize: "15px",
});
async function go() {
  const named = /^#t=((?:\d+:){0,2}\d+(?:\.\d+)?)$/.exec(location.hash);
  if (!named) return;
  const moment = named[1].split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  let last = 0, played = 0;
  for (const [, text] of cast.matchAll(/\n\[([\d.]+)/g)) {
    const at = Number(text);
    if (at > moment) break;
    played += Math.min(at - last, idle);
    last = at;
  }
  await player.play(); // else its sign for "not begun" stays on the picture
  await player.pause();
  await player.seek(played + 5e-7);
}
addEventListener("hashchange", go);
go();
</script>
</body>
</html>
`

const own = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1.2rem; margin: 1rem 0 1.5rem; }
dt { opacity: .65; } dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 1.5rem; font-size: .85rem; opacity: .65; }
`

// quoting writes what goes into a JavaScript string between double quotes. It
// leaves no character that could end the string or the script.
type quoting struct {
	w   io.Writer
	buf []byte
}

func (q *quoting) Write(p []byte) (int, error) {
	q.buf = q.buf[:0]
	for _, c := range p {
		switch {
		case c == '\n':
			q.buf = append(q.buf, `\n`...)
		case c == '"' || c == '\\':
			q.buf = append(q.buf, '\\', c)
		case c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x7f:
			q.buf = fmt.Appendf(q.buf, `\x%02x`, c)
		default:
			q.buf = append(q.buf, c) // U+2028 and U+2029 may stand in strings since ECMAScript 2019
		}
	}
	if _, err := q.w.Write(q.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}
