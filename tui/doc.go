// Package tui is what a person sees at a terminal: the sessions browser and
// the player for auditors, one's own hosts, requests and grants, and the
// pending requests for those who may decide. It runs alike on a local terminal
// and over an SSH session.
//
// It owns the drawing and the keys. It refuses to decide anything (the desk
// does), to know where data lies (the small interfaces of [Config] say what it
// needs), and to send a recorded byte to a terminal: a recording is played
// into [github.com/sallyport/sallyport/internal/vt], and cells are drawn.
//
// The structure: a root model owns the window, the tabs and the status line,
// and shows one page at a time; a page is a [page] with its own key map.
// Everything that may wait runs in a command with the program's context, and
// its answer carries the generation that asked, so that stale ones fall away.
//
// Start reading at [Run], then root.go, then player.go (the life of one replay;
// playerclock.go, playerdeck.go, playerlive.go … are its nouns) and deck.go.
package tui
