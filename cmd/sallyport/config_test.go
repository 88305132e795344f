package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// write puts a file below dir, its folders included.
func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConfigDefaults(t *testing.T) {
	dir := t.TempDir()
	c, warnings, err := loadConfig(write(t, filepath.Join(dir, "sallyport.yaml"), "ca: {kind: local}\n"))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	want := defaultConfig()
	want.File = filepath.Join(dir, "sallyport.yaml")
	want.DataDir, want.AccessFile, want.CA.Kind = filepath.Join(dir, "data"), filepath.Join(dir, "access.yaml"), "local"
	if c.DataDir != want.DataDir || c.AccessFile != want.AccessFile {
		t.Errorf("paths: %s, %s", c.DataDir, c.AccessFile)
	}
	if c.Limits != want.Limits || c.HTTP != want.HTTP || c.Slack != want.Slack || c.BastionID != "bastion-1" {
		t.Errorf("got %+v", c)
	}
}

// TestContractConfig loads the file of the contract, with its ellipses filled.
func TestContractConfig(t *testing.T) {
	text, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, secret := range []string{"role-id", "secret-id", "bot-token", "app-token"} {
		write(t, filepath.Join(dir, secret), "not "+secret+"\n")
	}
	c, warnings, err := loadConfig(write(t, filepath.Join(dir, "sallyport.yaml"), string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		if !strings.Contains(w.Text, "has no effect yet") {
			t.Error(w)
		}
	}
	v := c.CA.Vault
	if v.Auth.RoleIDFile.Path != filepath.Join(dir, "role-id") || v.TTL != 90*time.Second || len(v.SourceAddress) != 1 || v.SourceAddress[0].String() != "10.0.0.5/32" {
		t.Errorf("vault: %+v", v)
	}
	if c.SSH.Advertise != "bastion.example.com:22" || c.Recording.MinFree != 1<<30 || c.Recording.Keep != 365*24*time.Hour || c.Limits.Auth != 2*time.Minute {
		t.Errorf("got %+v", c)
	}
	token, err := c.Slack.BotTokenFile.Read()
	if err != nil || token != "not bot-token" {
		t.Errorf("bot token: %q, %v", token, err)
	}
}

func TestConfigRefuses(t *testing.T) {
	const local = "ca: {kind: local}\n"
	const vault = "ca: {kind: vault, vault: {address: \"https://v:8200\", auth: {method: token, token_file: env:HOME}, source_address: [10.0.0.5/32]}}\n"
	for _, c := range []struct{ name, yaml, want string }{
		{"no CA", "bastion_id: b\n", "1: ca.kind: is required"},
		{"another CA", "ca: {kind: acme}\n", `1: ca.kind: "acme" is none of vault, local`},
		{"vault without address", "ca: {kind: vault}\n", "1: ca.vault.address: is required"},
		{"vault in the clear", strings.Replace(vault, "https", "http", 1), "ca.vault.address: sends tokens there in the clear"},
		{"vault with a password", strings.Replace(vault, "//v", "//u:hush@v", 1), "ca.vault.address: is no URL"},
		{"login to vault", strings.Replace(vault, "method: token", "method: magic", 1), `ca.vault.auth.method: "magic" is none of token, approle`},
		{"approle", strings.Replace(vault, "method: token, token_file: env:HOME", "method: approle, role_id_file: env:HOME", 1), "ca.vault.auth.secret_id_file: is required"},
		{"role", vault[:len(vault)-3] + ", role: \"{login\"}}\n", "ca.vault.role: \"{login\" is no role"},
		{"ttl", vault[:len(vault)-3] + ", ttl: 5h}}\n", "ca.vault.ttl: must be 10s to 1h"},
		{"source address", strings.Replace(vault, "5/32", "5/24", 1), "ca.vault.source_address[0]: 10.0.0.5/24 has bits beyond its mask"},
		{"source address form", strings.Replace(vault, "10.0.0.5/32", "bastion", 1), "ca.vault.source_address[0]: netip.ParsePrefix"},
		{"inline secret", "ca: {kind: local}\nslack: {mode: socket, channel: C012, bot_token_file: xoxb-hush, app_token_file: env:HOME}\n",
			"2: slack.bot_token_file: holds what looks like a secret itself"},
		{"inline key", "ca: {kind: local}\nslack: {bot_token: hush}\n", "2: slack.bot_token: unknown key; known here: mode, bot_token_file"},
		{"socket mode", "ca: {kind: local}\nslack: {mode: socket, channel: C012, bot_token_file: env:HOME}\n", "slack.app_token_file: is required"},
		{"http mode", "ca: {kind: local}\nhttp: {listen: \"\"}\nslack: {mode: http, channel: C012, bot_token_file: env:HOME}\n",
			"slack.signing_secret_file: is required"},
		{"http mode without http", "ca: {kind: local}\nhttp: {listen: \"\"}\nslack: {mode: http, channel: C012, bot_token_file: env:HOME}\n",
			"2: http.listen: is required for Slack in http mode"},
		{"channel", "ca: {kind: local}\nslack: {mode: http, channel: \"#ops\"}\n", `slack.channel: "#ops" is no channel ID`},
		{"listen", "ca: {kind: local}\nssh: {listen: \"2222\"}\n", `2: ssh.listen: "2222" is no address to listen on`},
		{"port", "ca: {kind: local}\nssh: {listen: \":99999\"}\n", "is no address to listen on"},
		{"wildcard without a name", "ca: {kind: local}\nssh: {listen: \"0.0.0.0:22\"}\n", "2: ssh.advertise: is required"},
		{"advertise", "ca: {kind: local}\nssh: {advertise: \"b:ssh\"}\n", `ssh.advertise: "b:ssh" is no HOST:PORT`},
		{"inner auth", "ca: {kind: local}\nssh: {inner_auth: none}\n", `ssh.inner_auth: "none" is none of auto, key`},
		{"user CA", "ca: {kind: local}\nssh: {user_cas: [\"ssh-ed25519 AAAA\"]}\n", "ssh.user_cas[0]: is no public key"},
		{"on failure", "ca: {kind: local}\nrecording: {on_failure: ignore}\n", `recording.on_failure: "ignore" is none of terminate, warn`},
		{"recipients", "ca: {kind: local}\nrecording: {recipients: [age1xyz]}\n", "recording.recipients[0]: is no age public key"},
		{"plugin recipients", "ca: {kind: local}\nrecording: {recipients: [age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t]}\n", "recording.recipients[0]: is no age public key"},
		{"ecdsa recipients", "ca: {kind: local}\nrecording: {recipients: [\"ecdsa-sha2-nistp256 AAAA\"]}\n", "recording.recipients[0]: is no public key that recordings can be encrypted for"},
		{"private recipients", "ca: {kind: local}\nrecording: {recipients: [AGE-SECRET-KEY-1QQQQ]}\n", "recording.recipients[0]: is a private key"},
		{"exec limit", "ca: {kind: local}\nrecording: {exec_limit: 0B}\n", "recording.exec_limit: must be more than nothing"},
		{"size", "ca: {kind: local}\nrecording: {min_free: 1G}\n", `recording.min_free: "1G" is not a size`},
		{"syslog address", local + "audit: {syslog: {address: siem}}\n", `audit.syslog.address: "siem" is no HOST:PORT`},
		{"syslog without address", local + "audit: {syslog: {ca_file: x}}\n", "audit.syslog.address: is required"},
		{"syslog in the clear", local + "audit: {syslog: {address: \"siem.example.com:514\", tls: false}}\n", "audit.syslog.tls: is off, and who did what would cross the network in the clear"},
		{"syslog with half a certificate", local + "audit: {syslog: {address: \"siem:6514\", cert_file: x}}\n", "audit.syslog: has one of cert_file and key_file"},
		{"a hook in the clear", local + "audit: {https: {url: \"http://siem.example.com/in\"}}\n", "audit.https.url: sends tokens there in the clear"},
		{"a hook with a password", local + "audit: {https: {url: \"https://u:hush@siem.example.com/in\"}}\n", "audit.https.url: is no URL"},
		{"a hook's inline token", local + "audit: {https: {url: \"https://siem.example.com/in\", token: hush}}\n", "audit.https.token: unknown key; known here: url, token_file"},
		{"a hook's header", local + "audit: {https: {url: \"https://siem.example.com/in\", token_file: env:HOME, header: \"X: y\"}}\n", "audit.https.header: \"X: y\" is no name of a header"},
		{"limit", "ca: {kind: local}\nlimits: {idle: 0s}\n", "limits.idle: must be more than nothing"},
		{"bastion", "ca: {kind: local}\nbastion_id: Bastion 1\n", `bastion_id: "Bastion 1" is no name`},
		{"data_dir", "ca: {kind: local}\ndata_dir: ./" + strings.Repeat("d", 120) + "\n", "data_dir: is too long a path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := loadConfig(write(t, filepath.Join(t.TempDir(), "sallyport.yaml"), c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hush") {
				t.Errorf("a secret shows: %v", err)
			}
		})
	}
}

func TestConfigWarns(t *testing.T) {
	dir := t.TempDir()
	open := write(t, filepath.Join(dir, "token"), "x")
	if err := os.Chmod(open, 0o604); err != nil {
		t.Fatal(err)
	}
	_, warnings, err := loadConfig(write(t, filepath.Join(dir, "sallyport.yaml"), `
ca: {kind: vault, vault: {address: "https://v", auth: {method: approle, role_id_file: token, secret_id_file: missing}}}
slack: {mode: socket, channel: C012, bot_token_file: env:SALLYPORT_TEST_UNSET, app_token_file: env:HOME}
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ca.vault.source_address: is not given",
		"ca.vault.auth.role_id_file: " + open + " is open to every user of this machine (mode 0604)",
		"ca.vault.auth.secret_id_file: cannot be read here",
		"slack.bot_token_file: the variable SALLYPORT_TEST_UNSET is not set here",
	} {
		if !strings.Contains(strictyaml.Faults(warnings).Error(), want) {
			t.Errorf("not warned: %s", want)
		}
	}
	if len(warnings) != 4 {
		t.Error(warnings)
	}
}

func TestUserCAs(t *testing.T) {
	const (
		one = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEBAYC5fFip+0AxkmaQ9tNPHF1ewUac8MVOeLPFc0Bn+"
		two = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIgW+A78OxD32Epkz5wpqZtf9Nro4NchufTbYbX28MUP"
	)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "cas"), "# ours\n\n"+one+" a\n"+two+" b\n")
	c, warnings, err := loadConfig(write(t, filepath.Join(dir, "sallyport.yaml"), "ca: {kind: local}\nssh: {user_cas: [cas, \""+one+" inline\", gone]}\n"))
	if err != nil || len(warnings) != 1 {
		t.Fatal(err, warnings)
	}
	if _, err := c.readUserCAs(); err == nil {
		t.Error("a file that is not there must not be passed over")
	}
	c.SSH.UserCAs = c.SSH.UserCAs[:2]
	cas, err := c.readUserCAs()
	if err != nil || len(cas) != 3 {
		t.Errorf("%d CAs, %v", len(cas), err)
	}
}

// What `check` lets pass, Listen takes.
func TestConfigKnowsTheLongestSocketPath(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		bytes int
		ok    bool
	}{{console.MaxSocketPath, true}, {console.MaxSocketPath + 1, false}} {
		data := filepath.Join(dir, strings.Repeat("d", c.bytes-len(dir)-len("//sallyport.sock")))
		config, _, err := loadConfig(write(t, filepath.Join(dir, "sallyport.yaml"), "ca: {kind: local}\ndata_dir: "+data+"\n"))
		if (err == nil) != c.ok {
			t.Errorf("%d bytes: %v", c.bytes, err)
		}
		if err := os.MkdirAll(data, 0o700); err != nil {
			t.Fatal(err)
		}
		server, err := console.New(console.Config{}).Listen(filepath.Join(data, "sallyport.sock"))
		if (err == nil) != c.ok {
			t.Errorf("%d bytes: listening: %v", c.bytes, err)
		}
		if err == nil && (len(config.socket()) != c.bytes || server.Close() != nil) {
			t.Errorf("%s has %d bytes", config.socket(), len(config.socket()))
		}
	}
}

func TestConfigRefusesTwoHostKeysOfOneType(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if _, err := certs.HostKeys(nil, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	text := "ca: {kind: local}\nssh:\n  host_keys:\n    - a/host_ed25519\n    - b/host_ed25519\n"
	_, _, err := loadConfig(write(t, filepath.Join(dir, "sallyport.yaml"), text))
	if err == nil || !strings.Contains(err.Error(), "sallyport.yaml:5: ssh.host_keys[1]: is of the type ssh-ed25519, as ssh.host_keys[0] is") {
		t.Error(err)
	}
}
