package setup

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sallyport/sallyport/access"
)

// maxAuditLine bounds a line of Vault's audit log, in bytes. An answer that
// signs has a few KiB.
const maxAuditLine = 4 << 20

// Signed is a certificate that Vault's audit log says it signed.
type Signed struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	Path      string    `json:"path"`
	KeyID     string    `json:"key_id,omitempty"` // of the request, or its correlation header; empty where the log hides both
	Serial    string    `json:"serial,omitempty"` // hexadecimal; empty where the log hides it
}

// Known is a certificate that the bastion remembers.
type Known struct {
	Time      time.Time `json:"time"`
	RequestID string    `json:"request_id"`
	KeyID     string    `json:"key_id"`
	Serial    string    `json:"serial"` // decimal, as sshd logs it
	Session   string    `json:"session_id"`
}

// Report is what came of holding both against each other.
type Report struct {
	Entries int       `json:"entries"` // of the log, all kinds
	Signed  int       `json:"signed"`  // certificates
	Matched int       `json:"matched"`
	From    time.Time `json:"from"` // the time that the log spans
	Until   time.Time `json:"until"`

	// Unknown were signed, but for no session of ours: somebody else used
	// the engine.
	Unknown []Signed `json:"unknown"`
	// Unanswered carry the key ID of a session of ours whose certificate
	// came from another request: the first answer was lost and the order
	// repeated, or somebody copied the key ID.
	Unanswered []Signed `json:"unanswered"`
	// Missing are remembered here, within the log's time, and not in it.
	Missing []Known `json:"missing"`
	Garbled int     `json:"garbled"` // lines that are no entries
}

// Clean reports whether nothing needs a look.
func (r Report) Clean() bool {
	return len(r.Unknown)+len(r.Unanswered)+len(r.Missing)+r.Garbled == 0
}

// entry is what is read of a line of the log ("Audit devices: audit log
// entries" of Vault's documentation).
type entry struct {
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
	Error   string    `json:"error"`
	Request struct {
		ID        string                     `json:"id"`
		Operation string                     `json:"operation"`
		Path      string                     `json:"path"`
		Namespace struct{ Path string }      `json:"namespace"`
		Headers   map[string][]string        `json:"headers"`
		Data      map[string]json.RawMessage `json:"data"`
	} `json:"request"`
	Response struct {
		Data map[string]json.RawMessage `json:"data"`
	} `json:"response"`
}

// Reconcile reads Vault's audit log (a line of JSON an entry) and holds the
// certificates of the mount against those that the bastion remembers. The log
// is read as a stream; what it holds is somebody else's text, and is plain when
// it comes out.
func Reconcile(log io.Reader, p Plan, known []Known) (Report, error) {
	byRequest, byKeyID := map[string]int{}, map[string]bool{}
	for i, k := range known {
		byRequest[k.RequestID] = i
		byKeyID[k.KeyID] = true
	}
	seen := make([]bool, len(known))
	r := Report{Unknown: []Signed{}, Unanswered: []Signed{}, Missing: []Known{}}
	lines := bufio.NewScanner(log)
	lines.Buffer(make([]byte, 64<<10), maxAuditLine)
	for lines.Scan() {
		if len(strings.TrimSpace(lines.Text())) == 0 {
			continue
		}
		var e entry
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Type == "" || e.Time.IsZero() {
			r.Garbled++
			continue
		}
		r.note(e.Time)
		s, ok := p.signed(e)
		if !ok {
			continue
		}
		r.Signed++
		i, ours := byRequest[s.RequestID]
		switch {
		case ours:
			seen[i] = true
			r.Matched++
		case s.KeyID != "" && byKeyID[s.KeyID]:
			r.Unanswered = append(r.Unanswered, s)
		default:
			r.Unknown = append(r.Unknown, s)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return r, fmt.Errorf("an entry of more than %d bytes", maxAuditLine)
	}
	for i, k := range known {
		if !seen[i] && !k.Time.Before(r.From) && !k.Time.After(r.Until) {
			r.Missing = append(r.Missing, k)
		}
	}
	return r, lines.Err()
}

// note counts an entry and widens the log's time.
func (r *Report) note(at time.Time) {
	r.Entries++
	if r.From.IsZero() || at.Before(r.From) {
		r.From = at
	}
	if at.After(r.Until) {
		r.Until = at
	}
}

// signed reads an entry that tells of a certificate of the mount.
func (p Plan) signed(e entry) (Signed, bool) {
	below, ours := strings.CutPrefix(e.Request.Path, p.Mount+"/")
	verb, _, _ := strings.Cut(below, "/")
	if !ours || verb != "sign" && verb != "issue" || e.Type != "response" || e.Error != "" {
		return Signed{}, false
	}
	if strings.Trim(e.Request.Namespace.Path, "/") != strings.Trim(p.Namespace, "/") {
		return Signed{}, false
	}
	if len(e.Response.Data) == 0 || e.Response.Data["error"] != nil {
		return Signed{}, false // refused by the engine
	}
	s := Signed{
		Time: e.Time, RequestID: access.Plain(e.Request.ID, 64), Path: access.Plain(e.Request.Path, 200),
		KeyID: shown(e.Request.Data["key_id"]), Serial: shown(e.Response.Data["serial_number"]),
	}
	if s.KeyID == "" {
		for name, values := range e.Request.Headers {
			if strings.EqualFold(name, "X-Correlation-Id") && len(values) > 0 && !hidden(values[0]) {
				s.KeyID = access.Plain(values[0], 512)
			}
		}
	}
	return s, true
}

// shown gives a text of the log unless it is hidden there.
func shown(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil || hidden(s) {
		return ""
	}
	return access.Plain(s, 512)
}

// hidden reports whether a value is a digest in place of itself.
func hidden(s string) bool { return strings.HasPrefix(s, "hmac-sha256:") }
