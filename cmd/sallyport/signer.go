package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/vaultclient"
)

// signer is who signs certificates for hosts: Vault, or the embedded CA.
type signer struct {
	mint  certs.Mint
	vault *vaultclient.Client // nil with the embedded CA

	emergency *certs.Mint // the embedded CA beside Vault, for break-glass; nil where it is not configured
}

// run keeps the login to Vault until ctx ends.
func (s *signer) run(ctx context.Context) error {
	if s.vault == nil {
		return nil
	}
	return s.vault.Run(ctx)
}

func (h *house) openSigner(context.Context) (err error) {
	if h.hostCA, err = certs.OpenHostCA(h.config.keys(), time.Now); err != nil {
		return err
	}
	if h.hostKeys, err = certs.HostKeys(h.config.SSH.HostKeys, h.config.keys()); err != nil {
		return err
	}
	v := h.config.CA.Vault
	h.signer = &signer{mint: certs.Mint{SourceAddresses: v.SourceAddress, TTL: v.TTL, Now: time.Now}}
	if h.config.CA.Kind == "local" {
		h.signer.mint.Issuer, err = certs.OpenLocalCA(h.config.keys(), time.Now)
		return err
	}
	client, err := h.config.vault()
	if err != nil {
		return err
	}
	client.Log = h.log
	if v.BreakGlass == "local" {
		emergency := h.signer.mint
		if emergency.Issuer, err = certs.OpenLocalCA(h.config.keys(), time.Now); err != nil {
			return err
		}
		h.signer.emergency = &emergency
	}
	h.signer.vault, err = vaultclient.New(client)
	h.signer.mint.Issuer = h.signer.vault
	return err
}

// vault is the client's configuration.
func (c *Config) vault() (vaultclient.Config, error) {
	v, secret := c.CA.Vault, func(s strictyaml.Secret) vaultclient.Secret {
		if !s.Given() {
			return nil
		}
		return s.Read
	}
	if c.CA.Kind != "vault" {
		return vaultclient.Config{}, errors.New("ca.kind is not vault")
	}
	cas, err := v.authorities()
	if err != nil {
		return vaultclient.Config{}, err
	}
	return vaultclient.Config{
		Authorities: cas,
		Address:     v.Address, Namespace: v.Namespace, CAFile: v.CAFile, Mount: v.Mount, Role: v.Role,
		Auth: vaultclient.Auth{
			Method: vaultclient.Method(v.Auth.Method), Mount: v.Auth.Mount, Role: v.Auth.Role,
			Token: secret(v.Auth.TokenFile), JWT: secret(v.Auth.TokenFile),
			RoleID: secret(v.Auth.RoleIDFile), SecretID: secret(v.Auth.SecretIDFile), Wrapped: v.Auth.Wrapped,
			CertFile: v.Auth.CertFile, KeyFile: v.Auth.KeyFile,
		},
		Now: time.Now,
	}, nil
}

// userCAKeys are the keys that hosts must trust: what `ca` prints. There are
// two while one CA of Vault replaces another, and with an embedded CA for
// break-glass.
func userCAKeys(ctx context.Context, c *Config) ([]ssh.PublicKey, error) {
	var keys []ssh.PublicKey
	if c.CA.Kind == "vault" {
		var err error
		if keys, err = vaultCAs(ctx, c); err != nil {
			return nil, err
		}
	}
	if c.CA.Kind == "local" || c.CA.Vault.BreakGlass == "local" {
		key, err := localCA(c)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// localCA is the embedded CA's key, made if there is none yet.
func localCA(c *Config) (ssh.PublicKey, error) {
	if !certs.HasLocalCA(c.keys()) {
		if err := ownData(c.DataDir, "ca"); err != nil {
			return nil, fmt.Errorf("there is no CA yet: %w", err)
		}
	}
	ca, err := certs.OpenLocalCA(c.keys(), time.Now)
	if err != nil {
		return nil, err
	}
	return ca.PublicKey(), nil
}

// vaultCAs are those that the configuration pins, else the mount's.
func vaultCAs(ctx context.Context, c *Config) ([]ssh.PublicKey, error) {
	config, err := c.vault()
	if err != nil {
		return nil, err
	}
	if len(config.Authorities) > 0 {
		return config.Authorities, nil
	}
	client, err := vaultclient.New(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	running := make(chan error, 1)
	go func() { running <- client.Run(ctx) }()
	if err := client.Ready(ctx); err != nil {
		return nil, err
	}
	cas := client.Authorities()
	cancel()
	if err := <-running; err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	if len(cas) == 0 {
		return nil, fmt.Errorf("%s has no CA yet", c.CA.Vault.Mount)
	}
	return cas, nil
}
