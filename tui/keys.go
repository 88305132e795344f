package tui

import (
	"charm.land/bubbles/v2/help"
	"charm.land/bubbles/v2/key"
)

// keyList is a key map as the help bubble wants it.
type keyList struct {
	short []key.Binding
	full  [][]key.Binding
}

var _ help.KeyMap = keyList{}

func (k keyList) ShortHelp() []key.Binding  { return k.short }
func (k keyList) FullHelp() [][]key.Binding { return k.full }

// The key maps are constants in all but syntax: one per screen, and nothing
// changes them.

var rootKeys = struct{ Help, Quit, Exit, Interrupt, Next, Previous key.Binding }{
	Help:      binding([]string{"?"}, "?", "help"),
	Quit:      binding([]string{"q"}, "q", "back"),
	Exit:      binding([]string{"q"}, "q", "leave"), // Quit, where nothing is behind
	Interrupt: binding([]string{"ctrl+c"}, "^C", "leave at once"),
	Next:      binding([]string{"tab"}, "tab", "next view"),
	Previous:  binding([]string{"shift+tab"}, "⇧tab", "view before"),
}

// listKeys move in any list.
var listKeys = struct{ Up, Down, PageUp, PageDown, Top, Bottom key.Binding }{
	Up:       binding([]string{"up", "k"}, "↑/k", "up"),
	Down:     binding([]string{"down", "j"}, "↓/j", "down"),
	PageUp:   binding([]string{"pgup", "ctrl+b", "ctrl+u"}, "pgup", "page up"),
	PageDown: binding([]string{"pgdown", "ctrl+f", "ctrl+d", "space"}, "pgdn", "page down"),
	Top:      binding([]string{"home", "g"}, "g", "first"),
	Bottom:   binding([]string{"end", "G"}, "G", "last"),
}

func listColumn() []key.Binding {
	k := listKeys
	return []key.Binding{k.Up, k.Down, k.PageUp, k.PageDown, k.Top, k.Bottom}
}

// lineKeys end a line of input.
var lineKeys = struct{ Enter, Leave key.Binding }{
	Enter: binding([]string{"enter"}, "enter", "accept"),
	Leave: binding([]string{"esc"}, "esc", "cancel"),
}

var browserKeys = struct{ Open, Filter, Clear, Details, Pane, Sort, Turn, Reload, Verify, Kill key.Binding }{
	Open:    binding([]string{"enter", "l", "right"}, "enter", "replay"),
	Filter:  binding([]string{"/"}, "/", "filter"),
	Clear:   binding([]string{"esc"}, "esc", "clear the filter"),
	Details: binding([]string{"d", "i"}, "d", "details"),
	Pane:    binding([]string{"D"}, "D", "details in the list or not"),
	Sort:    binding([]string{"s"}, "s", "sort"),
	Turn:    binding([]string{"S"}, "S", "sort the other way"),
	Reload:  binding([]string{"r", "ctrl+l"}, "r", "reload"),
	Verify:  binding([]string{"v"}, "v", "verify"),
	Kill:    binding([]string{"X"}, "X", "end a live session"),
}

var detailKeys = struct{ Open, Verify, Scroll, Leave key.Binding }{
	Open:   binding([]string{"enter", "l", "right"}, "enter", "replay"),
	Verify: binding([]string{"v"}, "v", "verify"),
	Scroll: binding([]string{"up", "down", "k", "j"}, "↑/↓", "scroll"), // by listKeys; here for the help
	Leave:  binding([]string{"esc", "d", "i", "h", "left"}, "d", "back"),
}

var approvalKeys = struct{ Approve, Deny, Review, Reload key.Binding }{
	Approve: binding([]string{"a"}, "a", "approve"),
	Deny:    binding([]string{"d"}, "d", "deny"),
	Review:  binding([]string{"v"}, "v", "review"),
	Reload:  binding([]string{"r", "ctrl+l"}, "r", "reload"),
}

var mineKeys = struct{ Connect, Cancel, Release, Extend, Reload key.Binding }{
	Connect: binding([]string{"enter"}, "enter", "connect"),
	Extend:  binding([]string{"m"}, "m", "more time"),
	Cancel:  binding([]string{"c"}, "c", "cancel"),
	Release: binding([]string{"e"}, "e", "give back"),
	Reload:  binding([]string{"r", "ctrl+l"}, "r", "reload"),
}

var hostKeys = struct{ Connect, Filter, Clear, Ask, Reload key.Binding }{
	Connect: binding([]string{"enter"}, "enter", "connect"),
	Ask:     binding([]string{"a"}, "a", "ask ahead"),
	Filter:  binding([]string{"/"}, "/", "find"),
	Clear:   binding([]string{"esc"}, "esc", "clear"),
	Reload:  binding([]string{"r", "ctrl+l"}, "r", "reload"),
}

var playerKeys = struct {
	Pause, Back, On, BackMinute, OnMinute, Percent, Start, End                                          key.Binding
	Event, EventBack, Marker, MarkerBack, Active, Goto                                                  key.Binding
	Slower, Faster, Idle, Follow, Search, Again, AgainBack, Note, Copy, Typed, Export, Zoom, Pan, Facts key.Binding
	Seconds, Minutes, Speed                                                                             key.Binding // pairs, for the help line
	PanUp, PanDown, PanLeft, PanRight, PanFree, Kill, Close, CloseElse, Leave, Verify                   key.Binding
}{
	Pause:      binding([]string{"space"}, "space", "play"),
	Back:       binding([]string{"h"}, "h", "5 s back"),
	On:         binding([]string{"l"}, "l", "5 s on"),
	BackMinute: binding([]string{"H"}, "H", "1 min back"),
	OnMinute:   binding([]string{"L"}, "L", "1 min on"),
	Percent:    binding([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, "0-9", "to 0-90 %"),
	Start:      binding([]string{"g", "home"}, "g", "to the start"),
	End:        binding([]string{"G", "end"}, "G", "to the end"),
	Event:      binding([]string{"."}, ".", "next event"),
	EventBack:  binding([]string{","}, ",", "event before"),
	Marker:     binding([]string{"]"}, "]", "next mark"),
	MarkerBack: binding([]string{"["}, "[", "mark before"),
	Active:     binding([]string{"}"}, "}", "next activity"),
	Goto:       binding([]string{":"}, ":", "go to"),
	Slower:     binding([]string{"<"}, "<", "slower"),
	Faster:     binding([]string{">"}, ">", "faster"),
	Idle:       binding([]string{"i"}, "i", "idle limit"),
	Follow:     binding([]string{"F"}, "F", "follow live"),
	Search:     binding([]string{"/"}, "/", "search"),
	Again:      binding([]string{"n"}, "n", "search on"),
	AgainBack:  binding([]string{"N"}, "N", "search back"),
	Note:       binding([]string{"m"}, "m", "note"),
	Copy:       binding([]string{"y"}, "y", "copy the screen"),
	Typed:      binding([]string{"t"}, "t", "typed keys"),
	Export:     binding([]string{"e"}, "e", "export"),
	Zoom:       binding([]string{"z"}, "z", "screen only"),
	Facts:      binding([]string{"f"}, "f", "facts"),
	Seconds:    binding([]string{"h", "l"}, "h/l", "±5 s"),
	Minutes:    binding([]string{"H", "L"}, "H/L", "±1 min"),
	Speed:      binding([]string{"<", ">"}, "</>", "speed"),
	Pan:        binding([]string{"up", "down", "left", "right"}, "←↓↑→", "pan"),
	PanUp:      binding([]string{"up", "shift+up"}, "↑", "pan up"),
	PanDown:    binding([]string{"down", "shift+down"}, "↓", "pan down"),
	PanLeft:    binding([]string{"left", "shift+left"}, "←", "pan left"),
	PanRight:   binding([]string{"right", "shift+right"}, "→", "pan right"),
	PanFree:    binding([]string{"c"}, "c", "free the pan"),
	Kill:       binding([]string{"k", "X"}, "k", "end the session"),
	Verify:     binding([]string{"v"}, "v", "verify"),
	Close:      binding([]string{"f"}, "any key", "closes"),
	CloseElse:  binding([]string{"f"}, "other keys", "close"),
	Leave:      binding([]string{"q", "esc"}, "q", "back"),
}
