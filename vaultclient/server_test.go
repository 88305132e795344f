package vaultclient_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/vaultclient"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

// server is a real Vault in development mode: the binary that VAULT_BIN names,
// or what scripts/vault-server builds.
type server struct {
	t         testing.TB
	address   string
	root      *api.Client
	unsealKey string
	audit     string // file
}

const rootToken = "root-of-the-test"

func startServer(t testing.TB) *server {
	t.Helper()
	bin := os.Getenv("VAULT_BIN")
	if bin == "" {
		t.Skip("left out: VAULT_BIN names no Vault server (scripts/vault-server builds one)")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	cmd := exec.CommandContext(t.Context(), bin, "server", "-dev", "-dev-root-token-id="+rootToken, "-dev-listen-address="+address)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir()) // the real one leaves its root token there
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s := &server{t: t, address: "http://" + address, audit: filepath.Join(t.TempDir(), "audit.log")}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if key, ok := strings.CutPrefix(strings.TrimSpace(lines.Text()), "Unseal Key: "); ok {
			s.unsealKey = key
		}
		if strings.Contains(lines.Text(), "Root Token") {
			break
		}
	}
	config := api.DefaultConfig()
	config.Address = s.address
	if s.root, err = api.NewClient(config); err != nil {
		t.Fatal(err)
	}
	s.root.SetToken(rootToken)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if h, err := s.root.Sys().Health(); err == nil && !h.Sealed {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the server did not start")
		}
	}
	return s
}

// write sets the server up with all rights.
func (s *server) write(path string, data map[string]any) map[string]any {
	s.t.Helper()
	secret, err := s.root.Logical().Write(path, data)
	if err != nil {
		s.t.Fatal(err)
	}
	if secret == nil {
		return nil
	}
	return secret.Data
}

// apply sets it up as the plan says, by the calls that the printed commands
// make, and gives an AppRole.
func (s *server) apply(p setup.Plan) (roleID, secretID string) {
	s.t.Helper()
	s.write("sys/mounts/"+p.Mount, map[string]any{"type": "ssh"})
	s.write(p.Mount+"/config/ca", map[string]any{"generate_signing_key": true, "key_type": "ed25519"})
	s.write("sys/mounts/"+p.Mount+"/tune", map[string]any{
		"audit_non_hmac_request_keys": setup.AuditRequestKeys, "audit_non_hmac_response_keys": setup.AuditResponseKeys,
	})
	for _, r := range p.Roles {
		s.write(p.Mount+"/roles/"+r.Name, r.Fields())
	}
	s.write("sys/policies/acl/"+setup.PolicyName, map[string]any{"policy": p.Policy()})
	s.write("sys/audit/file", map[string]any{"type": "file", "options": map[string]any{"file_path": s.audit}})
	s.write("sys/auth/approle", map[string]any{"type": "approle"})
	s.write("auth/approle/role/sallyport", map[string]any{
		"token_policies": setup.PolicyName, "token_no_default_policy": true, "token_ttl": "1h", "token_max_ttl": "24h",
	})
	got, err := s.root.Logical().Read("auth/approle/role/sallyport/role-id")
	if err != nil {
		s.t.Fatal(err)
	}
	roleID = got.Data["role_id"].(string)
	secretID = s.write("auth/approle/role/sallyport/secret-id", nil)["secret_id"].(string)
	return roleID, secretID
}

var serverSources = []netip.Prefix{netip.MustParsePrefix("10.0.0.5/32"), netip.MustParsePrefix("10.0.1.0/24")}

func serverPlan(t testing.TB) setup.Plan {
	t.Helper()
	role, err := vaultclient.RoleNames("sallyport-{login}")
	if err != nil {
		t.Fatal(err)
	}
	host := access.Host{Name: "db1"}
	p, err := setup.New(setup.Wanted{
		Mount: "ssh-client-signer", Role: role, TTL: 90 * time.Second, Sources: serverSources,
		Auth: setup.Auth{Method: "approle", Mount: "approle"},
		Uses: []setup.Use{
			{Host: host, Login: "root", Extensions: []string{certs.PermitPty}},
			{Host: host, Login: "root", Extensions: []string{certs.PermitPty, certs.PermitPortForwarding}},
			{Host: host, Login: "root"},
			{Host: host, Login: "deploy", Extensions: []string{certs.PermitPty}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (s *server) config(roleID, secretID string) vaultclient.Config {
	return vaultclient.Config{
		Address: s.address, Mount: "ssh-client-signer", Role: "sallyport-{login}",
		Auth: vaultclient.Auth{Method: vaultclient.MethodAppRole, RoleID: constant(roleID), SecretID: constant(secretID)},
	}
}

func (s *server) mint(c *vaultclient.Client) certs.Mint {
	return certs.Mint{Issuer: c, TTL: 90 * time.Second, Now: time.Now, SourceAddresses: serverSources}
}

// examine lets the doctor look, as root as the operator, and gives what is not
// fine.
func (s *server) examine(cfg vaultclient.Config, p setup.Plan) (bad []vaultclient.Finding, err error) {
	d := vaultclient.Doctor{Config: cfg, Plan: p, Operator: constant(rootToken), Report: func(f vaultclient.Finding) {
		if f.State != vaultclient.FindingFine {
			bad = append(bad, f)
		}
	}}
	return bad, d.Examine(s.t.Context())
}

// What `vault policy` prints is what works, and nothing in it is in the way of
// the bastion: signing, renewing, looking itself up.
func TestServerWithThePrintedPolicy(t *testing.T) {
	s, p := startServer(t), serverPlan(t)
	cfg := s.config(s.apply(p))
	bad, err := s.examine(cfg, p)
	for _, f := range bad {
		t.Errorf("%+v", f)
	}
	if err != nil {
		t.Fatal(err)
	}
	client, _ := run(t, cfg)
	mint := s.mint(client)
	for _, extensions := range [][]string{nil, {certs.PermitPty}, {certs.PermitPty, certs.PermitPortForwarding}} {
		need := certs.Need{Host: access.Host{Name: "db1"}, Login: "root", KeyID: certs.KeyID("alice", "S", "G"), Extensions: extensions}
		if _, err := mint.Obtain(t.Context(), need); err != nil {
			t.Errorf("%v: %v", extensions, err)
		}
	}
	// The policy itself stops what the configuration does not need.
	for name, change := range map[string]func(*certs.Need, *certs.Mint){
		"another source":    func(_ *certs.Need, m *certs.Mint) { m.SourceAddresses = serverSources[:1] },
		"no source":         func(_ *certs.Need, m *certs.Mint) { m.SourceAddresses = nil },
		"another extension": func(n *certs.Need, _ *certs.Mint) { n.Extensions = []string{certs.PermitAgentForwarding} },
		"another login":     func(n *certs.Need, _ *certs.Mint) { n.Login = "postgres" },
		"another key ID":    func(n *certs.Need, _ *certs.Mint) { n.KeyID = "somebody" },
	} {
		n, m := certs.Need{Host: access.Host{Name: "db1"}, Login: "root", KeyID: certs.KeyID("alice", "S", "G")}, mint
		change(&n, &m)
		t.Log(name)
		_, err := m.Obtain(t.Context(), n)
		wantFault(t, err, vaultclient.Denied)
	}
}

// Each mistake of an operator is found, and the only thing found, or what it
// leads to is.
func TestDoctorFindsEachMistake(t *testing.T) {
	s, p := startServer(t), serverPlan(t)
	cfg := s.config(s.apply(p))
	role := func(field string, value any) func() {
		return func() {
			fields := p.Roles[1].Fields() // root's
			fields[field] = value
			s.write(p.Mount+"/roles/"+p.Roles[1].Name, fields)
		}
	}
	policy := func(old, new string) func() {
		return func() {
			text := strings.Replace(p.Policy(), old, new, -1)
			if text == p.Policy() {
				s.t.Fatalf("no %q in the policy", old)
			}
			s.write("sys/policies/acl/"+setup.PolicyName, map[string]any{"policy": text})
		}
	}
	tests := map[string]struct {
		mistake func()
		want    string // in a point that is wrong or advised
	}{
		"host certificates":  {role("allow_host_certificates", true), "allow_host_certificates"},
		"another user":       {role("allowed_users", "root,admin"), "allowed_users"},
		"any user":           {role("allowed_users", "*"), "allowed_users"},
		"a default user":     {role("default_user", "root"), "default_user"},
		"default extensions": {role("default_extensions", map[string]any{"permit-pty": ""}), "default_extensions"},
		"any extension":      {role("allowed_extensions", ""), "allowed_extensions"},
		"too few extensions": {role("allowed_extensions", "permit-pty"), "signs for root with permit-port-forwarding, permit-pty"},
		"any option":         {role("allowed_critical_options", ""), "allowed_critical_options"},
		"no source address":  {role("allowed_critical_options", "force-command"), "signs for root"},
		"no key IDs":         {role("allow_user_key_ids", false), "signs for root"},
		"no longest life":    {role("max_ttl", "0s"), "max_ttl"},
		"too short a life": {func() {
			f := p.Roles[1].Fields()
			f["ttl"], f["max_ttl"] = "10s", "10s"
			s.write(p.Mount+"/roles/"+p.Roles[1].Name, f)
		}, "max_ttl"},
		"begins now":             {role("not_before_duration", "0s"), "not_before_duration"},
		"no role":                {func() { s.remove(p.Mount + "/roles/" + p.Roles[1].Name) }, "signs for root"},
		"no pinned options":      {policy(`"critical_options" = [{"source-address" = "10.0.0.5/32,10.0.1.0/24"}]`, `"critical_options" = []`), "another source address"},
		"options not required":   {policy(`"ttl", "critical_options", "extensions"`, `"ttl"`), "options left out"},
		"no pinned key ID":       {policy(`["sallyport person=*"]`, `[]`), "a key ID of somebody else"},
		"issue allowed":          {policy("# Keeping", "path \"ssh-client-signer/issue/*\" { capabilities = [\"update\"] }\n# Keeping"), "issue"},
		"any role":               {policy("# Keeping", "path \"ssh-client-signer/sign/*\" { capabilities = [\"update\"] }\n# Keeping"), "right on ssh-client-signer/sign/sallyport-doctor"},
		"may write roles":        {policy("# Keeping", "path \"ssh-client-signer/roles/*\" { capabilities = [\"create\", \"update\"] }\n# Keeping"), "right on ssh-client-signer/roles/"},
		"not renewable":          {policy(`"auth/token/renew-self"`, `"auth/token/renew-nobody"`), "right on auth/token/renew-self"},
		"may not look itself up": {policy(`"auth/token/lookup-self"`, `"auth/token/lookup-nobody"`), "token"},
		"hidden in the audit log": {func() {
			s.write("sys/mounts/"+p.Mount+"/tune", map[string]any{"audit_non_hmac_request_keys": []string{"ttl"}})
		}, "audit log in clear"},
		"no audit device": {func() { s.remove("sys/audit/file") }, "audit devices"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.mistake()
			bad, err := s.examine(cfg, p)
			found := err != nil && strings.Contains(err.Error(), tt.want)
			for _, f := range bad {
				found = found || strings.Contains(f.Point, tt.want) && f.Do != ""
			}
			if !found {
				t.Errorf("want %q, got %+v, %v", tt.want, bad, err)
			}
			s.mend(p)
		})
	}
	if bad, err := s.examine(cfg, p); len(bad) > 0 || err != nil {
		t.Errorf("when all is mended: %+v, %v", bad, err)
	}
}

func (s *server) remove(path string) {
	s.t.Helper()
	if _, err := s.root.Logical().Delete(path); err != nil {
		s.t.Fatal(err)
	}
}

// mend sets what tests change as the plan says again.
func (s *server) mend(p setup.Plan) {
	s.t.Helper()
	for _, r := range p.Roles {
		s.write(p.Mount+"/roles/"+r.Name, r.Fields())
	}
	s.write("sys/policies/acl/"+setup.PolicyName, map[string]any{"policy": p.Policy()})
	s.write("sys/mounts/"+p.Mount+"/tune", map[string]any{"audit_non_hmac_request_keys": setup.AuditRequestKeys})
	if devices, err := s.root.Sys().ListAudit(); err != nil {
		s.t.Fatal(err)
	} else if len(devices) == 0 {
		s.write("sys/audit/file", map[string]any{"type": "file", "options": map[string]any{"file_path": s.audit}})
	}
}

// A wrapped secret ID logs in; the doctor leaves it alone, for it works once.
func TestServerWrappedSecretID(t *testing.T) {
	s, p := startServer(t), serverPlan(t)
	roleID, _ := s.apply(p)
	s.root.SetWrappingLookupFunc(func(string, string) string { return "5m" })
	secret, err := s.root.Logical().Write("auth/approle/role/sallyport/secret-id", nil)
	s.root.SetWrappingLookupFunc(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.config(roleID, secret.WrapInfo.Token)
	cfg.Auth.Wrapped = true
	if _, err := s.examine(cfg, p); err == nil {
		t.Error("the doctor went on without a token")
	}
	client, _ := run(t, cfg) // the token is still good
	if _, err := s.mint(client).Obtain(t.Context(), certs.Need{Host: access.Host{Name: "db1"}, Login: "deploy", KeyID: certs.KeyID("alice", "S", "G"), Extensions: []string{certs.PermitPty}}); err != nil {
		t.Fatal(err)
	}
	again, err := vaultclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- again.Run(ctx) }()
	if err := again.Ready(ctx); err == nil {
		t.Error("a wrapping token worked twice")
	}
	stop()
	<-done
}

// Sealed in the middle: said so, live tokens forgotten by nobody, and on again
// when it is unsealed. A revoked token leads to a new login by itself.
func TestServerSealedAndTokenEnded(t *testing.T) {
	s, p := startServer(t), serverPlan(t)
	client, _ := run(t, s.config(s.apply(p)))
	mint := s.mint(client)
	need := certs.Need{Host: access.Host{Name: "db1"}, Login: "deploy", KeyID: certs.KeyID("alice", "S", "G"), Extensions: []string{certs.PermitPty}}
	if _, err := mint.Obtain(t.Context(), need); err != nil {
		t.Fatal(err)
	}
	if err := s.root.Sys().Seal(); err != nil {
		t.Fatal(err)
	}
	_, err := mint.Obtain(t.Context(), need)
	wantFault(t, err, vaultclient.Sealed)
	if h := client.Health(); h.State != vaultclient.Sealed {
		t.Errorf("health %+v", h)
	}
	if signed, failed := client.Orders(); signed != 1 || failed[vaultclient.Sealed] != 1 {
		t.Errorf("%d signed, failed %v", signed, failed)
	}
	key := s.unsealKey
	if raw, err := base64.StdEncoding.DecodeString(key); err == nil {
		key = hex.EncodeToString(raw)
	}
	if _, err := s.root.Sys().Unseal(key); err != nil {
		t.Fatal(err)
	}
	s.await("signing again", func() bool { _, err := mint.Obtain(t.Context(), need); return err == nil })

	list, err := s.root.Logical().List("auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	revoked := 0
	for _, accessor := range list.Data["keys"].([]any) {
		got, err := s.root.Logical().Write("auth/token/lookup-accessor", map[string]any{"accessor": accessor})
		if err != nil || !strings.Contains(fmt.Sprint(got.Data["policies"]), setup.PolicyName) {
			continue
		}
		s.write("auth/token/revoke-accessor", map[string]any{"accessor": accessor})
		revoked++
	}
	if revoked == 0 {
		t.Fatal("no token of the bastion's found")
	}
	s.await("signing with a new token", func() bool { _, err := mint.Obtain(t.Context(), need); return err == nil })
}

func (s *server) await(what string, cond func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !cond(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Vault's own audit log leads to the session and back, and shows what somebody
// else had signed.
func TestServerAuditLogReconciles(t *testing.T) {
	s, p := startServer(t), serverPlan(t)
	client, _ := run(t, s.config(s.apply(p)))
	mint := s.mint(client)
	var known []setup.Known
	for i := range 3 {
		keyID := certs.KeyID("alice", access.SessionID(fmt.Sprintf("S%d", i)), "G")
		cred, err := mint.Obtain(t.Context(), certs.Need{Host: access.Host{Name: "db1"}, Login: "root", KeyID: keyID})
		if err != nil {
			t.Fatal(err)
		}
		known = append(known, setup.Known{Time: time.Now(), RequestID: cred.Facts.VaultRequestID, KeyID: keyID, Serial: fmt.Sprintf("%x", cred.Facts.Serial)})
	}
	s.write(p.Mount+"/sign/"+p.Roles[1].Name, map[string]any{ // somebody with more rights than the bastion
		"public_key": certs.AuthorizedLine(newSigner(t).PublicKey(), ""), "valid_principals": "root", "key_id": "mallory",
	})
	log, err := os.ReadFile(s.audit)
	if err != nil {
		t.Fatal(err)
	}
	forgotten := known[2]
	forgotten.RequestID, forgotten.KeyID = "0000", "sallyport person=bob session=X grant=Y"
	r, err := setup.Reconcile(strings.NewReader(string(log)), p, append(known, forgotten))
	if err != nil {
		t.Fatal(err)
	}
	if r.Signed != 4 || r.Matched != 3 || len(r.Unknown) != 1 || r.Unknown[0].KeyID != "mallory" || r.Unknown[0].Serial == "" || len(r.Unanswered) != 0 || r.Garbled != 0 {
		t.Errorf("%+v", r)
	}
	if len(r.Missing) != 1 || r.Missing[0].RequestID != "0000" {
		t.Errorf("missing: %+v", r.Missing)
	}
}

// What a certificate costs: signing by a real Vault and checking, by 50 who
// connect at once.
func BenchmarkSignAndCheck(b *testing.B) {
	s, p := startServer(b), serverPlan(b)
	client, err := vaultclient.New(s.config(s.apply(p)))
	if err != nil {
		b.Fatal(err)
	}
	go client.Run(b.Context())
	if err := client.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	mint := s.mint(client)
	need := certs.Need{Host: access.Host{Name: "db1"}, Login: "root", KeyID: certs.KeyID("alice", "S", "G"), Extensions: []string{certs.PermitPty}}
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := mint.Obtain(b.Context(), need); err != nil {
				b.Error(err)
			}
		}
	})
}
