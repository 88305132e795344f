package vaultclient_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/vaultclient"
)

func newServer(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// All that is wrong with a configuration is said at once, by key.
func TestConfigurationFaults(t *testing.T) {
	_, err := vaultclient.New(vaultclient.Config{
		Address: "http://vault.example.com:8200", Mount: "../sys", Auth: vaultclient.Auth{Method: "approle", Mount: "a b"},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, key := range []string{"ca.vault.address", "ca.vault.mount", "ca.vault.auth.role_id_file", "ca.vault.auth.secret_id_file", "ca.vault.auth.mount"} {
		if !strings.Contains(err.Error(), key+":") {
			t.Errorf("nothing about %s in %v", key, err)
		}
	}

	_, good := newFake(t)
	for name, change := range map[string]func(*vaultclient.Config){
		"no address":             func(c *vaultclient.Config) { c.Address = "" },
		"a password in it":       func(c *vaultclient.Config) { c.Address = "https://a:b@vault.example.com" },
		"another scheme":         func(c *vaultclient.Config) { c.Address = "unix:///run/vault" },
		"unknown method":         func(c *vaultclient.Config) { c.Auth.Method = "ldap" },
		"no role":                func(c *vaultclient.Config) { c.Role = "" },
		"half a place":           func(c *vaultclient.Config) { c.Role = "sallyport-{login" },
		"the other half":         func(c *vaultclient.Config) { c.Role = "sallyport-login}" },
		"an empty place":         func(c *vaultclient.Config) { c.Role = "sallyport-{}" },
		"a missing CA file":      func(c *vaultclient.Config) { c.CAFile = "/nonexistent" },
		"a CA file without a CA": func(c *vaultclient.Config) { c.CAFile = "config_test.go" },
	} {
		cfg := good
		change(&cfg)
		if _, err := vaultclient.New(cfg); err == nil || !strings.Contains(err.Error(), "ca.vault.") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := vaultclient.New(good); err != nil {
		t.Error(err)
	}
}

func TestSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	read := vaultclient.SecretFrom(file)
	for _, text := range []string{" one\n", "two"} { // rotated
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := read(); err != nil || got != strings.TrimSpace(text) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	for _, text := range []string{"", " \n", "sec\x00ret", strings.Repeat("secret", 20_000)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := read(); err == nil || strings.Contains(err.Error(), "sec\x00") || len(err.Error()) > 200 {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	t.Setenv("SALLYPORT_TEST_SECRET", "three")
	if got, err := vaultclient.SecretFrom("env:SALLYPORT_TEST_SECRET")(); err != nil || got != "three" {
		t.Errorf("got %q, %v", got, err)
	}
}
