package main

import (
	"regexp"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/recorder"
)

var (
	slackChannel = regexp.MustCompile(`^[CGD][A-Z0-9]{2,30}$`)
	roleTemplate = regexp.MustCompile(`^([A-Za-z0-9_.-]|\{[A-Za-z0-9._/-]+\})+$`)
	vaultMount   = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?$`)
)

// check notes what is wrong in c beyond its form.
func (c *Config) check(doc *strictyaml.Document) {
	required(doc, "data_dir", c.DataDir)
	if socket := c.socket(); len(socket) > console.MaxSocketPath {
		doc.Faultf("data_dir", "is too long a path: the socket in it would have %d bytes, and %d are possible", len(socket), console.MaxSocketPath)
	}
	required(doc, "access_file", c.AccessFile)
	if !access.ValidName(c.BastionID) {
		doc.Faultf("bastion_id", "%s is no name: lower case letters, digits, '.', '-', '_'", strictyaml.Quote(c.BastionID))
	}
	c.SSH.check(doc)
	c.CA.check(doc)
	c.Slack.check(doc, c.HTTP)
	c.Recording.check(doc)
	c.Audit.check(doc)
	c.Limits.check(doc)
	if c.HTTP.Listen != "" {
		checkListen(doc, "http.listen", c.HTTP.Listen)
	}
	if c.HTTP.Metrics != "" {
		checkListen(doc, "http.metrics", c.HTTP.Metrics)
	}
}

func (c *SSHConfig) check(doc *strictyaml.Document) {
	host := checkListen(doc, "ssh.listen", c.Listen)
	switch {
	case c.Advertise != "":
		c.Advertise = checkAdvertise(doc, c.Advertise)
	case !doc.Faulty("ssh.listen") && (host == "" || isUnspecified(host)):
		doc.Faultf("ssh.advertise", "is required when ssh.listen takes every address: what people type to get here")
	}
	oneOf(doc, "ssh.inner_auth", c.InnerAuth, "auto", "key")
	keys := make([]ssh.Signer, len(c.HostKeys))
	for i, path := range c.HostKeys {
		checkSecretFile(doc, at("ssh.host_keys", i), path)
		keys[i], _ = certs.LoadKey(path) // one that cannot be read here may be readable to the server
	}
	if i, j := certs.SameType(keys); j > 0 {
		doc.Faultf(at("ssh.host_keys", j), "is of the type %s, as ssh.host_keys[%d] is: a server shows one key of each type, and people would get lines for both", keys[j].PublicKey().Type(), i)
	}
	for i, ca := range c.UserCAs {
		if _, err := userCAsIn(ca); err != nil {
			absentOr(doc, at("ssh.user_cas", i), err)
		}
	}
	checkFile(doc, "ssh.revoked_keys", c.RevokedKeys)
}

func (c *CAConfig) check(doc *strictyaml.Document) {
	if c.Kind == "" {
		doc.Faultf("ca.kind", "is required: vault, or local to try without")
		return
	}
	oneOf(doc, "ca.kind", c.Kind, "vault", "local")
	v := c.Vault
	// Whoever holds a certificate can use it for that long.
	if v.TTL < 10*time.Second || v.TTL > time.Hour {
		doc.Faultf("ca.vault.ttl", "must be 10s to 1h; a certificate is used at once")
	}
	for i, p := range v.SourceAddress {
		if p != p.Masked() {
			doc.Faultf(at("ca.vault.source_address", i), "%s has bits beyond its mask; %s is the network", p, p.Masked())
		}
	}
	if c.Kind != "vault" {
		if doc.Has("ca.vault.address") {
			doc.Warnf("ca.vault.address", "is not used with kind %s", c.Kind)
		}
		return
	}
	if !required(doc, "ca.vault.address", v.Address) {
		return
	}
	checkURL(doc, "ca.vault.address", v.Address)
	checkFile(doc, "ca.vault.ca_file", v.CAFile)
	if !vaultMount.MatchString(v.Mount) {
		doc.Faultf("ca.vault.mount", "%s is no path of a mount", strictyaml.Quote(v.Mount))
	}
	if !roleTemplate.MatchString(v.Role) {
		doc.Faultf("ca.vault.role", "%s is no role, such as sallyport-{login}; {login}, {host} and labels may be used", strictyaml.Quote(v.Role))
	}
	if keys, err := v.authorities(); err != nil {
		doc.Faultf("ca.vault.cas", "%s", err)
	} else if len(keys) > 2 {
		doc.Faultf("ca.vault.cas", "are %d: one, or two while one replaces the other", len(keys))
	}
	if v.BreakGlass != "" && oneOf(doc, "ca.vault.break_glass", v.BreakGlass, "local") {
		doc.Warnf("ca.vault.break_glass", "keeps a CA that hosts trust on this machine: who is root here can reach them all")
	}
	v.Auth.check(doc)
	if len(v.SourceAddress) == 0 {
		doc.Warnf("ca.vault.source_address", "is not given: a stolen certificate would work from anywhere")
	}
}

func (c *VaultAuth) check(doc *strictyaml.Document) {
	const key = "ca.vault.auth"
	if !required(doc, key+".method", c.Method) ||
		!oneOf(doc, key+".method", c.Method, "token", "approle", "kubernetes", "jwt", "cert") {
		return
	}
	if c.Mount != "" && !vaultMount.MatchString(c.Mount) {
		doc.Faultf(key+".mount", "%s is no path of a mount", strictyaml.Quote(c.Mount))
	}
	switch c.Method {
	case "token":
		checkSecret(doc, key+".token_file", c.TokenFile)
	case "approle":
		checkSecret(doc, key+".role_id_file", c.RoleIDFile)
		checkSecret(doc, key+".secret_id_file", c.SecretIDFile)
	case "kubernetes", "jwt":
		required(doc, key+".role", c.Role)
		checkSecret(doc, key+".token_file", c.TokenFile)
	case "cert":
		if required(doc, key+".cert_file", c.CertFile) {
			checkFile(doc, key+".cert_file", c.CertFile)
		}
		if required(doc, key+".key_file", c.KeyFile) {
			checkSecretFile(doc, key+".key_file", c.KeyFile)
		}
	}
}

func (c *SlackConfig) check(doc *strictyaml.Document, http HTTPConfig) {
	if !oneOf(doc, "slack.mode", c.Mode, "socket", "http", "none") || c.Mode == "none" {
		return
	}
	if required(doc, "slack.channel", c.Channel) && !slackChannel.MatchString(c.Channel) {
		doc.Faultf("slack.channel", "%s is no channel ID such as C0123456789 (not a name)", strictyaml.Quote(c.Channel))
	}
	checkSecret(doc, "slack.bot_token_file", c.BotTokenFile)
	if c.APIURL != "" {
		checkURL(doc, "slack.api_url", c.APIURL)
	}
	if c.Mode == "socket" {
		checkSecret(doc, "slack.app_token_file", c.AppTokenFile)
		return
	}
	checkSecret(doc, "slack.signing_secret_file", c.SigningSecretFile)
	if http.Listen == "" {
		doc.Faultf("http.listen", "is required for Slack in http mode")
	}
}

func (c *RecordingConfig) check(doc *strictyaml.Document) {
	oneOf(doc, "recording.on_failure", c.OnFailure, "terminate", "warn")
	positive(doc, "recording.sync_every", int64(c.SyncEvery))
	positive(doc, "recording.exec_limit", int64(c.ExecLimit))
	positive(doc, "recording.keep", int64(c.Keep))
	c.recipients = nil
	for i, key := range c.Recipients {
		r, err := recorder.ParseRecipient(key)
		if err != nil {
			doc.Faultf(at("recording.recipients", i), "%v", err)
			continue
		}
		c.recipients = append(c.recipients, r)
	}
}

func (c *LimitsConfig) check(doc *strictyaml.Document) {
	for _, limit := range []struct {
		key string
		n   int64
	}{
		{"handshake", int64(c.Handshake)}, {"auth", int64(c.Auth)}, {"auth_tries", int64(c.AuthTries)},
		{"max_unauthenticated", int64(c.MaxUnauthenticated)}, {"failed_per_ip_per_minute", int64(c.FailedPerIPPerMinute)},
		{"idle", int64(c.Idle)}, {"sessions_per_person", int64(c.SessionsPerPerson)},
		{"unwatched", int64(c.Unwatched)},
	} {
		positive(doc, "limits."+limit.key, limit.n)
	}
}
