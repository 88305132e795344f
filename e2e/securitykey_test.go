package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"io"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

const touchRules = `rules:
  - name: careful
    who: {groups: [sre]}
    hosts: {names: [db1]}
    logins: [$LOGIN]
    allow: [exec]
    approval: {by: {groups: [leads]}, wait: 2m, confirm: security-key}
auditors: {groups: [security]}
`

// Where a rule wants a security key, neither another key marked for deciding
// approves, nor a security key that signs without having been touched.
func TestSecurityKey(t *testing.T) {
	t.Parallel()
	w, err := found(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.leave()
	w.rules = strings.ReplaceAll(touchRules, "$LOGIN", w.host.Login)
	if err := w.configure(nil); err != nil {
		t.Fatal(err)
	}
	daves := newToken(t)
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(daves.PublicKey())))
	if err := w.writeAccess(strings.Replace(w.accessFile(), "{key: "+keyOf["dave"].line, "{key: "+line+"}, {key: "+keyOf["dave"].line, 1)); err != nil {
		t.Fatal(err)
	}
	if refusal, err := w.start(); err != nil || refusal != "" {
		t.Fatal(refusal, err)
	}

	alice, err := w.dial(w.host.Login+"@db1", ssh.PublicKeys(keyOf["alice"].signer))
	if err != nil {
		t.Fatal(err)
	}
	defer alice.Close()
	session, err := alice.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	told, err := session.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	session.Stdout = &out
	ended := make(chan error, 1)
	go func() { ended <- session.Run("echo in") }()
	first := make([]byte, 1000)
	n, err := told.Read(first)
	id := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{26}`).FindString(string(first[:n]))
	if err != nil || id == "" {
		t.Fatalf("alice sees %q, %v", first[:n], err)
	}
	go func() { _, _ = io.Copy(io.Discard, told) }() // until the session ends

	for _, try := range []struct {
		who   string
		key   ssh.Signer
		flags byte
		want  string
	}{
		{"bob", keyOf["bob"].signer, 0, "takes approvals by a security key only"},   // he has none
		{"dave", keyOf["dave"].signer, 0, "takes approvals by a security key only"}, // not with this key of his
		{"dave", daves, 0, "handshake failed"},                                      // he did not touch it
		{"dave", daves, userVerified, "handshake failed"},                           // he gave his PIN and did not touch it
	} {
		daves.flags = try.flags
		if said, err := w.command(try.who, try.key, "approve "+id); err == nil || !strings.Contains(said+err.Error(), try.want) {
			t.Errorf("%s by %s with flags %x: %q, %v; want %q", try.who, try.key.PublicKey().Type(), try.flags, said, err, try.want)
		}
	}
	select {
	case err := <-ended:
		t.Fatalf("alice waits no more: %v", err)
	default:
	}
	daves.flags = userPresent
	if said, err := w.command("dave", daves, "approve "+id); err != nil {
		t.Fatalf("dave: %q, %v", said, err)
	}
	if err := <-ended; err != nil || out.String() != "in\n" {
		t.Errorf("alice: %q, %v", out.String(), err)
	}
	if err := w.bastion.stop(); err != nil { // the audit files are whole then
		t.Fatal(err)
	}
	if events, err := w.events(); err != nil || strings.Count(strings.Join(events, ""), "missing required user presence") != 2 {
		t.Errorf("what dave tried in vain is not in the audit trail: %v", err)
	}
}

const hardwareRules = `rules:
  - name: by-touch
    who: {groups: [sre]}
    hosts: {names: [db1]}
    logins: [$LOGIN]
    allow: [shell, exec]
    when: key.kind == "sk-ed25519"
auditors: {groups: [security]}
`

// A rule for security keys is for their touch: from a console, which was
// touched for when it opened, it leads nowhere.
func TestSecurityKeyFromConsole(t *testing.T) {
	t.Parallel()
	w, err := found(t, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.leave()
	w.rules = strings.ReplaceAll(hardwareRules, "$LOGIN", w.host.Login)
	if err := w.configure(nil); err != nil {
		t.Fatal(err)
	}
	token := newToken(t)
	line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(token.PublicKey())))
	if err := w.writeAccess(strings.Replace(w.accessFile(), keyOf["alice"].line, line, 1)); err != nil {
		t.Fatal(err)
	}
	if refusal, err := w.start(); err != nil || refusal != "" {
		t.Fatal(refusal, err)
	}
	db1 := w.host.Login + "@db1"
	if said, err := w.command(db1, token, "echo in"); err != nil || said != "in\n" {
		t.Errorf("%q, %v", said, err)
	}
	said, err := w.command("alice", token, "connect "+db1)
	if err == nil || !strings.Contains(said, "From the console your security key is not touched again. Use ssh -J bastion "+db1) {
		t.Errorf("%q, %v", said, err)
	}
}

// command runs one command of the console on a connection of its own.
func (w *town) command(user string, key ssh.Signer, line string) (string, error) {
	client, err := w.dial(user, ssh.PublicKeys(key))
	if err != nil {
		return "", err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer session.Close()
	said, err := session.CombinedOutput(line)
	return string(said), err
}

// Flags of a FIDO authenticator (WebAuthn level 2, section 6.1).
const (
	userPresent  = 0x01
	userVerified = 0x04
)

// token is a security key made of software: it signs as OpenSSH's
// PROTOCOL.u2f says, with the flags that it is told.
type token struct {
	private ed25519.PrivateKey
	public  ssh.PublicKey
	flags   byte
	counter uint32
}

const (
	tokenType        = "sk-ssh-ed25519@openssh.com"
	tokenApplication = "ssh:"
)

func newToken(t *testing.T) *token {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{tokenType, public, tokenApplication}))
	if err != nil {
		t.Fatal(err)
	}
	return &token{private: private, public: key, flags: userPresent}
}

func (k *token) PublicKey() ssh.PublicKey { return k.public }

func (k *token) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	k.counter++
	application, message := sha256.Sum256([]byte(tokenApplication)), sha256.Sum256(data)
	signed := ssh.Marshal(struct {
		Application [32]byte
		Flags       byte
		Counter     uint32
		Message     [32]byte
	}{application, k.flags, k.counter, message})
	return &ssh.Signature{
		Format: tokenType, Blob: ed25519.Sign(k.private, signed),
		Rest: ssh.Marshal(struct {
			Flags   byte
			Counter uint32
		}{k.flags, k.counter}),
	}, nil
}
