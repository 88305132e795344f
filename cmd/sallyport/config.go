package main

import (
	"errors"
	"io/fs"
	"net/netip"
	"path/filepath"
	"time"

	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/recorder"
)

// Config is sallyport.yaml: how this server runs. Its fields carry the names
// and defaults of the contract; every path in it is absolute once loaded.
type Config struct {
	File string // sallyport.yaml itself

	DataDir    string          `yaml:"data_dir"`    // database, recordings, generated keys; 0700
	AccessFile string          `yaml:"access_file"` // who may reach what
	SSH        SSHConfig       `yaml:"ssh"`
	HTTP       HTTPConfig      `yaml:"http"`
	CA         CAConfig        `yaml:"ca"`
	Slack      SlackConfig     `yaml:"slack"`
	Recording  RecordingConfig `yaml:"recording"`
	Audit      AuditConfig     `yaml:"audit"`
	Limits     LimitsConfig    `yaml:"limits"`
	BastionID  string          `yaml:"bastion_id"` // on every session, event and chain row
}

// SSHConfig is the front door.
type SSHConfig struct {
	Listen      string   `yaml:"listen"`
	Advertise   string   `yaml:"advertise"`    // HOST:PORT that ssh-config and known-hosts print; empty: where it listens
	HostKeys    []string `yaml:"host_keys"`    // files; none: generated in data_dir
	UserCAs     []string `yaml:"user_cas"`     // public keys, or files of them: see readUserCAs
	RevokedKeys string   `yaml:"revoked_keys"` // a KRL or list of keys; empty: none
	InnerAuth   string   `yaml:"inner_auth"`   // auto | key
}

// HTTPConfig is what is served over HTTP; an empty address serves nothing.
type HTTPConfig struct {
	Listen  string `yaml:"listen"`  // /healthz, /readyz, Slack in http mode
	Metrics string `yaml:"metrics"` // /metrics
}

// CAConfig is who signs certificates for hosts.
type CAConfig struct {
	Kind  string      `yaml:"kind"` // vault | local
	Vault VaultConfig `yaml:"vault"`
}

// VaultConfig is Vault's SSH engine and the way there.
type VaultConfig struct {
	Address       string         `yaml:"address"`
	Namespace     string         `yaml:"namespace"`
	CAFile        string         `yaml:"ca_file"`
	Auth          VaultAuth      `yaml:"auth"`
	Mount         string         `yaml:"mount"`
	Role          string         `yaml:"role"` // template: {login}, {host} and labels
	TTL           time.Duration  `yaml:"ttl"`  // of certificates, the local CA's as well
	SourceAddress []netip.Prefix `yaml:"source_address"`
	// CAs are the engine's CAs, files or keys: certificates of others are
	// refused. Two while one replaces the other; none: the one that the
	// mount names at the first login.
	CAs []string `yaml:"cas"`
	// BreakGlass names who signs for break-glass while Vault is away: local,
	// or nobody.
	BreakGlass string `yaml:"break_glass"`
}

// VaultAuth is how to log in to Vault.
type VaultAuth struct {
	Method       string            `yaml:"method"`         // token | approle | kubernetes | jwt | cert
	Mount        string            `yaml:"mount"`          // of the auth method; empty: its name
	Role         string            `yaml:"role"`           // kubernetes, jwt, cert
	TokenFile    strictyaml.Secret `yaml:"token_file"`     // token, kubernetes, jwt
	RoleIDFile   strictyaml.Secret `yaml:"role_id_file"`   // approle
	SecretIDFile strictyaml.Secret `yaml:"secret_id_file"` // approle
	Wrapped      bool              `yaml:"wrapped"`        // approle: the secret ID is a response-wrapping token
	CertFile     string            `yaml:"cert_file"`      // cert
	KeyFile      string            `yaml:"key_file"`       // cert
}

// SlackConfig is where requests are posted.
type SlackConfig struct {
	Mode              string            `yaml:"mode"` // socket | http | none
	BotTokenFile      strictyaml.Secret `yaml:"bot_token_file"`
	AppTokenFile      strictyaml.Secret `yaml:"app_token_file"`      // socket
	SigningSecretFile strictyaml.Secret `yaml:"signing_secret_file"` // http
	Channel           string            `yaml:"channel"`
	APIURL            string            `yaml:"api_url"` // another Web API base, for tests
}

// RecordingConfig is how sessions are recorded.
type RecordingConfig struct {
	OnFailure  string          `yaml:"on_failure"` // terminate | warn
	MinFree    strictyaml.Size `yaml:"min_free"`   // below this, new sessions are refused
	SyncEvery  time.Duration   `yaml:"sync_every"`
	Recipients []string        `yaml:"recipients"` // public keys; none: recordings are plain
	ExecLimit  strictyaml.Size `yaml:"exec_limit"` // of each stream of a session without a terminal
	Keep       time.Duration   `yaml:"keep"`

	recipients recorder.Recipients // parsed
}

// AuditConfig is where the audit chain is sent; an empty address or URL sends
// nothing there.
type AuditConfig struct {
	Syslog SyslogConfig `yaml:"syslog"`
	HTTPS  HTTPSConfig  `yaml:"https"`
}

// SyslogConfig is a receiver of RFC 5424 messages.
type SyslogConfig struct {
	Address  string `yaml:"address"` // HOST:PORT
	TLS      bool   `yaml:"tls"`     // false: in the clear, to loopback only
	CAFile   string `yaml:"ca_file"`
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// HTTPSConfig is a hook that takes lines of JSON.
type HTTPSConfig struct {
	URL       string            `yaml:"url"`
	TokenFile strictyaml.Secret `yaml:"token_file"`
	Header    string            `yaml:"header"` // that carries the token
	CAFile    string            `yaml:"ca_file"`
	CertFile  string            `yaml:"cert_file"`
	KeyFile   string            `yaml:"key_file"`
}

// LimitsConfig bounds what clients may take.
type LimitsConfig struct {
	Handshake            time.Duration `yaml:"handshake"`
	Auth                 time.Duration `yaml:"auth"`
	AuthTries            int           `yaml:"auth_tries"`
	MaxUnauthenticated   int           `yaml:"max_unauthenticated"`
	FailedPerIPPerMinute int           `yaml:"failed_per_ip_per_minute"`
	Idle                 time.Duration `yaml:"idle"`
	SessionsPerPerson    int           `yaml:"sessions_per_person"`
	Unwatched            time.Duration `yaml:"unwatched"` // a session under `watch: required` ends when nobody watches it for so long
}

// defaultConfig is what holds for keys that are left out. What has no safe
// default (who signs, and for Slack the tokens) stays empty and is required.
func defaultConfig() Config {
	return Config{
		DataDir:    "./data",
		AccessFile: "./access.yaml",
		SSH:        SSHConfig{Listen: "127.0.0.1:2222", InnerAuth: "auto"},
		HTTP:       HTTPConfig{Listen: "127.0.0.1:8022", Metrics: "127.0.0.1:9022"},
		CA:         CAConfig{Vault: VaultConfig{Mount: "ssh-client-signer", Role: "sallyport-{login}", TTL: 90 * time.Second}},
		Slack:      SlackConfig{Mode: "none"},
		Recording: RecordingConfig{
			OnFailure: "terminate", MinFree: 1 << 30, SyncEvery: time.Second,
			ExecLimit: 16 << 20, Keep: 365 * 24 * time.Hour,
		},
		Audit: AuditConfig{Syslog: SyslogConfig{TLS: true}, HTTPS: HTTPSConfig{Header: "Authorization"}},
		Limits: LimitsConfig{
			Handshake: 20 * time.Second, Auth: 2 * time.Minute, AuthTries: 20, MaxUnauthenticated: 100,
			FailedPerIPPerMinute: 60, Idle: 30 * time.Minute, SessionsPerPerson: 200,
			Unwatched: 10 * time.Minute,
		},
		BastionID: "bastion-1",
	}
}

// loadConfig reads and checks sallyport.yaml. The error is
// [strictyaml.Faults]; then the config still says as much as could be read, so
// that `check` can go on to the access file, but nobody may run on it.
// Warnings are about what can be meant but rarely is.
func loadConfig(path string) (*Config, []strictyaml.Fault, error) {
	c := defaultConfig()
	c.File = path
	abs, err := filepath.Abs(path)
	if err != nil {
		return &c, nil, strictyaml.Faults{{File: path, Text: err.Error()}}
	}
	data, err := strictyaml.ReadFile(abs)
	if err != nil {
		c.resolve(filepath.Dir(abs))
		return &c, nil, unreadable(path, err)
	}
	doc := strictyaml.Decode(path, data, &c)
	c.resolve(filepath.Dir(abs))
	c.check(doc)
	return &c, doc.Warnings(), doc.Err()
}

// unreadable is the fault of a file that cannot be read at all.
func unreadable(path string, err error) strictyaml.Faults {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err // the path is said already
	}
	return strictyaml.Faults{{File: path, Text: "cannot be read: " + err.Error()}}
}

// resolve makes every path absolute, relative ones from dir.
func (c *Config) resolve(dir string) {
	in := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(dir, path)
	}
	for _, path := range []*string{
		&c.DataDir, &c.AccessFile, &c.SSH.RevokedKeys,
		&c.CA.Vault.CAFile, &c.CA.Vault.Auth.CertFile, &c.CA.Vault.Auth.KeyFile,
		&c.Audit.Syslog.CAFile, &c.Audit.Syslog.CertFile, &c.Audit.Syslog.KeyFile,
		&c.Audit.HTTPS.CAFile, &c.Audit.HTTPS.CertFile, &c.Audit.HTTPS.KeyFile,
	} {
		*path = in(*path)
	}
	for i, path := range c.SSH.HostKeys {
		c.SSH.HostKeys[i] = in(path)
	}
	for _, list := range [][]string{c.SSH.UserCAs, c.CA.Vault.CAs} {
		for i, ca := range list {
			if !isKeyLine(ca) {
				list[i] = in(ca)
			}
		}
	}
	for _, s := range []*strictyaml.Secret{
		&c.CA.Vault.Auth.TokenFile, &c.CA.Vault.Auth.RoleIDFile, &c.CA.Vault.Auth.SecretIDFile,
		&c.Slack.BotTokenFile, &c.Slack.AppTokenFile, &c.Slack.SigningSecretFile,
		&c.Audit.HTTPS.TokenFile,
	} {
		*s = s.In(dir)
	}
}
