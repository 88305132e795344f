package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/internal/tooltest"
)

// vault is the Vault of a script: the real engine in a process of its own, or
// one that answers what no honest Vault would.
type vault struct {
	address, mount, ca string
	token              string // of the fake
	roleID, secretID   string // of the real one
	close              func()
	mood               atomic.Value // of the fake: honest | wide | long | otherkey | down
}

// configureVault points the configuration at the script's Vault.
func (w *town) configureVault() error {
	if w.vault == nil {
		return nil
	}
	w.put("ca.kind", "vault")
	w.put("ca.vault.address", w.vault.address)
	w.put("ca.vault.mount", w.vault.mount)
	w.put("ca.vault.source_address", []string{"127.0.0.1/32"})
	if w.vault.token != "" {
		path, err := w.secret("vault_token", w.vault.token)
		w.put("ca.vault.auth", map[string]any{"method": "token", "token_file": path})
		return err
	}
	role, err1 := w.secret("role_id", w.vault.roleID)
	secret, err2 := w.secret("secret_id", w.vault.secretID)
	w.put("ca.vault.auth", map[string]any{"method": "approle", "role_id_file": role, "secret_id_file": secret})
	return errors.Join(err1, err2)
}

// cmdVault: "vault real" starts Vault's own SSH engine, "vault fake" one that
// obeys "vault MOOD".
func cmdVault(ts *testscript.TestScript, _ bool, args []string) {
	w := townOf(ts)
	if len(args) != 1 {
		ts.Fatalf("usage: vault real|fake|MOOD")
	}
	var err error
	switch args[0] {
	case "real":
		w.vault, err = realVault(w)
	case "fake":
		w.vault, err = fakeVault()
	default:
		w.vault.mood.Store(args[0])
		return
	}
	ts.Check(err)
	ts.Check(w.trust(w.vault.ca))
}

// engine is Vault's SSH engine, built once. It is a module of its own, so that
// the product does not depend on Vault's.
var engine = sync.OnceValues(func() (string, error) {
	out := filepath.Join(filepath.Dir(binary), "vaulttest")
	cmd := exec.Command("go", "build", "-C", "../internal/vaulttest", "-o", out, ".")
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", errors.New("Vault's SSH engine cannot be built: " + string(said))
	}
	return out, nil
})

func realVault(w *town) (*vault, error) {
	path, err := engine()
	if err != nil {
		tooltest.Missing(w.t, err)
	}
	cmd := exec.Command(path, "-stdin", "-logins", w.host.Login)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	v := &vault{close: func() {
		_ = stdin.Close() // ends it
		_ = cmd.Wait()
	}}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return v, err
	}
	var said map[string]string
	if err := json.Unmarshal(line, &said); err != nil {
		return v, err
	}
	v.address, v.mount, v.ca, v.roleID, v.secretID = said["address"], said["mount"], said["ca"], said["role_id"], said["secret_id"]
	return v, nil
}

// fakeVault signs like Vault when it is honest.
func fakeVault() (*vault, error) {
	v := &vault{mount: "ssh", token: "hvs." + rand.Text(), ca: keyOf["nobody"].line}
	v.mood.Store("honest")
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, doc any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(doc) // the client may have gone
	}
	mux.HandleFunc("GET /v1/ssh/public_key", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, v.ca+"\n") })
	mux.HandleFunc("GET /v1/auth/token/lookup-self", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"data": map[string]any{"ttl": 3600, "renewable": true}})
	})
	mux.HandleFunc("PUT /v1/auth/token/renew-self", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"auth": map[string]any{"client_token": v.token, "lease_duration": 3600, "renewable": true}})
	})
	mux.HandleFunc("/v1/ssh/sign/", func(w http.ResponseWriter, r *http.Request) {
		if v.mood.Load() == "sealed" {
			answer(w, 503, map[string]any{"errors": []string{"Vault is sealed"}})
			return
		}
		line, err := v.sign(r)
		if err != nil {
			answer(w, 400, map[string]any{"errors": []string{err.Error()}})
			return
		}
		answer(w, 200, map[string]any{"request_id": "1b2c", "data": map[string]any{"serial_number": "2a", "signed_key": line}})
	})
	server := httptest.NewServer(mux)
	v.address, v.close = server.URL, server.Close
	return v, nil
}

func (v *vault) sign(r *http.Request) (string, error) {
	var asked struct {
		PublicKey       string            `json:"public_key"`
		ValidPrincipals string            `json:"valid_principals"`
		KeyID           string            `json:"key_id"`
		TTL             string            `json:"ttl"`
		CriticalOptions map[string]string `json:"critical_options"`
		Extensions      map[string]string `json:"extensions"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return "", err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(asked.PublicKey))
	if err != nil {
		return "", err
	}
	ttl, err := time.ParseDuration(asked.TTL)
	if err != nil {
		return "", err
	}
	now := time.Now()
	cert := &ssh.Certificate{
		Key: key, Serial: 42, CertType: ssh.UserCert, KeyId: asked.KeyID,
		ValidPrincipals: strings.Split(asked.ValidPrincipals, ","),
		ValidAfter:      uint64(now.Add(-30 * time.Second).Unix()), ValidBefore: uint64(now.Add(ttl).Unix()),
		Permissions: ssh.Permissions{CriticalOptions: asked.CriticalOptions, Extensions: asked.Extensions},
	}
	switch v.mood.Load() {
	case "wide": // another account as well
		cert.ValidPrincipals = append(cert.ValidPrincipals, "postgres")
	case "long": // a year
		cert.ValidBefore = uint64(now.AddDate(1, 0, 0).Unix())
	case "anywhere": // from every address
		cert.CriticalOptions = nil
	case "forwarding": // a permission that was not asked for
		cert.Extensions = map[string]string{"permit-pty": "", "permit-port-forwarding": ""}
	}
	if err := cert.SignCert(rand.Reader, keyOf["nobody"].signer); err != nil {
		return "", err
	}
	return string(ssh.MarshalAuthorizedKey(cert)), nil
}
