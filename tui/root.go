package tui

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"charm.land/bubbles/v2/help"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

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
	told       map[ansi.Mode]tea.ModeReportMsg // by the terminal, when it was asked
	resumed    bool                            // after a trip: the terminal is not asked again
}

func newRoot(ctx context.Context, cfg Config, env []string) *root {
	s := &shared{ctx: ctx, cfg: cfg, look: newLook(true, colorprofile.Env(env))}
	r := &root{shared: s, help: help.New(), cols: 80, rows: 24, told: map[ansi.Mode]tea.ModeReportMsg{}}
	r.help.Styles = s.look.helpStyles()
	r.help.ShortSeparator, r.help.FullSeparator = "  ", "  "
	if cfg.Only != nil {
		r.tabs = []tab{{name: "Session", page: newEmpty(s)}}
		r.stack = []page{newPlayer(s, *cfg.Only)}
		return r
	}
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
	cmds := []tea.Cmd{tea.RequestBackgroundColor}
	if r.resumed {
		cmds = nil
		for _, m := range r.told {
			cmds = append(cmds, say(m))
		}
	}
	for _, t := range r.tabs {
		t.page.SetSize(r.pageSize())
		cmds = append(cmds, t.page.Init())
	}
	for _, p := range r.stack {
		p.SetSize(r.pageSize())
		cmds = append(cmds, p.Init())
	}
	return tea.Batch(cmds...)
}

// show brings a tab to the front.
func (r *root) show(i int) {
	r.at = i
	r.front().SetSize(r.pageSize())
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
	case verified:
		r.verified(msg)
		return r, nil
	case notice:
		r.status, r.bad = msg.text, false
		return r, nil
	case turn:
		return r, nil
	case tea.ModeReportMsg:
		r.told[msg.Mode] = msg
	case tea.KeyPressMsg:
		return r, tea.Batch(r.press(msg), r.settle())
	case tea.MouseClickMsg:
		return r, tea.Batch(r.click(msg), r.settle())
	case tea.MouseMsg, tea.PasteMsg:
		return r, r.front().Update(msg)
	}
	return r, r.tell(msg)
}

// settle opens or closes the page that the last key asked for.
func (r *root) settle() tea.Cmd {
	if r.shared.doing != "" {
		r.status, r.bad, r.shared.doing = r.shared.doing, false, ""
	}
	if r.shared.left {
		r.shared.left = false
		return r.pop()
	}
	p := r.shared.opened
	if p == nil {
		return nil
	}
	r.shared.opened = nil
	r.stack = append(r.stack, p)
	p.SetSize(r.pageSize())
	return p.Init()
}

// tell gives a message to every page.
func (r *root) tell(msg tea.Msg) tea.Cmd {
	var cmds []tea.Cmd
	for _, t := range r.tabs {
		cmds = append(cmds, t.page.Update(msg))
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
	if r.shared.cfg.Only != nil {
		return tea.Quit
	}
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

// View draws the window. A page that cannot be drawn is left blank.
func (r *root) View() (v tea.View) {
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = "sallyport"
	defer func() {
		if p := recover(); p != nil {
			r.fail(panicked(p))
			v.Content = r.statusLine()
		}
	}()
	if r.tooSmall() {
		v.Content = r.tooSmallView()
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

// tooSmallView says what is missing, in as much room as there is.
func (r *root) tooSmallView() string {
	long := fmt.Sprintf("This window is too small: %d×%d.\nIt takes %d×%d.", r.cols, r.rows, minCols, minRows)
	if r.cols >= 34 && r.rows >= 2 {
		return centre(long, r.cols, r.rows)
	}
	return fit(fmt.Sprintf("too small: %d×%d needed", minCols, minRows), r.cols)
}
