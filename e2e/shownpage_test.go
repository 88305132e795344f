package e2e

import (
	"fmt"
	"strings"

	"github.com/sallyport/sallyport/internal/vt"
)

// shownPage is what asciinema-player shows.
type shownPage struct {
	Cols, Rows int
	Cells      [][]shownCell
	Fg, Bg     string   // default colours, #rrggbb
	Palette    []string // the first 16
	Cursor     struct{ X, Y int }
}

// shownCell is a column. What the player draws by itself, blocks, has no text;
// neither has a column that a wide character to its left covers.
type shownCell struct {
	Text, Class string
	Fg, Bg      string // "" is the default
	Ink         bool   // something stands on the canvas
}

// readPage reads the player's screen: text and its colours from the document,
// drawn symbols from the SVG behind it, backgrounds and blocks from the canvas
// behind that, which has 8 by 24 pixels for a column of a row. In a run of text
// each code point has a column; a wide character is a run of its own.
const readPage = `(async () => {
	await go();
	for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
	const term = document.querySelector(".ap-term"), canvas = term.querySelector("canvas");
	const cols = canvas.width / 8, rows = canvas.height / 24;
	const theme = getComputedStyle(term), color = name => theme.getPropertyValue("--term-color-" + name).trim();
	const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
	const hex = (r, g, b) => "#" + [r, g, b].map(n => Number(n).toString(16).padStart(2, "0")).join("");
	const pixel = (x, y) => { const i = 4 * (y * canvas.width + x); return pixels[i + 3] ? hex(...pixels.slice(i, i + 3)) : ""; };
	const cells = [];
	for (let y = 0; y < rows; y++) {
		const row = [];
		for (let x = 0; x < cols; x++) {
			const bg = pixel(8 * x, 24 * y);
			let ink = false;
			for (let i = 0; i < 8 * 24 && !ink; i++) ink = pixel(8 * x + i % 8, 24 * y + (i >> 3)) != "";
			row.push({text: "", class: "", fg: "", bg, ink});
		}
		for (const run of term.querySelectorAll(".ap-term-text .ap-line")[y].children) {
			let x = Number(run.style.getPropertyValue("--offset"));
			const fg = run.style.color && hex(...run.style.color.match(/\d+/g).slice(0, 3));
			for (const text of run.textContent) Object.assign(row[x++], {text, fg, class: run.className.trim()});
		}
		for (const use of term.querySelectorAll(".ap-term-symbols .ap-symbol-line")[y].children)
			row[Math.round(use.x.baseVal.value)].text = String.fromCodePoint(use.href.baseVal.replace("#sym-", ""));
		cells.push(row);
	}
	return {cols, rows, cells, fg: color("foreground"), bg: color("background"),
		palette: Array.from({length: 16}, (_, i) => color(i))};
})()`

// page opens a player's page and reads what it shows.
func (c *chromium) page(url string) (*shownPage, error) {
	if err := c.open(url); err != nil {
		return nil, err
	}
	p := new(shownPage)
	return p, c.run(readPage, p)
}

// row is the text of a row.
func (p *shownPage) row(y int) string { return strings.TrimRight(strings.Join(p.texts(y), ""), " ") }

// texts are the texts of a row's columns.
func (p *shownPage) texts(y int) []string {
	texts := make([]string, p.Cols)
	for x := range texts {
		texts[x] = p.Cells[y][x].Text
	}
	return texts
}

// differs says where the page does not show a screen, a row or a cell a line.
// The cursor's cell blinks: its colours are not looked at.
func (p *shownPage) differs(s *vt.Screen) (lines []string) {
	cols, rows := s.Size()
	if p.Cols != cols || p.Rows != rows {
		return []string{fmt.Sprintf("%dx%d instead of %dx%d", p.Cols, p.Rows, cols, rows)}
	}
	cx, cy, _ := s.Cursor()
	for y := range rows {
		got, want := p.texts(y), make([]string, cols)
		for x := range cols {
			c := s.Cell(x, y)
			want[x] = c.Content
			if isBlock(c) && p.Cells[y][x].Ink { // which it is, is for the eye
				got[x] = c.Content
			}
		}
		if x := firstDifference(got, want); x < cols {
			lines = append(lines, fmt.Sprintf("row %d from column %d: %s", y, x, apart(got[x:], want[x:])))
			continue
		}
		for x := range cols {
			c := s.Cell(x, y)
			if c.Width == 0 || isBlock(c) || x == cx && y == cy {
				continue
			}
			if got, want := p.look(x, y), p.wanted(c); got != want {
				lines = append(lines, fmt.Sprintf("cell %d,%d: %s instead of %s", x, y, got, want))
			}
		}
	}
	return lines
}

// apart says how the rests of two rows differ.
func apart(got, want []string) string {
	rest := func(texts []string) (string, int) {
		n := len(texts)
		for n > 0 && strings.TrimSpace(texts[n-1]) == "" {
			n--
		}
		return strings.Join(texts[:n], ""), n
	}
	g, takes := rest(got)
	w, should := rest(want)
	if g == w {
		return fmt.Sprintf("%+q takes %d columns, not %d", g, takes, should)
	}
	return fmt.Sprintf("%+q instead of %+q", g, w)
}

func firstDifference(a, b []string) int {
	for x := range a {
		if a[x] != b[x] {
			return x
		}
	}
	return len(a)
}

// isBlock reports whether the player draws c by itself, on the canvas.
func isBlock(c vt.Cell) bool {
	r := []rune(c.Content + " ")[0]
	return r >= 0x2580 && r <= 0x259f
}

// look is a cell's colours and attributes; of a blank only the background
// and what is drawn on it.
func (p *shownPage) look(x, y int) string {
	c := p.Cells[y][x]
	if c.Text == " " {
		c.Fg, c.Class = "", onBlank(c.Class)
	}
	return fmt.Sprintf("%s on %s %s", or(c.Fg, p.Fg), or(c.Bg, p.Bg), c.Class)
}

// wanted is what look should say of a cell.
func (p *shownPage) wanted(c vt.Cell) string {
	fg, bg := or(p.color(c.Style.Fg), p.Fg), or(p.color(c.Style.Bg), p.Bg)
	if c.Style.Attr&vt.Reverse != 0 {
		fg, bg = bg, fg
	}
	class := ""
	for _, a := range []struct {
		has  bool
		name string
	}{
		{c.Style.Attr&vt.Bold != 0, "ap-bold"},
		{c.Style.Attr&vt.Faint != 0, "ap-faint"},
		{c.Style.Attr&vt.Italic != 0, "ap-italic"},
		{c.Style.Underline != vt.NoUnderline, "ap-underline"},
		{c.Style.Attr&vt.Strike != 0, "ap-strike"},
		{c.Style.Attr&vt.Blink != 0, "ap-blink"},
	} {
		if a.has {
			class = strings.TrimSpace(class + " " + a.name)
		}
	}
	if c.Content == " " {
		fg, class = p.Fg, onBlank(class)
	}
	return fmt.Sprintf("%s on %s %s", fg, bg, class)
}

// onBlank are the attributes that show where nothing is written.
func onBlank(class string) string {
	var show []string
	for _, name := range strings.Fields(class) {
		if name == "ap-underline" || name == "ap-strike" {
			show = append(show, name)
		}
	}
	return strings.Join(show, " ")
}

// color is #rrggbb, "" for the default. From 16 on the palette is xterm's.
func (p *shownPage) color(c vt.Color) string {
	if r, g, b, ok := c.RGB(); ok {
		return fmt.Sprintf("#%02x%02x%02x", r, g, b)
	}
	n, ok := c.Index()
	switch {
	case !ok:
		return ""
	case n < 16:
		return p.Palette[n]
	case n >= 232:
		return fmt.Sprintf("#%02[1]x%02[1]x%02[1]x", 8+10*(int(n)-232))
	}
	level := func(n uint8) int {
		if n == 0 {
			return 0
		}
		return 55 + 40*int(n)
	}
	n -= 16
	return fmt.Sprintf("#%02x%02x%02x", level(n/36), level(n/6%6), level(n%6))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
