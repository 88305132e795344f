package vaultclient

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
)

// Config is ca.vault of sallyport.yaml, as far as the login and the mount go;
// TTL and source address are part of the order (certs.Mint).
type Config struct {
	Address     string          // https://HOST:PORT; http on loopback only
	Namespace   string          // may be empty
	CAFile      string          // PEM; empty: the system's
	Auth        Auth            //
	Mount       string          // of the SSH engine, such as ssh-client-signer
	Role        string          // template: {login}, {host} and labels
	Authorities []ssh.PublicKey // pinned CAs; none: ask the mount at the first login
	Deadline    time.Duration   // of an order; 0: 5 s
	Now         access.Clock    // nil: time.Now
	Log         *slog.Logger    // nil: none
}

// Method is a way to log in to Vault.
type Method string

const (
	MethodToken      Method = "token"
	MethodAppRole    Method = "approle"
	MethodKubernetes Method = "kubernetes"
	MethodJWT        Method = "jwt"
	MethodCert       Method = "cert"
)

// Auth is how to log in. What a method needs not is left empty. Secrets are
// read anew at each login, so that files may be rotated under a running
// server.
type Auth struct {
	Method   Method
	Mount    string // of the auth method; empty: its name
	Role     string // kubernetes and jwt; with cert the name of the certificate role, if wanted
	Token    Secret // token
	RoleID   Secret // approle
	SecretID Secret // approle
	Wrapped  bool   // approle: SecretID is a response-wrapping token, used once
	JWT      Secret // kubernetes and jwt: the workload's token
	CertFile string // cert: PEM
	KeyFile  string // cert: PEM
}

// Secret gives a secret of the configuration, at the moment it is needed.
type Secret func() (string, error)

// maxSecret bounds a secret, in bytes. Tokens of workloads have a few KiB.
const maxSecret = 64 << 10

// SecretFrom is the secret that a *_file key of the configuration names: the
// path of a file, or env:NAME. White space around it does not count. The error
// never holds the secret.
func SecretFrom(ref string) Secret {
	return func() (string, error) {
		if name, ok := strings.CutPrefix(ref, "env:"); ok {
			return checkSecret("the environment variable "+name, os.Getenv(name))
		}
		f, err := os.Open(ref)
		if err != nil {
			return "", err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
		if err != nil {
			return "", err
		}
		return checkSecret(ref, string(data))
	}
}

func checkSecret(from, secret string) (string, error) {
	switch secret = strings.TrimSpace(secret); {
	case secret == "":
		return "", fmt.Errorf("%s is empty", from)
	case len(secret) > maxSecret:
		return "", fmt.Errorf("%s is longer than %d bytes", from, maxSecret)
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }):
		return "", fmt.Errorf("%s holds characters that no secret of Vault's has", from)
	}
	return secret, nil
}

// mountPath is what a mount may be called. Anything else could lead a request
// to another path than the one that was meant.
var mountPath = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`)

// validate fills the defaults in and reports all faults at once.
func (cfg *Config) validate() error {
	var faults []error
	fault := func(key, format string, args ...any) {
		faults = append(faults, fmt.Errorf("ca.vault."+key+": "+format, args...))
	}
	if err := checkAddress(cfg.Address); err != nil {
		fault("address", "%w", err)
	}
	if cfg.Mount = strings.Trim(cfg.Mount, "/"); !mountPath.MatchString(cfg.Mount) {
		fault("mount", "%q is no path of a mount", cfg.Mount)
	}
	if cfg.Deadline < 0 {
		fault("deadline", "%v is less than nothing", cfg.Deadline)
	}
	for key, problem := range cfg.Auth.validate() {
		fault("auth."+key, "%s", problem)
	}
	if cfg.Deadline == 0 {
		cfg.Deadline = defaultDeadline
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return errors.Join(faults...)
}

func checkAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return errors.New("no URL") // err would repeat it, with a password in it perhaps
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("a URL with no more than scheme, host and port is wanted")
	case u.Hostname() == "":
		return errors.New("no host in it")
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return errors.New("http would send the token in clear; only a Vault on loopback may do without TLS")
	}
	return fmt.Errorf("%q is not https", u.Scheme)
}

// validate fills the mount in and gives a problem for each key that has one.
func (a *Auth) validate() map[string]string {
	problems := map[string]string{}
	need := func(key string, have bool) {
		if !have {
			problems[key] = fmt.Sprintf("needed by method %s", a.Method)
		}
	}
	switch a.Method {
	case MethodToken:
		need("token_file", a.Token != nil)
	case MethodAppRole:
		need("role_id_file", a.RoleID != nil)
		need("secret_id_file", a.SecretID != nil)
	case MethodKubernetes, MethodJWT:
		need("role", a.Role != "")
		need("token_file", a.JWT != nil)
	case MethodCert:
		need("cert_file", a.CertFile != "")
		need("key_file", a.KeyFile != "")
	default:
		problems["method"] = fmt.Sprintf("%q is none of token, approle, kubernetes, jwt, cert", a.Method)
	}
	if a.Mount == "" {
		a.Mount = string(a.Method)
	}
	if a.Mount = strings.Trim(a.Mount, "/"); problems["method"] == "" && !mountPath.MatchString(a.Mount) {
		problems["mount"] = fmt.Sprintf("%q is no path of a mount", a.Mount)
	}
	return problems
}
