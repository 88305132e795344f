// Command vaultserver is a real Vault for tests: its own core with policies,
// AppRole, response wrapping, sealing and the audit log, in development mode on
// loopback, in memory. It takes the options of `vault server -dev` that the
// tests use, so that VAULT_BIN may name either:
//
//	vaultserver server -dev -dev-root-token-id=ID -dev-listen-address=127.0.0.1:PORT
//
// It exists because Vault's published modules do not build into its own
// command: see scripts/vault-server, which mends two lines of them at build
// time. It is in a module of its own, under nothing of the product: Vault is
// under the Business Source License.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	auditfile "github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "vaultserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("server", flag.ContinueOnError)
	flags.Bool("dev", true, "in memory, unsealed at the start")
	root := flags.String("dev-root-token-id", rand.Text(), "the root token")
	listen := flags.String("dev-listen-address", "127.0.0.1:8200", "address to serve on, loopback")
	if len(args) == 0 || args[0] != "server" {
		return fmt.Errorf("usage: vaultserver server -dev …")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	core, err := newCore(*root)
	if err != nil {
		return err
	}
	defer core.Shutdown()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	props := &vault.HandlerProperties{Core: core, ListenerConfig: &configutil.Listener{}}
	server := &http.Server{Handler: vaulthttp.Handler.Handler(props), ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// newCore starts a core with one unseal key, unseals it and gives it the root
// token.
func newCore(root string) (*vault.Core, error) {
	log := hclog.New(&hclog.LoggerOptions{Level: hclog.Warn, Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, log)
	if err != nil {
		return nil, err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		Physical: storage, Logger: log, DisableMlock: true,
		LogicalBackends:    ours[consts.PluginTypeSecrets],
		CredentialBackends: ours[consts.PluginTypeCredential],
		BuiltinRegistry:    ours,
		AuditBackends:      map[string]auditfile.Factory{"file": auditfile.NewFileBackend},
	})
	if err != nil {
		return nil, err
	}
	ctx := namespace.RootContext(context.Background())
	initialised, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1},
	})
	if err != nil {
		return nil, err
	}
	if _, err := core.Unseal(initialised.SecretShares[0]); err != nil {
		return nil, err
	}
	// As `vault server -dev` does: a root token whose ID was given.
	if _, err := core.HandleRequest(ctx, &logical.Request{
		Operation: logical.UpdateOperation, Path: "auth/token/create", ClientToken: initialised.RootToken,
		Data: map[string]any{"id": root, "policies": []string{"root"}, "no_parent": true, "no_default_policy": true},
	}); err != nil {
		return nil, err
	}
	fmt.Println("Unseal Key:", base64.StdEncoding.EncodeToString(initialised.SecretShares[0]))
	fmt.Println("Root Token:", root)
	return core, nil
}
