package conformance

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/bastion"
	"github.com/sallyport/sallyport/certs"
)

// The environment of the test binary when it stands in for sshd.
const (
	asSSHD   = "SALLYPORT_AS_SSHD"   // a folder: stand in, and keep files there
	asDaemon = "SALLYPORT_AS_DAEMON" // the second half of a daemon's start

	realSSHD   = "SALLYPORT_SSHD"        // the real one: the stand-in may be the sshd of PATH
	sftpServer = "SALLYPORT_SFTP_SERVER" // with options: the sftp-server behind, whatever the configuration says
	sockets    = "SALLYPORT_SOCKETS"     // unix sockets that forwards may name, separated by colons
)

// sshdConfig is what a call of sshd asks for, as the real one understands it.
type sshdConfig struct {
	sshd  string
	args  []string // for another sshd -i with the same configuration
	file  string   // of -f
	inetd bool
	test  bool // -t, -T and the like: no connection
	login string
	terms map[string][]string // of sshd -T, keys in lower case
}

// readArgs splits the arguments of sshd (sshd.c, main).
func readArgs(args []string) (sshdConfig, error) {
	c := sshdConfig{sshd: os.Getenv(realSSHD)}
	if c.sshd == "" {
		return c, errors.New(realSSHD + " is not set")
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "-i":
			c.inetd = true
		case a == "-D":
		case slices.Contains([]string{"-t", "-T", "-V"}, a):
			c.test = true
		case len(a) == 2 && strings.Contains("bCcEfghkopu", a[1:]) && i+1 < len(args):
			i++
			if a == "-f" {
				c.file = args[i]
			} else {
				c.args = append(c.args, a, args[i])
			}
		case len(a) > 2 && a[:2] == "-f":
			c.file = a[2:]
		default:
			c.args = append(c.args, a)
		}
	}
	return c, nil
}

// load asks the real sshd what its configuration means.
func (c *sshdConfig) load() error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	c.login = who.Username
	from := "127.0.0.1"
	if c.inetd {
		from = "UNKNOWN"
	}
	args := append([]string{"-T", "-f", c.file, "-C", "user=" + c.login + ",host=" + from + ",addr=" + from + ",laddr=" + from + ",lport=22"}, c.options()...)
	out, err := exec.Command(c.sshd, args...).Output()
	if err != nil {
		return fmt.Errorf("sshd -T: %w", err)
	}
	c.terms = map[string][]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		c.terms[key] = append(c.terms[key], value)
	}
	return nil
}

// options are the arguments without the log, which belongs to the host's sshd.
func (c *sshdConfig) options() []string {
	var o []string
	for i := 0; i < len(c.args); i++ {
		if strings.HasPrefix(c.args[i], "-E") {
			if c.args[i] == "-E" {
				i++
			}
			continue
		}
		o = append(o, c.args[i])
	}
	return o
}

// hostKeys are the sshd's, but for those that x/crypto cannot use.
func (c *sshdConfig) hostKeys() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	for _, name := range c.terms["hostkey"] {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		s, err := ssh.ParsePrivateKey(text)
		if err != nil || unfit(s.PublicKey()) {
			continue // x/crypto makes no signer of a security key
		}
		signers = append(signers, s)
	}
	if len(signers) == 0 {
		return nil, errors.New("no host key that x/crypto can use")
	}
	return signers, nil
}

// people are the keys that the sshd would let in as the login, and the CAs
// whose certificates it would. Options beside them have no meaning to the
// bastion, whose rules say what somebody may do.
func (c *sshdConfig) people() (keys []string, cas certs.UserCAs) {
	seen := map[string]bool{}
	add := func(key ssh.PublicKey, options []string) {
		line := certs.AuthorizedLine(key, "")
		switch {
		case unfit(key) || seen[line]:
		case slices.ContainsFunc(options, func(o string) bool { return strings.EqualFold(o, "cert-authority") }):
			cas = append(cas, key)
		default:
			seen[line] = true
			keys = append(keys, line)
		}
	}
	for _, files := range c.terms["authorizedkeysfile"] {
		for _, name := range strings.Fields(files) {
			eachKey(strings.ReplaceAll(name, "%u", c.login), add)
		}
	}
	for _, name := range c.terms["trustedusercakeys"] {
		eachKey(name, func(key ssh.PublicKey, _ []string) { cas = append(cas, key) })
	}
	return keys, cas
}

// unfit says whether an inventory refuses the key: DSA and short RSA.
func unfit(key ssh.PublicKey) bool {
	k, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return key.Type() == "ssh-dss"
	}
	r, isRSA := k.CryptoPublicKey().(*rsa.PublicKey)
	return key.Type() == "ssh-dss" || isRSA && r.N.BitLen() < 2048
}

// eachKey reads a file of public keys. One that is absent has none.
func eachKey(name string, use func(ssh.PublicKey, []string)) {
	text, _ := os.ReadFile(name)
	for len(text) > 0 {
		key, _, options, rest, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			return
		}
		use(key, options)
		text = rest
	}
}

// revoked is RevokedKeys, read as ssh.revoked_keys.
func (c *sshdConfig) revoked() func(ssh.PublicKey) bool {
	for _, name := range c.terms["revokedkeys"] {
		if name != "none" {
			list, err := certs.ReadRevocations(name)
			if err != nil { // as sshd does: nobody can say who is revoked
				return func(ssh.PublicKey) bool { return true }
			}
			return list.Revoked
		}
	}
	return nil
}

// limits are the sshd's where it has them: LoginGraceTime, in seconds, and
// MaxStartups, of which "start:rate:full" ends with the last.
func (c *sshdConfig) limits() bastion.Limits {
	l := bastion.Limits{
		Handshake: 20 * time.Second, Auth: 2 * time.Minute, AuthTries: 20, MaxUnauthenticated: 100,
		FailedPerIPPerMinute: 10_000, Idle: 30 * time.Minute, SessionsPerPerson: 200,
	}
	if n, err := strconv.Atoi(c.terms["logingracetime"][0]); err == nil && n > 0 {
		l.Auth = time.Duration(n) * time.Second
		l.Handshake = min(l.Handshake, l.Auth)
	}
	full := strings.Split(c.terms["maxstartups"][0], ":")
	if n, err := strconv.Atoi(full[len(full)-1]); err == nil && n > 0 {
		l.MaxUnauthenticated = n
	}
	return l
}
