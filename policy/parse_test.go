package policy_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

// base is sound; each case of TestParseRefuses breaks one thing in it.
const base = `people:
  - {name: alice, id: p-1, email: alice@example.com, slack: U01ALICE, groups: [sre], keys: ["KEY(alice)"]}
  - {name: bob, email: bob@example.com, slack: U02BOB, groups: [leads], keys: [{key: "KEY(bob)", use: [decide]}]}
hosts:
  - name: db1
    address: db1.internal:2201
    aliases: [db1.example.com]
    labels: {env: prod}
    logins: [root]
    host_keys: ["KEY(db1)"]
rules:
  - name: prod
    who: {groups: [sre]}
    hosts: {names: [db*], labels: {env: prod}}
    logins: [root]
    allow: [shell, {local-forward: ["127.0.0.1:5432"]}]
    approval: {by: {groups: [leads]}, count: 1, wait: 30m, reason: {required: true, pattern: "INC-[0-9]+"}}
    grant: {default: 1h, max: 4h, use_within: 1h}
  - name: never
    who: {people: [bob]}
    hosts: {names: [db1]}
    deny: true
auditors: {people: [bob]}
`

// A group that is listed may be empty: its last member can leave, and the rules
// that name it let nobody in.
func TestEmptyGroup(t *testing.T) {
	left := strings.ReplaceAll(base, "groups: [sre], keys", "keys")
	p, _ := parse(t, "groups: [sre, leads]\n"+left)
	alice, _ := p.Person("alice")
	if rights := p.Rights(alice); len(rights) != 0 {
		t.Errorf("rights of one who left the group: %+v", rights)
	}
}

func TestParseRefuses(t *testing.T) {
	parse(t, base)
	for _, c := range []struct{ name, old, new, want string }{
		{"nameless person", "name: alice, id", "id", "2: people[0].name: is required"},
		{"upper case", "name: alice,", "name: Alice,", `2: people[0].name: "Alice" is no name`},
		{"person twice", "name: bob", "name: alice", `3: people[1].name: the person "alice" is taken already: people[0].name on line 2`},
		{"ID twice", "name: bob", "name: bob, id: p-1", `3: people[1].id: the ID "p-1" is taken already`},
		{"ID that is a name", "id: p-1", "id: bob", `3: people[1].id: the ID "bob" is taken already`},
		{"ID form", "id: p-1", `id: "a b"`, `people[0].id: "a b" is no ID`},
		{"email twice", "bob@example.com", "ALICE@example.com", `3: people[1].email: the email "alice@example.com" is taken already`},
		{"email form", "bob@example.com", "bob", `3: people[1].email: "bob" is no address of mail`},
		{"Slack twice", "U02BOB", "U01ALICE", `3: people[1].slack: the Slack ID "U01ALICE" is taken already`},
		{"Slack name", "U02BOB", `"@bob"`, `3: people[1].slack: "@bob" is no Slack user ID`},
		{"group twice", "[sre]", "[sre, sre]", `people[0].groups[1]: "sre" is given twice`},
		{"key twice", "KEY(bob)", "KEY(alice)", `3: people[1].keys[0].key: the key "SHA256:`},
		{"use of a key", "use: [decide]", "use: [sudo]", `3: people[1].keys[0].use[0]: "sudo" is neither login nor decide`},
		{"key of no use", "use: [decide]", "use: []", `people[1].keys[0].use: names nothing`},
		{"unknown key", "email: bob", "emali: bob", "3: people[1].emali: unknown key; known here: name, id,"},
		{"owner unknown", "name: bob", "name: bob, owner: eve", `3: people[1].owner: there is no person "eve"`},
		{"owner oneself", "name: bob", "name: bob, owner: bob", "people[1].owner: nobody owns themselves"},

		{"nameless host", "name: db1\n", "labels: {a: b}\n", "hosts[0].name: is required"},
		{"alias as name", "[db1.example.com]", "[db1]", `7: hosts[0].aliases[0]: the host name "db1" is taken already: hosts[0].name on line 5`},
		{"address as alias", "[db1.example.com]", "[10.0.0.11]", `"10.0.0.11" is an address; hosts are asked for by name only`},
		{"no address", "    address: db1.internal:2201\n", "", "5: hosts[0].address: is required"},
		{"address of nothing", "db1.internal:2201", "10.0.0.300", `6: hosts[0].address: "10.0.0.300" is neither an IP address nor a DNS name`},
		{"address with user", "db1.internal:2201", "root@db1:22", `is neither an IP address nor a DNS name`},
		{"port 0", ":2201", ":0", `6: hosts[0].address: "0" is no port`},
		{"port too large", ":2201", ":65536", `"65536" is no port`},
		{"port by name", ":2201", ":ssh", `"ssh" is no port`},
		{"label", "{env: prod}\n    logins", "{env: a b}\n    logins", `8: hosts[0].labels.env: "a b" is no value of a label`},
		{"label path", "{env: prod}\n    logins", "{env: ..}\n    logins", `8: hosts[0].labels.env: ".." is no value of a label`},
		{"no logins", "logins: [root]\n    host", "logins: []\n    host", "9: hosts[0].logins: is required"},
		{"login", "logins: [root]\n    host", `logins: ["root,admin"]` + "\n    host", `9: hosts[0].logins[0]: "root,admin" is no login`},
		{"no host key", `    host_keys: ["KEY(db1)"]` + "\n", "", "5: hosts[0].host_keys: is required (or host_ca)"},
		{"bad host key", `["KEY(db1)"]`, `["db1 KEY(db1)"]`, `hosts[0].host_keys[0]: carries the option "db1"`},

		{"nameless rule", "name: prod\n    who", "who", "rules[0].name: is required"},
		{"rule twice", "name: never", "name: prod", `19: rules[1].name: the rule "prod" is taken already: rules[0].name on line 12`},
		{"condition misspelt", "name: never", `when: "person.nmae == 'bob'"
    name: never`, `rules[1].when: at character 1: undeclared reference to`},
		{"condition cut", "name: never", `when: "login =="
    name: never`, `rules[1].when: at character 9: Syntax error`},
		{"condition of text", "name: never", `when: "login"
    name: never`, `rules[1].when: is string, and must be true or false`},
		{"condition empty", "name: never", `when: ""
    name: never`, `rules[1].when: is empty`},
		{"condition of another type", "name: never", `when: "login == 1"
    name: never`, `rules[1].when: at character 7: found no matching overload`},
		{"time zone", "name: never", `when: "now.getHours('Europe/Nowhere') > 8"
    name: never`, `rules[1].when: at character 14: unknown time zone`},
		{"network", "name: never", `when: "inNet(source, '10.0.0.0')"
    name: never`, `rules[1].when: at character 15: netip.ParsePrefix`},
		{"pattern in a condition", "name: never", `when: "login.matches('(')"
    name: never`, `rules[1].when: at character`},
		{"condition too long", "name: never", `when: "login == '` + strings.Repeat("a", 2100) + `'"
    name: never`, `rules[1].when: at character`},
		{"confirm", "wait: 30m", "confirm: fido, wait: 30m", `approval.confirm: "fido" is neither key nor security-key`},
		{"automatic everything", "wait: 30m", "auto: {max: 1h}, wait: 30m", "approval.auto: would approve everything"},
		{"automatic for long", "wait: 30m", `auto: {max: 5h, when: "true"}, wait: 30m`, "approval.auto.max: 5h is longer than the grant's max, 4h"},
		{"on call, both", "wait: 30m", `auto: {on_call: {url: "https://x/", command: [/x]}}, wait: 30m`, "approval.auto.on_call: is one of command and url"},
		{"on call, neither", "wait: 30m", `auto: {on_call: {}}, wait: 30m`, "approval.auto.on_call: is one of command and url"},
		{"on call by path", "wait: 30m", `auto: {on_call: {command: [oncall]}}, wait: 30m`, `approval.auto.on_call.command[0]: "oncall" is no absolute path`},
		{"on call in the clear", "wait: 30m", `auto: {on_call: {url: "http://oncall.example.com/"}}, wait: 30m`, "approval.auto.on_call.url: must be https"},
		{"on call with a password", "wait: 30m", `auto: {on_call: {url: "https://a:b@x/"}}, wait: 30m`, "approval.auto.on_call.url: "},
		{"on call, slowly", "wait: 30m", `auto: {on_call: {command: [/x], timeout: 1m}}, wait: 30m`, "approval.auto.on_call.timeout: must be at most 30s"},
		{"bind", "use_within: 1h", "use_within: 1h, bind: [face]", `grant.bind[0]: "face" is neither key nor address`},
		{"bind nothing", "use_within: 1h", "use_within: 1h, bind: []", `grant.bind: is empty`},
		{"no sessions", "use_within: 1h", "use_within: 1h, sessions: 0", `grant.sessions: must be 1 to`},
		{"rule for nobody", "    who: {groups: [sre]}\n", "", "12: rules[0].who: is required"},
		{"rule for an empty who", "who: {groups: [sre]}", "who: {}", "13: rules[0].who: names nobody"},
		{"dangling group", "who: {groups: [sre]}", "who: {groups: [ser]}", `13: rules[0].who.groups[0]: nobody is in a group "ser"`},
		{"group twice", "people:\n", "groups: [x, x]\npeople:\n", "1: groups[1]: "},
		{"no name of a group", "people:\n", "groups: [X]\npeople:\n", `1: groups[0]: "X" is no name`},
		{"dangling approvers", "by: {groups: [leads]}", "by: {groups: [lead]}", `17: rules[0].approval.by.groups[0]: nobody is in a group "lead"`},
		{"dangling auditors", "{people: [bob]}\n    hosts", "{people: [eve]}\n    hosts", `20: rules[1].who.people[0]: there is no person "eve"`},
		{"rule for no host", "    hosts: {names: [db1]}\n", "", "19: rules[1].hosts: is required"},
		{"dangling host", "{names: [db1]}", "{names: [db2]}", `21: rules[1].hosts.names[0]: there is no host "db2"`},
		{"bad glob", "{names: [db1]}", `{names: ["db["]}`, `21: rules[1].hosts.names[0]: "db[" is no name of a host`},
		{"empty half of hosts", "{names: [db1]}", "{names: [db1], labels: {}}", `21: rules[1].hosts.labels: is empty; leave it out`},
		{"rule without logins", "    logins: [root]\n    allow", "    allow", "12: rules[0].logins: is required"},
		{"rule without allow", "    allow: [shell, {local-forward: [\"127.0.0.1:5432\"]}]\n", "", "12: rules[0].allow: is required"},
		{"unknown capability", "[shell, ", "[shel, ", `16: rules[0].allow[0]: "shel" is none of [shell exec`},
		{"capability twice", "[shell, ", "[shell, shell, ", "16: rules[0].allow[1]: shell is given twice"},
		{"forward to anywhere", `{local-forward: ["127.0.0.1:5432"]}`, "local-forward", "rules[0].allow[1]: local-forward needs its destinations"},
		{"forward to nowhere", `["127.0.0.1:5432"]`, "[]", "rules[0].allow[1]: local-forward needs its destinations"},
		{"forward by glob", "127.0.0.1:5432", "*:5432", "16: rules[0].allow[1].local-forward[0]: destinations are literal"},
		{"forward to SSH", "127.0.0.1:5432", "10.0.0.1:22", "22 is an SSH port"},
		{"forward to the inventory's SSH", "127.0.0.1:5432", "10.0.0.1:2201", "2201 is an SSH port"},
		{"forward to a crooked path", "127.0.0.1:5432", "/run/../etc", "is no plain path of a unix socket"},
		{"forward without port", "127.0.0.1:5432", "127.0.0.1", "is neither HOST:PORT nor the path of a unix socket"},
		{"two in one entry", `{local-forward: ["127.0.0.1:5432"]}`, "{x11: [], agent-forward: []}", "rules[0].allow[1]: must be one name, or one mapping"},
		{"destinations of a shell", `{local-forward: ["127.0.0.1:5432"]}`, `{exec: ["ls"]}`, "rules[0].allow[1]: exec takes no destinations"},
		{"default above max", "default: 1h", "default: 5h", "18: rules[0].grant.default: 5h is longer than max, 4h"},
		{"grant of nothing", "default: 1h", "default: 0s", "18: rules[0].grant.default: must be longer than nothing"},
		{"negative", "max: 4h", "max: -4h", `18: rules[0].grant.max: "-4h" is not a duration`},
		{"wait of nothing", "wait: 30m", "wait: 0m", "17: rules[0].approval.wait: must be longer than nothing"},
		{"approval by nobody", "by: {groups: [leads]}, ", "", "17: rules[0].approval.by: is required"},
		{"approval by an empty list", "by: {groups: [leads]}, ", "by: [], ", "17: rules[0].approval.by: is required"},
		{"count 0", "count: 1", "count: 0", "17: rules[0].approval.count: must be 1 to 20"},
		{"count in both places", "{groups: [leads]}", "{groups: [leads], count: 2}", "rules[0].approval.count: is not clear"},
		{"count beside a list", "{groups: [leads]}", "[{groups: [leads]}]", "rules[0].approval.count: is not clear"},
		{"channel by name", "count: 1", `channel: "#ops"`, `17: rules[0].approval.channel: "#ops" is no Slack channel ID`},
		{"bad pattern", "INC-[0-9]+", "INC-[", "rules[0].approval.reason.pattern: error parsing regexp"},
		{"pattern not required", "required: true", "required: false", "rules[0].approval.reason.required: contradicts the pattern"},
		{"inner auth", "name: prod", "name: prod\n    inner_auth: none", `rules[0].inner_auth: "none" is neither auto nor key`},
		{"standing with a grant", "    approval: {by: {groups: [leads]}, count: 1, wait: 30m, reason: {required: true, pattern: \"INC-[0-9]+\"}}\n", "",
			"17: rules[0].grant: belongs to an approval"},
		{"deny with approval", "deny: true", "deny: true\n    approval: {by: {groups: [leads]}}", "23: rules[1].approval: has no place in a deny rule"},
		{"deny of no logins", "deny: true", "deny: true\n    logins: []", "rules[1].logins: is empty; leave it out to deny all logins"},
		{"deny of nothing", "deny: true", "deny: true\n    allow: []", "rules[1].allow: is empty; leave it out to deny everything"},
		{"deny of a destination", "deny: true", "deny: true\n    allow: [{local-forward: [\"127.0.0.1:1\"]}]", "a deny rule denies local-forward as a whole"},
		{"break glass outside of an approval", "name: prod", "name: prod\n    break_glass: true", "rules[0].break_glass: unknown key"},
		{"auditors", "auditors: {people: [bob]}", "auditors: [bob]", "auditors: must be a mapping"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if n := strings.Count(base, c.old); n == 0 {
				t.Fatalf("%q does not occur", c.old)
			}
			p, _, err := policy.Parse("access.yaml", []byte(fill(strings.Replace(base, c.old, c.new, 1))))
			if err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if n := strings.Count(err.Error(), "\n"); n > 2 {
				t.Errorf("one mistake, %d faults:\n%v", n+1, err)
			}
		})
	}
}

func TestOwnerMustBeHuman(t *testing.T) {
	_, _, err := policy.Parse("a", []byte("people: [{name: a}, {name: b, owner: a}, {name: c, owner: b}]\nhosts: []\nrules: []"))
	if err == nil || !strings.Contains(err.Error(), "people[2].owner: b has an owner, so is a service") {
		t.Error(err)
	}
}

func TestKeys(t *testing.T) {
	alice := keyLine(publicKey("alice"))
	cert := &ssh.Certificate{Key: publicKey("alice"), CertType: ssh.UserCert, ValidPrincipals: []string{"alice"}, ValidBefore: ssh.CertTimeInfinity}
	signer, err := ssh.NewSignerFromKey(rsaKey(t, 2048))
	if err != nil {
		t.Fatal(err)
	}
	if err := cert.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	short, err := ssh.NewPublicKey(rsaKey(t, 1024).Public())
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := ec.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, line, want string }{
		{"ed25519", alice + " alice@laptop", ""},
		{"rsa 2048", keyLine(signer.PublicKey()), ""},
		{"security key ed25519", wireLine("sk-ssh-ed25519@openssh.com", struct {
			Name string
			Key  []byte
			App  string
		}{"sk-ssh-ed25519@openssh.com", make([]byte, 32), "ssh:"}), ""},
		{"security key ecdsa", wireLine("sk-ecdsa-sha2-nistp256@openssh.com", struct {
			Name, ID string
			Key      []byte
			App      string
		}{"sk-ecdsa-sha2-nistp256@openssh.com", "nistp256", point, "ssh:"}), ""},
		{"rsa 1024", keyLine(short), "is an RSA key of 1024 bits; at least 2048 are taken"},
		{"dsa", wireLine("ssh-dss", struct {
			Name       string
			P, Q, G, Y *big.Int
		}{"ssh-dss", bit(1023), bit(159), big.NewInt(2), big.NewInt(4)}), "keys of type ssh-dss are not taken"},
		{"certificate", keyLine(cert), "is a certificate; give the plain key"},
		{"no-touch-required", "no-touch-required " + alice, `carries the option "no-touch-required"`},
		{"from", `from="10.0.0.1" ` + alice, "carries the option"},
		{"type that lies", strings.Replace(alice, "ssh-ed25519", "ssh-rsa", 1), "is no public key"},
		{"no key", "alice@laptop", "is no public key"},
		{"comment", "# " + alice, "is no public key"},
		{"empty", "", "is required"},
		{"truncated", alice[:40], "is no public key"},
		{"private", "-----BEGIN OPENSSH PRIVATE KEY----- b3Blbn", "holds a private key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := policy.Parse("a", []byte("people: [{name: alice, keys: ['"+c.line+"']}]\nhosts: []\nrules: []"))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestDestinationsAreCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"127.0.0.1:5432":          "127.0.0.1:5432",
		"LocalHost:5432":          "localhost:5432",
		"[::1]:5432":              "[::1]:5432",
		"[0:0:0:0:0:0:0:1]:5432":  "[::1]:5432",
		"[::ffff:10.0.0.1]:80":    "10.0.0.1:80",
		"db.example.com.:5432":    "db.example.com:5432",
		"127.0.0.1:*":             "127.0.0.1:*",
		"/var/run/postgres/.s.PG": "/var/run/postgres/.s.PG",
	} {
		p, _ := parse(t, strings.Replace(base, "127.0.0.1:5432", in, 1))
		if got := p.Rules[0].Allow[1].Destinations[0]; got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
}

func TestApprovalForms(t *testing.T) {
	counts := func(approval string) (out []int) {
		p, _ := parse(t, strings.Replace(base, "by: {groups: [leads]}, count: 1", approval, 1))
		for _, by := range p.Rules[0].Approval.By {
			out = append(out, by.Count)
		}
		return out
	}
	for approval, want := range map[string][]int{
		"by: {groups: [leads]}":                                            {1},
		"by: {groups: [leads]}, count: 2":                                  {2},
		"by: {groups: [leads], count: 3}":                                  {3},
		"by: [{groups: [leads]}, {people: [alice], count: 2}]":             {1, 2},
		"by: [{groups: [leads], people: [alice], count: 2}], channel: C1X": {2},
	} {
		got := counts(approval)
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("%s: %v, want %v", approval, got, want)
		}
	}
}

func TestGrantDefaults(t *testing.T) {
	for grant, want := range map[string]string{
		"grant: {}":               "1h0m0s 4h0m0s 1h0m0s",
		"grant: {default: 8h}":    "8h0m0s 8h0m0s 1h0m0s",
		"grant: {max: 30m}":       "30m0s 30m0s 1h0m0s",
		"grant: {use_within: 5m}": "1h0m0s 4h0m0s 5m0s",
	} {
		p, _ := parse(t, strings.Replace(base, "grant: {default: 1h, max: 4h, use_within: 1h}", grant, 1))
		g := p.Rules[0].Grant
		if got := g.Default.String() + " " + g.Max.String() + " " + g.UseWithin.String(); got != want {
			t.Errorf("%s: %s, want %s", grant, got, want)
		}
	}
}

func TestReasonAccepts(t *testing.T) {
	p, _ := parse(t, base)
	r := p.Rules[0].Approval.Reason
	for reason, want := range map[string]bool{"": false, "disk full": false, "INC-17: disk full": true} {
		if got := r.Accepts(reason); got != want {
			t.Errorf("%q: %v", reason, got)
		}
	}
	if !(policy.Reason{}).Accepts("") {
		t.Error("no reason is required")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(fill(base)))
	f.Add([]byte("people: [{name: a, keys: [{key: x, use: [login]}]}]\nrules: [{who: {people: [a]}, hosts: {names: [\"*\"]}, allow: [{x11: [a]}], deny: true}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := policy.Parse("f", data)
		if (p == nil) == (err == nil) {
			t.Fatal("a policy or faults, never both")
		}
		if p == nil {
			return
		}
		for _, person := range p.People {
			for _, right := range p.Rights(person) {
				if right.Rule.Deny || !right.Rule.Who.Includes(person) || !access.ValidLogin(right.Login) {
					t.Fatalf("%s: %+v", person.Name, right)
				}
			}
		}
	})
}

func rsaKey(t *testing.T, length int) *rsa.PrivateKey {
	t.Helper()
	if length < 1024 {
		t.Fatal("too short to make")
	}
	if length < 2048 {
		t.Setenv("GODEBUG", "rsa1024min=0")
	}
	k, err := rsa.GenerateKey(rand.Reader, length)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func bit(n uint) *big.Int { return new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), n), big.NewInt(1)) }

// wireLine is a key line with this content.
func wireLine(kind string, content any) string {
	return kind + " " + base64.StdEncoding.EncodeToString(ssh.Marshal(content))
}
