package console_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/console"
)

// lines are one fitting command line for each command.
var lines = map[string]string{
	"hosts": "hosts", "whoami": "whoami",
	"connect": "connect root@db1", "request": "request root@db1", "requests": "requests", "approve": "approve " + pendingID, "deny": "deny " + pendingID, "cancel": "cancel " + pendingID,
	"grants": "grants", "release": "release " + grantID, "revoke": "revoke " + grantID,
	"sessions": "sessions", "kill": "kill " + liveID, "watch": "watch " + liveID, "replay": "replay " + sealedID, "search": "search text", "verify": "verify", "export": "export " + sealedID,
	"extend": "extend " + grantID, "lock": "lock", "unlock": "unlock person:eve",
	"audit": "audit", "keys": "keys", "note": "note " + sealedID + " --at 1 x", "notes": "notes " + sealedID, "hold": "hold", "unhold": "unhold " + sealedID + " --reason x", "ssh-config": "ssh-config", "known-hosts": "known-hosts",
}

// Every command for every role: what the gate lets through. Where something
// is decided about a request, everyone passes it and the desk says no.
func TestWhoMayDoWhat(t *testing.T) {
	const everyone = "alice bob carol dave eve local"
	people := strings.TrimSuffix(everyone, " local")
	may := map[string]string{
		"hosts": everyone, "whoami": everyone, "requests": everyone, "grants": everyone, "sessions": everyone, "ssh-config": everyone, "known-hosts": everyone,
		"approve": people, "deny": everyone,
		"connect": people, "request": people, "cancel": people, "release": people, "extend": people,
		"lock": "carol dave local", "unlock": "dave local",
		"revoke": everyone, "kill": everyone,
		"watch": "bob carol local", "replay": "carol local", "search": "carol local", "verify": "carol local", "export": "carol local", "audit": "carol local", "keys": "carol dave local", "note": "carol", "notes": "carol local",
		"hold": "carol dave local", "unhold": "carol dave",
	}
	if len(may) != len(lines) {
		t.Fatal("a command is missing in the table")
	}
	for command, line := range lines {
		for who := range strings.FieldsSeq(everyone) {
			w := newWorld(t)
			got := w.as(t, who, line)
			refused := strings.Contains(got.err, "sallyport: refused: "+command+" is for ") || strings.Contains(got.err, "--break-glass")
			if want := !strings.Contains(" "+may[command]+" ", " "+who+" "); refused != want {
				t.Errorf("%s, %s: exit %d, %q; refused is %v, want %v", who, command, got.exit, got.err, refused, want)
			}
			if !refused {
				continue
			}
			if got.exit != 1 || got.out != "" || strings.Count(got.err, "\n") != 1 || len(w.asked) > 0 {
				t.Errorf("%s, %s: %+v, desk %v", who, command, got, w.asked)
			}
			if command != "approve" && command != "extend" && (len(w.events) != 1 || w.events[0].Kind != "command.refused" || w.events[0].Detail["command"] != command) {
				t.Errorf("%s, %s: no audit event of the refusal: %v", who, command, w.events)
			}
		}
	}
}

// A person whom the access file does not know any more has no command.
func TestRemovedPerson(t *testing.T) {
	for _, line := range lines {
		if got := newWorld(t).as(t, "mallory", line); got.exit != 1 || got.out != "" || !strings.HasPrefix(got.err, "sallyport: refused: the access file does not know you") {
			t.Errorf("%s: %+v", line, got)
		}
	}
}

// Nobody but those who see everybody's sees what is somebody else's.
func TestOnlyWhatIsTheirs(t *testing.T) {
	for who, want := range map[string][3]int{ // requests, grants, sessions
		"alice": {2, 1, 2}, "bob": {2, 1, 0}, "carol": {3, 1, 2}, "dave": {3, 1, 2}, "eve": {1, 0, 0}, "local": {3, 1, 2},
	} {
		w := newWorld(t)
		for i, line := range []string{"requests --json", "grants --json --person alice", "sessions --json --person alice"} {
			var got []map[string]any
			r := w.as(t, who, line)
			if err := json.Unmarshal([]byte(r.out), &got); err != nil || r.exit != 0 {
				t.Fatalf("%s, %s: %v, %+v", who, line, err, r)
			}
			if len(got) != want[i] {
				t.Errorf("%s, %s: %d, want %d", who, line, len(got), want[i])
			}
		}
	}
}

func TestGoldens(t *testing.T) {
	w := newWorld(t)
	wide := func(c *console.Call) { c.Terminal, c.Color = &console.Size{Cols: 60, Rows: 24}, true }
	for name, f := range map[string]func() result{
		"hosts":            func() result { return w.as(t, "alice", "hosts") },
		"hosts-json":       func() result { return w.as(t, "alice", "hosts --json") },
		"hosts-none":       func() result { return w.as(t, "eve", "hosts") },
		"hosts-local":      func() result { return w.as(t, "local", "hosts") },
		"hosts-local-json": func() result { return w.as(t, "local", "hosts --json") },
		"whoami":           func() result { return w.as(t, "alice", "whoami") },
		"whoami-json":      func() result { return w.as(t, "carol", "whoami --json") },
		"whoami-local":     func() result { return w.as(t, "local", "whoami") },
		"request":          func() result { return w.as(t, "alice", "request root@db1 --for 90m --reason x") },
		"requests":         func() result { return w.as(t, "bob", "requests") },
		"requests-all":     func() result { return w.as(t, "carol", "requests --all") },
		"requests-color":   func() result { return w.as(t, "carol", "requests --all", wide) },
		"requests-none":    func() result { return w.as(t, "eve", "requests") },
		"requests-json":    func() result { return w.as(t, "carol", "requests --json") },
		"approve":          func() result { return w.as(t, "bob", "approve "+pendingID) },
		"deny":             func() result { return w.as(t, "bob", "deny "+pendingID+" --reason 'not today'") },
		"grants":           func() result { return w.as(t, "alice", "grants") },
		"grants-json":      func() result { return w.as(t, "alice", "grants --json") },
		"sessions":         func() result { return w.as(t, "carol", "sessions") },
		"sessions-json":    func() result { return w.as(t, "carol", "sessions --json") },
		"sessions-none":    func() result { return w.as(t, "eve", "sessions --json") },
		"extend":           func() result { return w.as(t, "alice", "extend "+grantID+" --for 30m --reason x") },
		"extend-local":     func() result { return w.as(t, "local", "extend "+grantID+" --break-glass --reason x") },
		"lock":             func() result { return w.as(t, "dave", "lock person:eve --reason x") },
		"locks":            func() result { return w.as(t, "carol", "lock") },
		"locks-json":       func() result { return w.as(t, "local", "lock --json") },
		"locks-none":       func() result { v := newWorld(t); v.locks = nil; return v.as(t, "local", "lock") },
		"unlock":           func() result { return w.as(t, "local", "unlock host:web1") },
		"help-lock":        func() result { return w.as(t, "dave", "lock --help") },
		"help-extend":      func() result { return w.as(t, "alice", "extend --help") },
		"help-admin":       func() result { return w.as(t, "dave", "help") },
		"audit":            func() result { return w.as(t, "carol", "audit") },
		"audit-json":       func() result { return w.as(t, "carol", "audit --json --after 1 --limit 1") },
		"ssh-config":       func() result { return w.as(t, "alice", "ssh-config") },
		"known-hosts":      func() result { return w.as(t, "alice", "known-hosts") },
		"help":             func() result { return w.as(t, "alice", "help") },
		"help-auditor":     func() result { return w.as(t, "carol", "--help") },
		"help-requests":    func() result { return w.as(t, "alice", "requests --help") },
		"help-approve":     func() result { return w.as(t, "local", "help approve") },
	} {
		got := f()
		if got.exit != 0 || got.err != "" {
			t.Errorf("%s: exit %d, %s", name, got.exit, got.err)
		}
		golden(t, name, got.out)
	}
}

func TestUsage(t *testing.T) {
	for line, want := range map[string]string{
		"":                                   "sallyport: which command?\nusage: ssh bastion --help\n",
		"host":                               "sallyport: there is no command \"host\"; did you mean hosts?\nusage: ssh bastion --help\n",
		"frobnicate":                         "sallyport: there is no command \"frobnicate\".\nusage: ssh bastion --help\n",
		"help frobnicate":                    "sallyport: there is no command \"frobnicate\".\nusage: ssh bastion --help\n",
		"__complete hosts":                   "sallyport: there is no command \"__complete\".\nusage: ssh bastion --help\n",
		"approve":                            "sallyport: the ID is missing.\nusage: ssh bastion approve ID [--for TIME] [--reason TEXT] [--digest DIGEST] [--break-glass]\n",
		"approve x":                          "sallyport: \"x\" is not the ID of a request: 26 letters and digits, upper case.\nusage: ssh bastion approve ID [--for TIME] [--reason TEXT] [--digest DIGEST] [--break-glass]\n",
		"cancel " + pendingID + " b":         "sallyport: \"b\" is one argument too many; a text of several words needs quotes.\nusage: ssh bastion cancel ID\n",
		"approve " + pendingID[:25]:          "not the ID of a request",
		"approve " + pendingID + "0":         "not the ID of a request",
		"deny " + strings.ToLower(pendingID): "not the ID of a request",
		"requests --frob":                    "sallyport: unknown flag: --frob.\nusage: ssh bastion requests [--all] [--state STATE] [--limit N] [--json]\n",
		"requests --state x":                 "sallyport: --state: \"x\" is not one of pending, approved, denied, cancelled, lapsed.\nusage: ssh bastion requests",
		"requests --limit -1":                "--limit",
		"request root@db1 --for 1w":          "is not a duration",
		"request root@db1 --for 0s":          "no time at all",
		"sessions --since yesterday":         "is not a time such as",
		"extend x":                           "is not the ID of a grant or request",
		"extend " + grantID + " --for -1h":   "is not a duration",
		"sessions --kind tty":                "is not one of shell, exec, sftp, forward",
	} {
		w := newWorld(t)
		got := w.as(t, "alice", line)
		if got.exit != 2 || got.out != "" || !strings.Contains(got.err, want) || strings.Count(got.err, "\n") != 2 {
			t.Errorf("%q: exit %d, %q%q; want 2, %q", line, got.exit, got.out, got.err, want)
		}
		if len(w.asked) > 0 {
			t.Errorf("%q reached the desk: %v", line, w.asked)
		}
	}
}

func TestWhatReachesTheDesk(t *testing.T) {
	env := func(c *console.Call) { c.Reason = "from the environment" }
	for _, c := range []struct{ who, line, want string }{
		{"alice", "request ROOT+DB1 --for 2h --reason 'a b'", `ask alice root@db1 2h0m0s "a b"`},
		{"alice", "request root@db1", `ask alice root@db1 0s "from the environment"`},
		{"alice", "request root@db1 --break-glass --reason fire", `ask alice root@db1 0s "fire" break-glass`},
		{"bob", "approve " + pendingID + " --for 10m", `approve bob ` + pendingID + ` "" 10m0s`},
		{"bob", "review " + pendingID + " --note 'as INC-1 says'", `review bob ` + pendingID + ` "as INC-1 says"`},
		{"bob", "approve " + pendingID, `approve bob ` + pendingID + ` ""`},
		{"alice", "approve " + pendingID, `approve alice ` + pendingID + ` ""`}, // the desk refuses and keeps it
		{"local", "approve " + pendingID + " --break-glass --reason fire", `approve  ` + pendingID + ` "fire"`},
		{"bob", "deny " + pendingID + " --reason no", `deny bob ` + pendingID + ` "no"`},
		{"local", "deny " + pendingID + " --reason no", `deny  ` + pendingID + ` "no"`},
		{"alice", "cancel " + pendingID, "cancel alice " + pendingID},
		{"alice", "release " + grantID, "release alice " + grantID},
		{"alice", "extend " + grantID + " --for 1h --reason 'not done'", `extend alice ` + grantID + ` 1h0m0s "not done"`},
		{"alice", "extend " + approvedID, `extend alice ` + approvedID + ` 0s "from the environment"`},
		{"local", "extend " + grantID + " --for 1h --break-glass --reason fire", `extend  ` + grantID + ` 1h0m0s "fire"`},
		{"dave", "lock person:Alice --reason 'a b'", `lock dave person:alice "a b"`},
		{"carol", "lock host:db1 --reason no", `lock carol host:db1 "no"`}, // the desk refuses and keeps it
		{"local", "lock host:db1.example.com", `lock  host:db1.example.com "from the environment"`},
		{"dave", "unlock person:alice --reason ok", `unlock dave person:alice "ok"`},
		{"dave", "revoke " + approvedID + " --reason no", `revoke dave ` + approvedID + ` "no"`},
		{"local", "kill " + liveID + " --reason no", `kill  ` + liveID + ` "no"`},
	} {
		w := newWorld(t)
		if got := w.as(t, c.who, c.line, env); got.exit != 0 || len(w.asked) != 1 || w.asked[0] != c.want {
			t.Errorf("%s, %s: %+v, %q; want %q", c.who, c.line, got, w.asked, c.want)
		}
	}
}

// Break-glass needs both words, typed, and is not for people.
func TestBreakGlass(t *testing.T) {
	env := func(c *console.Call) { c.Reason = "from the environment" }
	for _, c := range []struct{ who, flags string }{
		{"local", ""}, {"local", "--break-glass"}, {"local", "--reason fire"}, {"local", "--break-glass --reason ' \t'"}, {"bob", "--break-glass --reason fire"},
	} {
		w := newWorld(t)
		for _, command := range []string{"approve " + pendingID, "extend " + grantID} {
			if got := w.as(t, c.who, command+" "+c.flags, env); got.exit != 1 || len(w.asked) > 0 {
				t.Errorf("%s, %s %s: %+v, %v", c.who, command, c.flags, got, w.asked)
			}
		}
	}
}

// An approval with a digest is of that request or of none.
func TestApproveByDigest(t *testing.T) {
	w := newWorld(t)
	digest := w.requests[0].Digest()
	if got := w.as(t, "bob", "approve "+pendingID+" --digest "+strings.Repeat("0", 32)); got.exit != 1 || len(w.asked) > 0 || !strings.Contains(got.err, "another digest") {
		t.Errorf("another: %+v, %v", got, w.asked)
	}
	got := w.as(t, "bob", "approve "+pendingID+" --digest "+strings.ToUpper(digest))
	if got.exit != 0 || len(w.asked) != 1 || !strings.Contains(got.out, "digest  "+digest) {
		t.Errorf("the same: %+v, %v", got, w.asked)
	}
}

// Who approves more time is told so.
func TestApproveAnExtension(t *testing.T) {
	w := newWorld(t)
	w.requests[0].Extends = grantID
	if got := w.as(t, "bob", "approve "+pendingID); got.exit != 0 || !strings.HasPrefix(got.out, "approved: alice may use root@db1 for 1h30m more ("+pendingID+")\n") {
		t.Errorf("%+v", got)
	}
}

// The person gets one line, the operator the cause.
func TestErrorsHaveTwoAudiences(t *testing.T) {
	for _, c := range []struct {
		err    error
		person string
		logged bool
	}{
		{access.Refuse(access.ReasonSelf, "nobody decides their own request", "Ask a colleague").About(pendingID),
			"sallyport: refused: nobody decides their own request. Ask a colleague (" + pendingID + ")\n", false},
		{access.Fail(access.ReasonInternal, "the database is full", "", errors.New("SECRET detail")), "sallyport: failed: the database is full.\n", true},
		{errors.New("SECRET detail"), "sallyport: failed: the bastion could not do this. Ask the operator to look at the log\n", true},
		{access.Refuse(access.ReasonDenied, "no\x1b[31m\nway\u202e", ""), "sallyport: refused: no [31m way.\n", false},
	} {
		w := newWorld(t)
		w.deskErr = c.err
		got := w.as(t, "bob", "approve "+pendingID)
		if got.exit != 1 || got.out != "" || got.err != c.person {
			t.Errorf("%v: %+v", c.err, got)
		}
		if logged := w.log.Len() > 0; logged != c.logged {
			t.Errorf("%v: logged is %v: %s", c.err, logged, w.log.String())
		}
	}
}

// Invariant 10: whatever a person or a host wrote, in whatever field, nothing
// of it acts on the terminal, in text or in JSON.
func TestHostileText(t *testing.T) {
	for name, hostile := range map[string]string{
		"escapes":  "\x1b]0;owned\a\x1b[2J\x9b31m\u009b31m\r\b\x7f\x00",
		"bidi":     "abc\u202edef\u2066\u200f\u061c",
		"lines":    "one\ntwo\u2028three\u2029four\u0085five\vsix\f",
		"invalid":  "a\xff\xfe\xc3\x28\xed\xa0\x80",
		"long":     strings.Repeat("x", 10<<10),
		"tags":     "\U000e0041\U000e007f\ufeff\ue000\U0010fffd",
		"stacked":  strings.Repeat("e\u0301\u0300", 3000),
		"wide":     strings.Repeat("日本\u3000", 2000),
		"like us":  "\", \"state\": \"approved",
		"not said": "\u0378\uffff\U0001ffff",
	} {
		w := newWorld(t)
		for i := range w.requests {
			r := &w.requests[i]
			r.Person, r.Reason, r.Command = access.PersonName(hostile), hostile, hostile
			r.Target = access.Target{Login: hostile, Host: hostile}
			r.Decisions = []access.Decision{{Person: access.PersonName(hostile), Reason: hostile}}
		}
		for i := range w.sessions {
			s := &w.sessions[i]
			s.Person, s.EndCause, s.EndDetail, s.Rule, s.Source = access.PersonName(hostile), hostile, hostile, hostile, hostile
			s.Target = access.Target{Login: hostile, Host: hostile}
			s.Approvers = []access.PersonName{access.PersonName(hostile)}
		}
		for i := range w.grants {
			g := &w.grants[i]
			g.Person, g.Rule, g.Target = access.PersonName(hostile), hostile, access.Target{Login: hostile, Host: hostile}
		}
		for i := range w.locks {
			l := &w.locks[i]
			l.Subject.Name, l.Reason, l.By = hostile, hostile, hostile
		}
		w.rows = []audit.Row{audit.Link(0, audit.Genesis, audit.Encode(audit.Event{Kind: audit.Kind(hostile), Person: hostile, Host: hostile, Detail: map[string]string{hostile: hostile}}))}
		small := func(c *console.Call) { c.Terminal = &console.Size{Cols: 80, Rows: 24} }
		for _, line := range []string{"requests --all", "sessions", "grants", "audit", "lock", "lock --json", "requests --json", "sessions --json", "grants --json", "audit --json"} {
			for _, change := range []func(*console.Call){small, func(*console.Call) {}} {
				got := w.as(t, "carol", line, change)
				if got.exit != 0 {
					t.Errorf("%s, %s: exit %d, %s", name, line, got.exit, got.err)
				}
				checkSafe(t, name+", "+line, got.out)
				if strings.HasSuffix(line, "--json") && !json.Valid([]byte(got.out)) {
					t.Errorf("%s, %s: not JSON: %.200s", name, line, got.out)
				}
			}
		}
		// And as arguments, by whoever types them.
		for _, args := range [][]string{{hostile}, {"approve", hostile}, {"approve", pendingID, hostile}, {"request", hostile}, {"request", "root@" + hostile},
			{"requests", "--" + hostile}, {"requests", "--state", hostile}, {"sessions", "--since", hostile}, {"request", "root@db1", "--for", hostile}, {"help", hostile},
			{"sessions", "--person", hostile, "--host", hostile}, {"requests", "--limit", hostile}} {
			got := w.as(t, "carol", "", small, func(c *console.Call) { c.Args = args })
			checkSafe(t, fmt.Sprintf("%s, %.40q", name, args), got.out)
			checkSafe(t, fmt.Sprintf("%s, %.40q", name, args), got.err)
			if strings.Count(got.err, "\n") > 2 || len(got.err) > 4<<10 {
				t.Errorf("%s, %.40q: %d bytes, %.300q", name, args, len(got.err), got.err)
			}
		}
	}
}

func checkSafe(t *testing.T, where, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s: invalid UTF-8", where)
	}
	for _, r := range out {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)) {
			t.Errorf("%s: %U came through: %.200q", where, r, out)
			return
		}
	}
}

// JSON loses nothing of what it escapes.
func TestJSONIsLossless(t *testing.T) {
	w := newWorld(t)
	const text = "\x1b[31m\u009b \u202e \U000e0041 \U0010fffd <&> \" \\ ü 日本 \u2028"
	w.requests[0].Reason = text
	var got []struct{ Reason string }
	if err := json.Unmarshal([]byte(w.as(t, "alice", "requests --json").out), &got); err != nil || got[0].Reason != text {
		t.Errorf("%q, %v", got[0].Reason, err)
	}
}

// A chain that does not hold is found on the way.
func TestAuditChecksTheChain(t *testing.T) {
	w := newWorld(t)
	w.rows[1].Stored = []byte(strings.Replace(string(w.rows[1].Stored), "alice", "mallo", 1))
	if got := w.as(t, "carol", "audit"); got.exit != 1 || !strings.Contains(got.err, "row 2") || strings.Contains(got.out, "mallo") {
		t.Errorf("%+v", got)
	}
}
