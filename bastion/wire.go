package bastion

import (
	"cmp"
	"net"
	"strconv"

	gossh "golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// direct is the payload of a direct-tcpip channel (RFC 4254, section 7.2).
type direct struct {
	Host           string
	Port           uint32
	OriginatorHost string
	OriginatorPort uint32
}

func parseDirect(payload []byte) (direct, bool) {
	var d direct
	err := gossh.Unmarshal(payload, &d)
	return d, err == nil && d.Port <= 65535 && d.OriginatorPort <= 65535
}

func (d direct) destination() string {
	return access.Plain(net.JoinHostPort(d.Host, strconv.Itoa(int(d.Port))), 280)
}

// byClient reports whether the ssh client itself opened the channel, as -J and
// -W do: OpenSSH declares the originator 127.0.0.1:65535 then, and a -L
// listener declares who connected to it, whose port is an ephemeral one.
func (d direct) byClient() bool {
	return d.OriginatorHost == "127.0.0.1" && d.OriginatorPort == 65535
}

// ptyRequest is the payload of pty-req (RFC 4254, section 6.2).
type ptyRequest struct {
	Term          string
	Cols, Rows    uint32
	Width, Height uint32 // pixels
	Modes         string
}

// windowChange is the payload of window-change (RFC 4254, section 6.7).
type windowChange struct {
	Cols, Rows    uint32
	Width, Height uint32
}

// maxCells bounds either side of a terminal: what a recording and a replay can
// hold.
const maxCells = 4096

// What a terminal has that names no size (zero is to be ignored: RFC 4254,
// section 6.2), as `ssh -tt` in a script does: programs on the host take it for
// this.
const (
	usualCols = 80
	usualRows = 24
)

// The smallest terminal that is recorded. Nobody reads one that is smaller: who
// claims it has another, and a replay and a search in which nothing is seen.
const (
	fewestCols = 20
	fewestRows = 4
)

// size gives the terminal's size.
func (w windowChange) size() (cols, rows int) {
	return int(min(cmp.Or(w.Cols, usualCols), maxCells)), int(min(cmp.Or(w.Rows, usualRows), maxCells))
}

// recorded gives the terminal's size for the recording.
func (w windowChange) recorded() (cols, rows int) {
	cols, rows = w.size()
	return max(cols, fewestCols), max(rows, fewestRows)
}

func (p ptyRequest) window() windowChange {
	return windowChange{Cols: p.Cols, Rows: p.Rows, Width: p.Width, Height: p.Height}
}

// resized returns p as it would be asked for with the window of now.
func (p ptyRequest) resized(w windowChange) ptyRequest {
	p.Cols, p.Rows, p.Width, p.Height = w.Cols, w.Rows, w.Width, w.Height
	return p
}

// envRequest is the payload of env (RFC 4254, section 6.4).
type envRequest struct{ Name, Value string }

// textRequest is the payload of exec (its command) and of subsystem (its
// name) (RFC 4254, section 6.5).
type textRequest struct{ Text string }

// exitStatus is the payload of exit-status (RFC 4254, section 6.10).
type exitStatus struct{ Status uint32 }

// exitSignal is the payload of exit-signal (RFC 4254, section 6.10).
type exitSignal struct {
	Signal     string
	CoreDumped bool
	Message    string
	Language   string
}
