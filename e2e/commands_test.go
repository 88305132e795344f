package e2e

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// commands are the words of the scripts, beside those of testscript.
//
//	bastion start|stop|crash|hup [KEY=VALUE…]  ! bastion start: it must not become ready
//	bastion died           waits for that
//	bastion configure KEY=VALUE…   writes the configuration, and starts nothing
//	bastion limit BLOCKS   files grow no further, from the next start on
//	access without NAME | rules FILE | raw FILE    changes access.yaml
//
//	PERSON [-exit N] [-key KEY] [-tty] [-in FILE] WORDS… [&|&JOB&]
//	    WORDS: a client (ssh, scp, sftp, rsync, git, tmux, sh …), "approve",
//	    "deny" or "clicks approve|deny" for the request that is pending, else a
//	    command of the bastion's console. A job is called like the person
//	    unless it has a name.
//	sees [!] JOB REGEXP     until the job shows it
//	types JOB TEXT          Go's escapes; on a terminal
//	resizes JOB COLSxROWS
//	interrupt|hangup JOB    SIGINT, SIGKILL
//	freeze|thaw JOB         SIGSTOP, SIGCONT: it is there, and does nothing
//	ends [-exit N] JOB      waits, then stdout and stderr are the job's
//
//	requested [STATE]       until a request is so (pending); sets REQUEST
//	session STATE [COUNT]   until so many are so; sets SESSION, CAST, RECORDING
//	audited KIND [REGEXP]   until there is such an event
//	logged REGEXP           until the bastion's log has it
//	port NAME               sets NAME to a port that is free; "port up NAME" until one listens there
//	needs PROGRAM…          what a script drives that not everybody has; python:MODULE, fuse, trace, mount
//	recorded KIND REGEXP    until a closed recording of KIND holds it
//	found REGEXP SEARCH…    until a search with these words finds it
//	holds FILE REGEXP       until the file holds it
//	digest NAME FILE        sets NAME to the file's SHA-256
//	plays SCREEN kill|hangup  ends the session and finds its last screen in other players
//	json FILE PATH VALUE    a value in a JSON document: "0.state", "#" for a length
//
//	swiftly PERSON …        what a person does, and it must not take long
//	metric NAME VALUE       until /metrics has it
//
//	slack …, vault …, raw …, disk …, siem …  see their files
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"bastion": cmdBastion, "access": cmdAccess, "sallyport": cmdSallyport,
	"sees": cmdSees, "types": cmdTypes, "resizes": cmdResizes, "interrupt": cmdInterrupt, "hangup": cmdHangup, "freeze": cmdFreeze, "thaw": cmdThaw, "ends": cmdEnds,
	"requested": cmdRequested, "session": cmdSession, "audited": cmdAudited, "logged": cmdLogged, "json": cmdJSON, "screen": cmdScreen,
	"slack": cmdSlack, "vault": cmdVault, "raw": cmdRaw, "text": cmdText, "port": cmdPort,
	"siem": cmdSiem, "swiftly": cmdSwiftly, "disk": cmdDisk, "metric": cmdMetric,
	"needs": cmdNeeds, "recorded": cmdRecorded, "digest": cmdDigest, "found": cmdFound,
	"holds": cmdHolds, "plays": cmdPlays,
}

func init() {
	for _, p := range inhabitants() {
		commands[p.name] = func(ts *testscript.TestScript, neg bool, args []string) { act(ts, p.name, neg, args) }
	}
}

func cmdBastion(ts *testscript.TestScript, neg bool, args []string) {
	w := townOf(ts)
	if len(args) == 0 {
		ts.Fatalf("usage: bastion start|stop|crash [KEY=VALUE…]")
	}
	switch args[0] {
	case "start":
		ts.Check(w.configure(args[1:]))
		refusal, err := w.start()
		ts.Check(err)
		fmt.Fprint(ts.Stderr(), refusal)
		switch {
		case refusal != "" && !neg:
			ts.Fatalf("the bastion did not become ready: %s", refusal)
		case refusal == "" && neg:
			ts.Fatalf("the bastion became ready")
		case refusal == "":
			host, port, _ := strings.Cut(w.bastion.ssh, ":")
			ts.Setenv("BASTION", w.bastion.ssh)
			ts.Setenv("BASTION_HOST", host)
			ts.Setenv("BASTION_PORT", port)
			ts.Setenv("HTTP", w.bastion.http)
			ts.Setenv("METRICS", w.bastion.metrics)
		}
	case "stop":
		ts.Check(w.bastion.stop())
	case "crash":
		ts.Check(w.bastion.crash())
	case "died":
		select {
		case <-w.bastion.done:
		case <-time.After(patience):
			ts.Fatalf("it lives")
		}
	case "configure":
		ts.Check(w.configure(args[1:]))
	case "limit":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		w.fileLimit = n
	case "hup":
		ts.Check(w.bastion.cmd.Process.Signal(syscall.SIGHUP))
	default:
		ts.Fatalf("bastion %s?", args[0])
	}
}

func cmdAccess(ts *testscript.TestScript, _ bool, args []string) {
	w := townOf(ts)
	if len(args) != 2 {
		ts.Fatalf("usage: access without NAME | rules FILE | raw FILE")
	}
	switch args[0] {
	case "without":
		w.people = slices.DeleteFunc(w.people, func(p *person) bool { return p.name == args[1] })
	case "rules":
		w.rules = ts.ReadFile(args[1])
	case "raw":
		ts.Check(w.writeAccess(ts.ReadFile(args[1])))
		return
	default:
		ts.Fatalf("access %s?", args[0])
	}
	ts.Check(w.writeAccess(w.accessFile()))
}

// cmdSallyport is the binary's own command line, as the operator has it.
func cmdSallyport(ts *testscript.TestScript, neg bool, args []string) {
	status := 0
	if len(args) > 1 && args[0] == "-exit" {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		status, args = n, args[2:]
	}
	j, err := startJob(townOf(ts).sallyport(args...), false)
	ts.Check(err)
	finish(ts, "sallyport", j, neg, status)
}

// clients are what a person may start beside commands of the console.
var clients = []string{
	"ssh", "scp", "sftp", "rsync", "git", "tmux", "sh", "ssh-keygen", "asciinema", python,
	"ansible", "ansible-playbook", "ssh-agent", "dbclient", "dropbearconvert", "expect", "lftp", "mosh", "plink", "psftp", "puttygen", "sshfs",
}

func clientPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return name // the failure will say so
	}
	return path
}

// act is what a person does.
func act(ts *testscript.TestScript, name string, neg bool, args []string) {
	w := townOf(ts)
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	exit := flags.Int("exit", 0, "")
	key := flags.String("key", name, "")
	tty := flags.Bool("tty", false, "")
	in := flags.String("in", "", "")
	ts.Check(flags.Parse(args))
	words := flags.Args()
	if len(words) == 0 {
		ts.Fatalf("%s does what?", name)
	}
	if words[0] == "clicks" {
		w.click(ts, name, words[1:])
		return
	}
	job := ""
	if last := words[len(words)-1]; strings.HasPrefix(last, "&") {
		if job = strings.Trim(last, "&"); job == "" {
			job = name
		}
		words = words[:len(words)-1]
	}
	switch {
	case len(words) == 1 && (words[0] == "approve" || words[0] == "deny"):
		words = append(words, w.awaitRequest(ts, "pending"))
		fallthrough
	case !slices.Contains(clients, words[0]):
		words = append([]string{"ssh", "bastion"}, words...)
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = w.dir
	bin := w.path(".bin", *key)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+w.dir, "TERM=xterm-256color", "LC_ALL=C.UTF-8",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+name+"@example.com",
		"GIT_COMMITTER_NAME="+name, "GIT_COMMITTER_EMAIL="+name+"@example.com", "TMUX=", "SSH_AUTH_SOCK=",
		"WORK="+w.dir, "PYTHON="+python, "LOGIN="+w.host.Login, "BASTION_HOST="+ts.Getenv("BASTION_HOST"), "BASTION_PORT="+ts.Getenv("BASTION_PORT"))
	if slices.Contains([]string{"ssh", "scp", "sftp"}, words[0]) {
		cmd.Path, cmd.Err = bin+"/"+words[0], nil
	}
	if *in != "" {
		f, err := os.Open(ts.MkAbs(*in))
		ts.Check(err)
		defer f.Close()
		cmd.Stdin = f
	}
	j, err := startJob(cmd, *tty)
	ts.Check(err)
	if job == "" {
		finish(ts, name, j, neg, *exit)
		return
	}
	if old := w.jobs[job]; old != nil && !old.end(0) {
		ts.Fatalf("the job %s runs still", job)
	}
	w.jobs[job] = j
}

// finish waits for a client and holds it to its exit status; neg takes any
// but 0.
func finish(ts *testscript.TestScript, name string, j *job, neg bool, status int) {
	ended := j.end(patience)
	if !ended {
		j.kill()
	}
	out, stderr := j.outputs()
	fmt.Fprint(ts.Stdout(), out)
	fmt.Fprint(ts.Stderr(), stderr)
	switch got := j.status(); {
	case !ended:
		ts.Fatalf("%s: still running after %v", name, patience)
	case neg && got == 0:
		ts.Fatalf("%s: exit status 0", name)
	case !neg && got != status:
		ts.Fatalf("%s: exit status %d, not %d", name, got, status)
	}
}

func jobOf(ts *testscript.TestScript, args []string, n int, usage string) *job {
	if len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
	j := townOf(ts).jobs[args[0]]
	if j == nil {
		ts.Fatalf("there is no job %s", args[0])
	}
	return j
}

func cmdSees(ts *testscript.TestScript, neg bool, args []string) {
	j := jobOf(ts, args, 2, "sees JOB REGEXP")
	pattern := compile(ts, args[1])
	if neg {
		if pattern.MatchString(j.output()) {
			ts.Fatalf("%s saw %q:\n%s", args[0], args[1], j.output())
		}
		return
	}
	await(ts, fmt.Sprintf("%s sees %q", args[0], args[1]), func() (bool, error) {
		if pattern.MatchString(j.output()) {
			return true, nil
		}
		if j.end(0) && !pattern.MatchString(j.output()) {
			return false, fmt.Errorf("it has ended with %d:\n%s", j.status(), j.output())
		}
		return false, nil
	})
}

func cmdTypes(ts *testscript.TestScript, _ bool, args []string) {
	j := jobOf(ts, args, 2, "types JOB TEXT")
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	if j.terminal == nil {
		ts.Fatalf("%s has no terminal", args[0])
	}
	_, err = j.terminal.WriteString(text)
	ts.Check(err)
}

func cmdResizes(ts *testscript.TestScript, _ bool, args []string) {
	j := jobOf(ts, args, 2, "resizes JOB COLSxROWS")
	var size pty.Winsize
	if _, err := fmt.Sscanf(args[1], "%dx%d", &size.Cols, &size.Rows); err != nil {
		ts.Fatalf("%s is no size: %v", args[1], err)
	}
	ts.Check(pty.Setsize(j.terminal, &size))
}

func cmdInterrupt(ts *testscript.TestScript, _ bool, args []string) {
	jobOf(ts, args, 1, "interrupt JOB").signal(syscall.SIGINT)
}

func cmdHangup(ts *testscript.TestScript, _ bool, args []string) {
	jobOf(ts, args, 1, "hangup JOB").signal(syscall.SIGKILL)
}

func cmdFreeze(ts *testscript.TestScript, _ bool, args []string) {
	jobOf(ts, args, 1, "freeze JOB").signal(syscall.SIGSTOP)
}

func cmdThaw(ts *testscript.TestScript, _ bool, args []string) {
	jobOf(ts, args, 1, "thaw JOB").signal(syscall.SIGCONT)
}

func cmdEnds(ts *testscript.TestScript, neg bool, args []string) {
	status := 0
	if len(args) == 3 && args[0] == "-exit" {
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		status, args = n, args[2:]
	}
	j := jobOf(ts, args, 1, "ends [-exit N] JOB")
	finish(ts, args[0], j, neg, status)
	if j.terminal != nil {
		_ = j.terminal.Close()
	}
}

func cmdLogged(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: logged REGEXP")
	}
	w, pattern := townOf(ts), compile(ts, args[0])
	if neg {
		if pattern.MatchString(w.log()) {
			ts.Fatalf("the log holds %q", args[0])
		}
		return
	}
	await(ts, "logged "+args[0], func() (bool, error) { return pattern.MatchString(w.log()), nil })
}

// cmdText writes a file of so many times a text, in Go's escapes.
func cmdText(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: text FILE COUNT TEXT")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	text, err := strconv.Unquote(`"` + args[2] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(text, n)), 0o600))
}

func cmdPort(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 2 && args[0] == "up" {
		await(ts, "port up "+args[1], func() (bool, error) {
			// Bound is enough: to connect would be a visit.
			l, err := net.Listen("tcp", "127.0.0.1:"+ts.Getenv(args[1]))
			if err == nil {
				_ = l.Close() // only tried
			}
			return err != nil, nil
		})
		return
	}
	if len(args) != 1 {
		ts.Fatalf("usage: port [up] NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	ts.Check(l.Close())
}

func compile(ts *testscript.TestScript, pattern string) *regexp.Regexp {
	re, err := regexp.Compile(`(?ms)` + pattern)
	ts.Check(err)
	return re
}

// cmdHolds awaits what a program writes to a file.
func cmdHolds(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: holds FILE REGEXP")
	}
	pattern := compile(ts, args[1])
	await(ts, args[0]+" holds "+args[1], func() (bool, error) {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return pattern.Match(text), err
	})
}

// await looks until it is so. A condition that can no longer come true is an
// error.
func await(ts *testscript.TestScript, what string, so func() (bool, error)) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		ok, err := so()
		if err != nil {
			ts.Fatalf("%s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-look.C:
		case <-deadline.C:
			ts.Fatalf("%s: not after %v", what, patience)
		}
	}
}

var errNoBastion = errors.New("no bastion is running")
