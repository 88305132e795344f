package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/sallyport/sallyport/access"
)

// The smallest window that is drawn; below it, a line asks for a larger one.
const (
	minCols = 40
	minRows = 10
)

// A tab is a page that is always there.
type tab struct {
	name string
	page page
	open bool // Init was called
}

// root owns the window: tabs, the stack of pages over them, help and the
// status line.
type root struct {
	shared     *shared
	tabs       []tab
	at         int
	stack      []page // over the tabs; the last is in front
	cols, rows int
	help       help.Model
	helping    bool
	status     string
	bad        bool
}

func newRoot(ctx context.Context, cfg Config, env []string) *root {
	s := &shared{ctx: ctx, cfg: cfg, look: newLook(true, colorprofile.Env(env))}
	r := &root{shared: s, help: help.New(), cols: 80, rows: 24}
	r.help.Styles = s.look.helpStyles()
	r.help.ShortSeparator = "  "
	add := func(name string, p page) { r.tabs = append(r.tabs, tab{name: name, page: p}) }
	if cfg.Roles.Auditor && cfg.Sessions != nil {
		add("Sessions", newBrowser(s))
	}
	if cfg.Roles.Approver && cfg.Requests != nil && cfg.Desk != nil {
		add("Approvals", newApprovals(s))
	}
	if cfg.Rights != nil {
		add("Hosts", newHosts(s))
	}
	if cfg.Requests != nil && cfg.Grants != nil && cfg.Actor.Person != "" {
		add("Mine", newMine(s))
	}
	if len(r.tabs) == 0 {
		add("Sallyport", newEmpty(s))
	}
	return r
}

func (r *root) Init() tea.Cmd {
	return tea.Batch(tea.RequestBackgroundColor, r.show(0))
}

// show brings a tab to the front.
func (r *root) show(i int) tea.Cmd {
	r.at, r.helping = i, false
	t := &r.tabs[i]
	t.page.SetSize(r.pageSize())
	if t.open {
		return nil
	}
	t.open = true
	return t.page.Init()
}

func (r *root) front() page {
	if n := len(r.stack); n > 0 {
		return r.stack[n-1]
	}
	return r.tabs[r.at].page
}

// pageSize is the window without the tabs and their rule above and the status
// line below. A page over the tabs has the first two as well.
func (r *root) pageSize() (cols, rows int) {
	if len(r.stack) > 0 {
		return r.cols, r.rows - 1
	}
	return r.cols, r.rows - 3
}

func (r *root) tooSmall() bool { return r.cols < minCols || r.rows < minRows }

// Update never panics: a page's failure is an error on the status line.
func (r *root) Update(msg tea.Msg) (m tea.Model, cmd tea.Cmd) {
	m = r
	defer func() {
		if p := recover(); p != nil {
			r.fail(panicked(p))
		}
	}()
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		r.cols, r.rows = max(msg.Width, 1), max(msg.Height, 1)
		r.help.SetWidth(r.cols)
		r.front().SetSize(r.pageSize())
		return r, nil
	case tea.BackgroundColorMsg:
		*r.shared.look = *newLook(msg.IsDark(), r.shared.look.profile)
		r.help.Styles = r.shared.look.helpStyles()
		return r, nil
	case tea.ColorProfileMsg:
		*r.shared.look = *newLook(r.shared.look.dark, msg.Profile)
		r.help.Styles = r.shared.look.helpStyles()
		return r, nil
	case failed:
		r.fail(msg.err)
		return r, nil
	case notice:
		r.status, r.bad = msg.text, false
		return r, nil
	case openPage:
		r.stack = append(r.stack, msg.page)
		msg.page.SetSize(r.pageSize())
		return r, msg.page.Init()
	case closePage:
		return r, r.pop()
	case tea.KeyPressMsg:
		return r, r.press(msg)
	case tea.MouseMsg, tea.PasteMsg:
		return r, r.front().Update(msg)
	}
	return r, r.tell(msg)
}

// tell gives a message to every page that is open.
func (r *root) tell(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, t := range r.tabs {
		if t.open {
			cmds = append(cmds, t.page.Update(msg))
		}
	}
	for _, p := range slices.Clone(r.stack) {
		cmds = append(cmds, p.Update(msg))
	}
	return tea.Batch(cmds...)
}

func (r *root) pop() tea.Cmd {
	n := len(r.stack)
	if n == 0 {
		return tea.Quit
	}
	if c, ok := r.stack[n-1].(closer); ok {
		c.Close()
	}
	r.stack = r.stack[:n-1]
	r.helping = false
	r.front().SetSize(r.pageSize())
	return nil
}

func (r *root) close() {
	for len(r.stack) > 0 {
		r.pop()
	}
}

// fail shows an error in one line and logs its cause.
func (r *root) fail(err error) {
	if err == nil || r.shared.ctx.Err() != nil {
		return
	}
	e := access.AsError(err)
	r.status, r.bad = access.Plain(strings.TrimPrefix(e.Line(), "sallyport: "), 300), true
	if e.Cause != nil {
		r.shared.cfg.Log.Error("tui: "+e.Why, "reason", e.Reason, "person", r.shared.cfg.Actor.Person, "cause", e.Cause)
	}
}

func (r *root) press(k tea.KeyPressMsg) tea.Cmd {
	r.status, r.bad = "", false
	switch {
	case pressed(k, rootKeys.Interrupt):
		return tea.Quit
	case r.front().Typing():
		return r.front().Update(k)
	case r.helping:
		r.helping = false
		return nil
	case pressed(k, rootKeys.Help):
		r.helping = true
		return nil
	case pressed(k, rootKeys.Quit):
		return r.pop()
	case len(r.stack) > 0:
		return r.front().Update(k)
	case pressed(k, rootKeys.Next):
		return r.show((r.at + 1) % len(r.tabs))
	case pressed(k, rootKeys.Previous):
		return r.show((r.at + len(r.tabs) - 1) % len(r.tabs))
	}
	if n := int(k.Code - '1'); k.Mod == 0 && n >= 0 && n < len(r.tabs) && len(r.tabs) > 1 {
		return r.show(n)
	}
	return r.front().Update(k)
}

// View draws the window. A page that cannot be drawn is left blank.
func (r *root) View() (v tea.View) {
	v.AltScreen = true
	v.WindowTitle = "sallyport"
	defer func() {
		if p := recover(); p != nil {
			r.fail(panicked(p))
			v.Content = r.statusLine()
		}
	}()
	if r.tooSmall() {
		v.Content = fmt.Sprintf("%dx%d is too small; at least %dx%d", r.cols, r.rows, minCols, minRows)
		return v
	}
	cols, rows := r.pageSize()
	body := ""
	if r.helping {
		body = r.helpView(cols, rows)
	} else {
		body = r.front().View()
	}
	if len(r.stack) == 0 {
		body = r.header() + "\n" + r.shared.look.Rule.Render(strings.Repeat("─", r.cols)) + "\n" + body
	}
	v.Content = body + "\n" + r.statusLine()
	return v
}

// counter is a page with a number beside its tab.
type counter interface{ Count() int }

func (r *root) header() string {
	l := r.shared.look
	left := l.Brand.Render(" sallyport ") + " "
	for i, t := range r.tabs {
		style := l.Tab
		if i == r.at {
			style = l.TabOn
		}
		left += " " + style.Render(t.name)
		if c, ok := t.page.(counter); ok && c.Count() > 0 {
			left += l.Count.Render(fmt.Sprintf(" %d", c.Count()))
		}
		left += " "
	}
	who := string(r.shared.cfg.Actor.Person)
	if who == "" {
		who = fmt.Sprintf("local:%d", r.shared.cfg.Actor.LocalUID)
	}
	return spread(left, l.Dim.Render(access.Plain(who, 40)+" "), r.cols)
}

// statusLine is the last line: what just happened, or else the keys.
func (r *root) statusLine() string {
	l := r.shared.look
	switch {
	case r.status != "" && r.bad:
		return fit(l.Error.Render("✗ "+r.status), r.cols)
	case r.status != "":
		return fit(l.Notice.Render("✓ "+r.status), r.cols)
	case r.helping:
		return fit(l.Dim.Render("any key closes the help"), r.cols)
	}
	return fit(r.help.ShortHelpView(r.keys().ShortHelp()), r.cols)
}

func (r *root) helpView(cols, rows int) string {
	l := r.shared.look
	text := r.help.FullHelpView(r.keys().FullHelp())
	return block(l.Strong.Render("Keys")+"\n\n"+text, cols, rows)
}

// keys are the front page's with the root's own after them.
func (r *root) keys() help.KeyMap {
	own := r.front().Keys()
	if r.front().Typing() {
		return own
	}
	short := append(slices.Clone(own.ShortHelp()), rootKeys.Help, rootKeys.Quit)
	window := []key.Binding{rootKeys.Help, rootKeys.Quit, rootKeys.Interrupt}
	if len(r.stack) == 0 && len(r.tabs) > 1 {
		short = append(slices.Clone(own.ShortHelp()), rootKeys.Next, rootKeys.Help, rootKeys.Quit)
		window = append([]key.Binding{rootKeys.Next, rootKeys.Previous}, window...)
	}
	return keyList{short, append(slices.Clone(own.FullHelp()), window)}
}

// spread puts left and right at the ends of a line of cols.
func spread(left, right string, cols int) string {
	gap := cols - lipgloss.Width(left) - lipgloss.Width(right)
	if gap < 1 {
		return fit(left, cols)
	}
	return left + strings.Repeat(" ", gap) + right
}
