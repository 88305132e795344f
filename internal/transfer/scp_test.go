package transfer_test

import (
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/transfer"
)

// scpPeer speaks scp by hand: > to the host, < from it.
func scpPeer(command string, steps ...string) *peer {
	p := &peer{}
	p.watch = transfer.New(access.KindExec, command, false, func(e access.Transfer) { p.list = append(p.list, e) })
	for _, s := range steps {
		if s[0] == '>' {
			p.watch.ToHost([]byte(s[1:]))
		} else {
			p.watch.FromHost([]byte(s[1:]))
		}
	}
	p.watch.End()
	return p
}

func TestSCPCommands(t *testing.T) {
	file := []string{"<\x00", ">C0644 2 n\n", "<\x00", ">ab\x00", "<\x00"}
	for command, want := range map[string]string{
		"scp -t /x/n":               "put /x/n 2 B ok",
		"scp -t /x/":                "put /x/n 2 B ok",
		"scp -d -t /x":              "put /x/n 2 B ok",
		"scp -vdt -- /x":            "put /x/n 2 B ok",
		"scp -t .":                  "put ./n 2 B (or . itself, if that is no folder) ok",
		"/usr/bin/scp -p -t '/a b'": `put "/a b/n" 2 B (or /a b itself, if that is no folder) ok`,
		`sudo scp -t /a\ b/n`:       `put "/a b/n" 2 B ok`,
		"cd /x && scp -t n; bash":   "put n; 2 B",
		"scp -t":                    "",
		"scp /a /b":                 "",
		"cat scp":                   "",
		"scp":                       "",
		"tar c -t":                  "",
	} {
		p := scpPeer(command, file...)
		switch {
		case want == "" && len(p.list) > 0, want != "" && len(p.list) != 1:
			t.Errorf("%q: %v", command, p.list)
		case want == "put n; 2 B":
			if !strings.HasPrefix(p.list[0].String(), "put n;/n 2 B") {
				t.Errorf("%q: %v", command, p.list)
			}
		case want != "" && (p.list[0].String() != want || p.list[0].SHA256 != digest("ab")):
			t.Errorf("%q: %v, want %s", command, p.list, want)
		}
	}
	if p := (&peer{}); true {
		w := transfer.New(access.KindExec, "scp -t /x", true, func(e access.Transfer) { p.list = append(p.list, e) })
		w.ToHost([]byte("hello\n"))
		w.End()
		p.want(t)
	}
}

func TestSCP(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		steps   []string
		want    []string
	}{
		"all at once": {"scp -t /x/", []string{">C0644 2 n\nab\x00C0600 1 m\nz\x00", "<\x00\x00\x00\x00\x00"}, []string{"put /x/n 2 B ok", "put /x/m 1 B ok"}},
		"refused by the host, and the next one taken": {"scp -t /x/", []string{"<\x00", ">C0644 2 n\n", "<\x01scp: no\n", ">C0644 2 m\n", "<\x00", ">ab\x00", "<\x00"},
			[]string{"put /x/n 0 B partial (scp: no) failed", "put /x/m 2 B ok"}},
		"the host fails to write": {"scp -t /x/", []string{"<\x00", ">C0644 2 n\n", "<\x00", ">ab\x00", "<\x01scp: disk full\n"},
			[]string{"put /x/n 2 B partial (scp: disk full) failed"}},
		"the source fails to read": {"scp -f /x/n", []string{">\x00", "<C0644 2 n\n", ">\x00", "<\x00\x00\x01scp: I/O error\n", ">\x00"},
			[]string{"get /x/n 2 B partial (scp: I/O error) failed"}},
		"cut off":       {"scp -f /x/n", []string{">\x00", "<C0644 9 n\n", ">\x00", "<abc"}, []string{"get /x/n 3 B partial unfinished"}},
		"no last reply": {"scp -f /x/n", []string{">\x00", "<C0644 3 n\n", ">\x00", "<abc\x00"}, []string{"get /x/n 3 B partial unfinished"}},
		"no such folder": {"scp -t -r /x", []string{"<\x00", ">D0755 0 d\n", "<\x01scp: exists\n"},
			[]string{"mkdir /x/d (or /x itself, if that is no folder; scp: exists) failed"}},
		// What follows a refusal the host reads as lines, so we must not have
		// read it as content.
		"content sent past a refusal": {"scp -t /x/", []string{"<\x00", ">C0644 20 n\nC0644 2 evil\n", "<\x01scp: no\n"},
			[]string{"put /x/n 13 B partial unfinished", "opaque (the host sent a reply that does not fit)"}},
		"not scp after all": {"scp -t /x; bash", []string{"<\x00", ">C0644 2 n\n", "<\x00", ">ab\x00", "<\x00", ">cat /etc/shadow\n", "<root:x\n", ">C0644 2 n\n"},
			[]string{"put /x;/n 2 B (or /x; itself, if that is no folder) ok", "opaque (the client sent a line that is not of scp)"}},
		"an empty line":       {"scp -t /x", []string{">\n"}, []string{"opaque (the client sent a line that is not of scp)"}},
		"a line without end":  {"scp -t /x", []string{">" + strings.Repeat("C", 100_000)}, []string{"opaque (the client sent a line that is not of scp)"}},
		"folders without end": {"scp -r -t /x", []string{"<\x00", ">" + strings.Repeat("D0755 0 dddddddddd\n", 20_000)}, nil},
		"lines without reply": {"scp -p -t /x", []string{">" + strings.Repeat("T0 0 0 0\n", 20_000)}, []string{"opaque (the client sent more than can be followed without a reply)"}},
		"too many ends":       {"scp -p -t /x", []string{">E\n"}, []string{"opaque (the client sent a line that is not of scp)"}},
		"a size beyond all":   {"scp -t /x", []string{">C0644 9999999999999999999999 n\n"}, []string{"opaque (the client sent a line that is not of scp)"}},
		"a talkative host":    {"scp -t /x", []string{"<Welcome\n"}, []string{"opaque (the host sent a reply that does not fit)"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := scpPeer(c.command, c.steps...)
			if c.want != nil {
				p.want(t, c.want...)
			} else if n := len(p.list); n == 0 || n > 1000 || p.list[n-1].Action != access.FileOpaque {
				t.Errorf("%d entries", n)
			}
		})
	}
}
