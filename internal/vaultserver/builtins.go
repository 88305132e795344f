package main

import (
	"maps"
	"slices"

	credapprole "github.com/hashicorp/vault/builtin/credential/approle"
	vaultssh "github.com/hashicorp/vault/builtin/logical/ssh"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
)

// builtins are the engines and auth methods of this server, in the place of
// Vault's own list, which brings every cloud's client.
type builtins map[consts.PluginType]map[string]logical.Factory

var ours = builtins{
	consts.PluginTypeSecrets:    {"ssh": vaultssh.Factory},
	consts.PluginTypeCredential: {"approle": credapprole.Factory},
}

func (b builtins) Contains(name string, kind consts.PluginType) bool {
	_, ok := b[kind][name]
	return ok
}

func (b builtins) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	factory, ok := b[kind][name]
	return func() (any, error) { return factory, nil }, ok
}

func (b builtins) Keys(kind consts.PluginType) []string { return slices.Sorted(maps.Keys(b[kind])) }

func (b builtins) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, b.Contains(name, kind)
}

func (builtins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
