package setup_test

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

func wanted() setup.Wanted {
	db1, web1 := access.Host{Name: "db1"}, access.Host{Name: "web1"}
	return setup.Wanted{
		Mount: "ssh-client-signer", TTL: 90 * time.Second, Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32")},
		Role: func(_ access.Host, login string) (string, error) { return "sallyport-" + login, nil },
		Auth: setup.Auth{Method: "approle", Mount: "approle"},
		Uses: []setup.Use{
			{Host: db1, Login: "root", Extensions: []string{"permit-pty", "permit-port-forwarding"}},
			{Host: db1, Login: "postgres", Extensions: []string{"permit-pty"}},
			{Host: web1, Login: "root", Extensions: []string{"permit-pty"}},
			{Host: web1, Login: "root", Extensions: []string{"permit-port-forwarding", "permit-pty"}},
		},
	}
}

func plan(t *testing.T, w setup.Wanted) setup.Plan {
	t.Helper()
	p, err := setup.New(w)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// One role per login, each set of extensions once.
func TestPlan(t *testing.T) {
	p := plan(t, wanted())
	if len(p.Roles) != 2 || p.Roles[0].Login != "postgres" || p.Roles[1].Login != "root" {
		t.Fatalf("%+v", p.Roles)
	}
	if got := fmt.Sprint(p.Roles[1].Extensions); got != "[[permit-port-forwarding permit-pty] [permit-pty]]" {
		t.Errorf("sets %s", got)
	}
	for _, part := range []string{
		`path "ssh-client-signer/sign/sallyport-root" {`, `"valid_principals" = ["root"]`,
		`"critical_options" = [{"source-address" = "10.0.0.5/32"}]`,
		`"extensions"       = [{"permit-port-forwarding" = "", "permit-pty" = ""}, {"permit-pty" = ""}]`,
		`path "auth/token/renew-self"`,
	} {
		if !strings.Contains(p.Policy(), part) {
			t.Errorf("no %s in\n%s", part, p.Policy())
		}
	}
	if strings.Contains(p.Policy(), "issue") {
		t.Error("the policy allows issue")
	}
}

// What no safe set-up can give is said, all of it.
func TestPlanRefuses(t *testing.T) {
	w := wanted()
	w.Role = func(access.Host, string) (string, error) { return "sallyport", nil }
	if _, err := setup.New(w); err == nil || !strings.Contains(err.Error(), "put {login} into ca.vault.role") {
		t.Errorf("one role for two logins: %v", err)
	}
	w = wanted()
	w.Uses = nil
	if _, err := setup.New(w); err == nil {
		t.Error("a plan for nothing")
	}
}

// The printed commands are a shell script whatever the configuration says, and
// each way to log in is told.
func TestCommandsAreAScript(t *testing.T) {
	for method, want := range map[string]string{
		"approle": "secret-id", "kubernetes": "bound_service_account_names", "jwt": "bound_audiences", "cert": "certificate=@", "token": "vault token create",
	} {
		w := wanted()
		w.Namespace = "team's"
		w.Auth = setup.Auth{Method: method, Mount: method}
		text := plan(t, w).Commands()
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", method, want, text)
		}
		check := exec.CommandContext(t.Context(), "sh", "-n")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s\n%s", method, err, out, text)
		}
	}
}

func TestTerraform(t *testing.T) {
	text := plan(t, wanted()).Terraform()
	for _, part := range []string{
		`resource "vault_ssh_secret_backend_role" "sallyport-root" {`, `max_ttl = "90"`, `default_extensions = {}`,
		`allowed_users = "root"`, `resource "vault_policy" "sallyport" {`, `token_bound_cidrs = ["10.0.0.5/32"]`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in\n%s", part, text)
		}
	}
	if strings.Count(text, "{") != strings.Count(text, "}") {
		t.Error("unbalanced")
	}
}

// Vault's way of showing a role is understood, and each field that is off is
// told with what it leads to.
func TestDifferences(t *testing.T) {
	r := plan(t, wanted()).Roles[1]
	shown := r.Fields()
	shown["ttl"], shown["max_ttl"], shown["not_before_duration"] = 90.0, 90.0, 30.0
	shown["allowed_extensions"] = "permit-pty,permit-port-forwarding"
	delete(shown, "default_user_template") // an older Vault
	if d := r.Differences(shown); len(d) != 0 {
		t.Errorf("%+v", d)
	}
	for field, value := range map[string]any{
		"max_ttl": 0.0, "allowed_users": "root,admin", "allow_host_certificates": true, "allowed_critical_options": "",
		"default_extensions": map[string]any{"permit-pty": ""}, "allowed_users_template": true,
	} {
		shown := r.Fields()
		shown[field] = value
		if d := r.Differences(shown); len(d) != 1 || d[0].Field != field || d[0].Why == "" {
			t.Errorf("%s: %+v", field, d)
		}
	}
}

const (
	keyOurs  = "sallyport person=alice session=S1 grant=standing"
	keyOther = "sallyport person=alice session=S2 grant=G"
)

func entry(kind, id, path, rest string) string {
	return fmt.Sprintf(`{"time":"2026-11-22T10:00:0%d.5Z","type":%q,"request":{"id":%q,"operation":"update","path":%q,"data":{%s}},"response":{"data":{"serial_number":"2a","signed_key":"hmac-sha256:00"}}}`,
		len(id)%10, kind, id, path, rest)
}

func TestReconcile(t *testing.T) {
	p := plan(t, wanted())
	sign := "ssh-client-signer/sign/sallyport-root"
	log := strings.Join([]string{
		entry("request", "a", sign, `"key_id":"`+keyOurs+`"`),
		entry("response", "a", sign, `"key_id":"`+keyOurs+`"`),
		entry("response", "bb", sign, `"key_id":"`+keyOther+`"`),                                                   // the answer was lost
		entry("response", "ccc", "ssh-client-signer/issue/sallyport-root", `"key_id":"hmac-sha256:11"`),            // hidden
		entry("response", "dddd", "another-mount/sign/x", `"key_id":"x"`),                                          // not ours
		strings.Replace(entry("response", "eeeee", sign, ""), `"type"`, `"error":"permission denied","type"`, 1),   // refused
		strings.Replace(entry("response", "ffffff", sign, ""), `"signed_key":"hmac-sha256:00"`, `"error":"no"`, 1), // refused by the engine
		entry("response", "ggggggg", sign, `"key_id":"\u001b]52;c;evil\u0007"`),                                    // hostile
		`not json`, ``,
	}, "\n")
	at := time.Date(2026, 11, 22, 10, 0, 2, 0, time.UTC)
	known := []setup.Known{
		{Time: at, RequestID: "a", KeyID: keyOurs}, {Time: at, RequestID: "x2", KeyID: keyOther},
		{Time: at.Add(-time.Hour), RequestID: "long-ago", KeyID: "sallyport person=bob session=S0 grant=G"},
	}
	r, err := setup.Reconcile(strings.NewReader(log), p, known)
	if err != nil {
		t.Fatal(err)
	}
	if r.Signed != 4 || r.Matched != 1 || len(r.Unanswered) != 1 || len(r.Unknown) != 2 || r.Garbled != 1 || r.Clean() {
		t.Fatalf("%+v", r)
	}
	if r.Unknown[0].KeyID != "" || strings.ContainsAny(r.Unknown[1].KeyID, "\x1b\x07") {
		t.Errorf("%+v", r.Unknown)
	}
	if len(r.Missing) != 1 || r.Missing[0].RequestID != "x2" {
		t.Errorf("missing %+v", r.Missing)
	}
	if _, err := setup.Reconcile(strings.NewReader(strings.Repeat("x", 5<<20)), p, nil); err == nil {
		t.Error("a line without end was read")
	}
}
