package console_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/console"
)

// program runs one command line of the binary.
func program(t *testing.T, p console.Program, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	p.Stdin, p.Stdout, p.Stderr = strings.NewReader(""), &out, &errOut
	if p.Env == nil {
		p.Env = func(string) string { return "" }
	}
	if p.Socket == nil {
		p.Socket = func(string) (string, error) { return "", errors.New("no configuration") }
	}
	exit := p.Run(t.Context(), args)
	return result{out.String(), errOut.String(), exit}
}

// What the binary's own command line passes on is what was typed.
func TestProgramReachesTheServer(t *testing.T) {
	w := newWorld(t)
	path, _ := serve(t, w.Console)
	var config string
	p := console.Program{
		Socket: func(c string) (string, error) { config = c; return path, nil },
		Env:    func(name string) string { return map[string]string{"SALLYPORT_REASON": "by environment"}[name] },
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"deny", pendingID, "--reason", "--break-glass 'x' \n"}, "deny  " + pendingID + ` "--break-glass 'x' \n"`},
		{[]string{"--config", "x.yaml", "deny", "--", pendingID}, "deny  " + pendingID + ` "by environment"`},
		{[]string{"approve", "--break-glass", pendingID, "--config=y.yaml", "--reason=fire"}, "approve  " + pendingID + ` "fire"`},
	} {
		w.asked = nil
		if got := program(t, p, c.args...); got.exit != 0 || len(w.asked) != 1 || w.asked[0] != c.want {
			t.Errorf("%q: %+v, %q; want %q", c.args, got, w.asked, c.want)
		}
	}
	if config != "y.yaml" {
		t.Errorf("config %q", config)
	}
	if got := program(t, p, "sessions", "--state", "live", "--limit", "1", "--json"); got.exit != 0 || !strings.Contains(got.out, liveID) || strings.Contains(got.out, sealedID) {
		t.Errorf("sessions: %+v", got)
	}
	if got := program(t, p, "kill", nowhereID+"x"); got.exit != 2 || !strings.Contains(got.err, "usage: sallyport kill ID") {
		t.Errorf("kill: %+v", got)
	}
	w.deskErr = access.Refuse(access.ReasonNotFound, "there is no such session", "")
	if got := program(t, p, "kill", nowhereID); got.exit != 1 || got.err != "sallyport: refused: there is no such session.\n" {
		t.Errorf("kill: %+v", got)
	}
}

func TestProgram(t *testing.T) {
	var ran string
	var force bool
	p := console.Program{Version: "1.2.3", Commands: []console.Command{
		{Name: "serve", Short: "run the server", Long: "Runs the server.", Run: func(context.Context, string, []string) error { ran = "serve"; return nil }},
		{Name: "check", Short: "check the configuration", Args: []string{"[FILE]"}, Flags: func(f *flag.FlagSet) { f.BoolVar(&force, "force", false, "do it") },
			Run: func(_ context.Context, config string, args []string) error {
				ran = config + strings.Join(args, ",")
				if force {
					return errors.New("x.yaml:1: a: first\x1b[31m\nx.yaml:2: b: second")
				}
				return console.ExitError(7)
			}},
		{Name: "vault", Short: "look after Vault", Commands: []console.Command{{Name: "policy", Short: "print a policy", Run: func(context.Context, string, []string) error { ran = "policy"; return nil }}}},
	}}
	for _, c := range []struct {
		line string
		want result
		ran  string
	}{
		{"serve", result{}, "serve"},
		{"--config c.yaml check f", result{exit: 7}, "c.yamlf"},
		{"check --force", result{err: "sallyport: failed: x.yaml:1: a: first [31m\nx.yaml:2: b: second\n", exit: 1}, ""},
		{"check a b", result{err: "sallyport: \"b\" is one argument too many; a text of several words needs quotes.\nusage: sallyport check [FILE] [OPTIONS]\n", exit: 2}, ""},
		{"vault policy", result{}, "policy"},
		{"vault polcy", result{err: "sallyport: there is no command \"polcy\"; did you mean policy?\nusage: sallyport vault --help\n", exit: 2}, ""},
		{"vault", result{err: "sallyport: which command?\nusage: sallyport vault COMMAND\n", exit: 2}, ""},
		{"serv", result{err: "sallyport: there is no command \"serv\"; did you mean serve?\nusage: sallyport --help\n", exit: 2}, ""},
		{"hosts", result{err: "sallyport: failed: no configuration\n", exit: 1}, ""},
		{"--version", result{out: "sallyport 1.2.3\n"}, ""},
	} {
		ran, force = "", false
		if got := program(t, p, strings.Fields(c.line)...); got != c.want || ran != c.ran {
			t.Errorf("%s: %+v, ran %q; want %+v, %q", c.line, got, ran, c.want, c.ran)
		}
	}
	golden(t, "program-help", program(t, p, "--help").out)
	golden(t, "program-help-check", program(t, p, "check", "--help").out)
	golden(t, "program-help-vault", program(t, p, "help", "vault").out)
	golden(t, "program-help-replay", program(t, p, "replay", "-h").out)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if got := program(t, p, "completion", shell); got.exit != 0 || !strings.Contains(got.out, "sallyport") {
			t.Errorf("completion %s: exit %d, %s", shell, got.exit, got.err)
		}
	}
	if got := program(t, p, "__complete", "re"); !strings.Contains(got.out, "replay\treplay a recording\n") {
		t.Errorf("completion of re: %q", got.out)
	}
}

// An interrupt reaches the server, and the client does not hang.
func TestProgramInterrupted(t *testing.T) {
	d, path, _ := slow(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-d.began; cancel() }()
	p := console.Program{Socket: func(string) (string, error) { return path, nil }, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard,
		Env: func(string) string { return "" }}
	if exit := p.Run(ctx, []string{"deny", pendingID}); exit != 1 {
		t.Errorf("exit %d", exit)
	}
	<-d.ended
}
