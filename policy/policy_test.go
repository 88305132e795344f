package policy_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/policy"
)

// publicKey is the key of that name: the same at each run, a real one.
func publicKey(name string) ssh.PublicKey {
	seed := sha256.Sum256([]byte(name))
	pub, err := ssh.NewPublicKey(ed25519.NewKeyFromSeed(seed[:]).Public())
	if err != nil {
		panic(err)
	}
	return pub
}

// keyLine is a key as a line of authorized_keys.
func keyLine(pub ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
}

// fill replaces KEY(name) by the key of that name.
func fill(yaml string) string {
	for {
		before, rest, found := strings.Cut(yaml, "KEY(")
		if !found {
			return yaml
		}
		name, after, _ := strings.Cut(rest, ")")
		yaml = before + keyLine(publicKey(name)) + after
	}
}

// parse parses what must be sound.
func parse(t *testing.T, yaml string) (*policy.Policy, []strictyaml.Fault) {
	t.Helper()
	p, warnings, err := policy.Parse("access.yaml", []byte(fill(yaml)))
	if err != nil {
		t.Fatal(err)
	}
	return p, warnings
}

func contract(t *testing.T) *policy.Policy {
	t.Helper()
	data, err := os.ReadFile("testdata/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, warnings := parse(t, string(data))
	if len(warnings) > 0 {
		t.Error("the contract's own file has warnings:", warnings)
	}
	return p
}

func person(t *testing.T, p *policy.Policy, name access.PersonName) access.Person {
	t.Helper()
	found, ok := p.Person(name)
	if !ok {
		t.Fatalf("no person %s", name)
	}
	return found
}

func host(t *testing.T, p *policy.Policy, name string) access.Host {
	t.Helper()
	h, ok := p.Host(name)
	if !ok {
		t.Fatalf("no host %s", name)
	}
	return h
}

func TestContractFile(t *testing.T) {
	p := contract(t)
	if len(p.Digest) != 64 {
		t.Errorf("digest %q", p.Digest)
	}
	if len(p.People) != 5 || len(p.Hosts) != 2 || len(p.Rules) != 2 {
		t.Fatalf("%d people, %d hosts, %d rules", len(p.People), len(p.Hosts), len(p.Rules))
	}
	alice, robot := person(t, p, "alice"), person(t, p, "alice-robot")
	if alice.ID != "alice" || alice.Source != "file" || robot.ID != "svc-0001" || robot.Human() != "alice" {
		t.Errorf("people: %+v %+v", alice, robot)
	}
	if k := alice.Keys[0]; k.Comment != "alice@laptop" || !k.May(access.UseLogin) || !k.May(access.UseDecide) {
		t.Errorf("a plain key may do both: %+v", k)
	}
	if k := robot.Keys[0]; !k.May(access.UseLogin) || k.May(access.UseDecide) {
		t.Errorf("a key with a use may do only that: %+v", k)
	}
	rule := p.Rules[0]
	if rule.Approval.Wait != 30*time.Minute || rule.Approval.Channel != "C0123456789" ||
		rule.Approval.By[0].Count != 1 || !reflect.DeepEqual(rule.Grant, policy.Grant{Default: time.Hour, Max: 4 * time.Hour, UseWithin: time.Hour}) {
		t.Errorf("rule: %+v %+v", rule, rule.Approval)
	}
	if a := rule.Allow[3]; a.Capability != access.MayLocalForward || a.Destinations[0] != "127.0.0.1:5432" {
		t.Errorf("forward: %+v", a)
	}
	if got := host(t, p, "db1.example.com").Name; got != "db1" {
		t.Errorf("an alias finds %s", got)
	}
	if got := host(t, p, "web1").Address; got != "[2001:db8::17]:22" {
		t.Errorf("an address without a port becomes %s", got)
	}
}

func TestLookups(t *testing.T) {
	p := contract(t)
	alice := person(t, p, "alice")
	if got, k, ok := p.PersonByKey(alice.Keys[0].Wire); !ok || got.Name != "alice" || k.Fingerprint != alice.Keys[0].Fingerprint {
		t.Errorf("by key: %v %v %v", got.Name, k.Fingerprint, ok)
	}
	if got, ok := p.PersonBySlack("U02BOB"); !ok || got.Name != "bob" {
		t.Errorf("by Slack: %v %v", got.Name, ok)
	}
	if _, _, ok := p.PersonByKey(string(publicKey("stranger").Marshal())); ok {
		t.Error("a stranger's key names somebody")
	}
	if _, ok := p.PersonBySlack(""); ok {
		t.Error("no Slack ID names somebody")
	}
	if r, ok := p.Rule("prod-elevation"); !ok || r != p.Rules[0] {
		t.Errorf("by name of a rule: %v %v", r, ok)
	}
	if _, ok := p.Host("10.0.0.11"); ok {
		t.Error("a host answers to its address")
	}
}

func TestIsHostAddress(t *testing.T) {
	p, _ := parse(t, `
people: []
hosts:
  - {name: a, address: 10.0.0.11, logins: [root], host_keys: ["KEY(a)"]}
  - {name: b, address: "[2001:db8::1]:2022", logins: [root], host_keys: ["KEY(b)"]}
  - {name: c, address: "127.0.0.1:2201", logins: [root], host_keys: ["KEY(c)"]}
rules: []
`)
	for address, want := range map[string]bool{
		"10.0.0.11": true, "::ffff:10.0.0.11": true, "2001:db8::1": true, "10.0.0.12": false,
		"127.0.0.1": false, "::1": false,
	} {
		if got := p.IsHostAddress(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	for port, want := range map[uint16]bool{22: true, 2022: true, 2201: true, 5432: false} {
		if got := p.IsSSHPort(port); got != want {
			t.Errorf("port %d: %v", port, got)
		}
	}
}

func TestKnows(t *testing.T) {
	p := contract(t)
	alice := person(t, p, "alice")
	decideOnly, _ := parse(t, `
people: [{name: zoe, keys: [{key: "KEY(zoe)", use: [decide]}]}]
hosts: []
rules: []
`)
	zoe := person(t, decideOnly, "zoe")
	for _, c := range []struct {
		name string
		p    *policy.Policy
		id   access.Identity
		want bool
	}{
		{"own key", p, access.Identity{Person: "alice", Fingerprint: alice.Keys[0].Fingerprint}, true},
		{"another's key", p, access.Identity{Person: "bob", Fingerprint: alice.Keys[0].Fingerprint}, false},
		{"no key", p, access.Identity{Person: "alice"}, false},
		{"nobody", p, access.Identity{Person: "mallory", Fingerprint: alice.Keys[0].Fingerprint}, false},
		{"certificate", p, access.Identity{Person: "alice", Certificate: &access.UserCertificate{}}, true},
		{"certificate of nobody", p, access.Identity{Person: "mallory", Certificate: &access.UserCertificate{}}, false},
		{"a key to decide only", decideOnly, access.Identity{Person: "zoe", Fingerprint: zoe.Keys[0].Fingerprint}, false},
	} {
		if got := c.p.Knows(c.id); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestRoles(t *testing.T) {
	p := contract(t)
	for name, want := range map[access.PersonName]policy.Roles{
		"alice": {}, "bob": {Admin: true, Approver: true}, "carol": {Auditor: true},
	} {
		if got := p.Role(person(t, p, name)); got != want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRights(t *testing.T) {
	p := contract(t)
	rights := p.Rights(person(t, p, "alice"))
	if len(rights) != 2 || rights[0].Login != "root" || rights[1].Login != "postgres" || rights[0].Outcome != policy.NeedsApproval || len(rights[0].May) != 4 {
		t.Errorf("%+v", rights)
	}
	if got := p.Rights(person(t, p, "dave")); len(got) != 0 {
		t.Errorf("a deny leaves nothing: %+v", got)
	}
}
