package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
	"github.com/sallyport/sallyport/console"
	"github.com/sallyport/sallyport/policy"
	"github.com/sallyport/sallyport/vaultclient"
	"github.com/sallyport/sallyport/vaultclient/setup"
)

// vaultFlags are the options of `sallyport vault …`.
type vaultFlags struct {
	format                  string
	tokenFile, operatorFile string
	json                    bool
}

// vaultCommands help an operator to set Vault up and to keep an eye on it.
func vaultCommands(std stdio) console.Command {
	var f vaultFlags
	jsonFlag := func(flags *flag.FlagSet) { flags.BoolVar(&f.json, "json", false, "print JSON") }
	return console.Command{
		Name: "vault", Short: "set Vault up for this configuration, examine it, and account for what it signed",
		Commands: []console.Command{
			{
				Name: "policy", Short: "print the roles and the policy that this configuration needs",
				Long: "Prints one role per login, the policy of the bastion's token with every parameter\n" +
					"pinned, what the audit log must show in clear, and how the bastion's login is\n" +
					"made: for the configuration and the access file that it names. It applies\n" +
					"nothing; read it, then apply it as somebody who may. Print it again when hosts,\n" +
					"logins or what rules allow have changed.",
				Examples: []string{"sallyport vault policy > vault.sh", "sallyport vault policy --format terraform > vault.tf"},
				Flags: func(flags *flag.FlagSet) {
					flags.StringVar(&f.format, "format", "commands", "print `commands` for a shell, hcl (the policy alone) or terraform")
				},
				Run: func(_ context.Context, config string, _ []string) error { return vaultPolicy(config, f, std) },
			},
			{
				Name: "doctor", Short: "examine a live Vault against this configuration",
				Long: "Logs in as the bastion does, has signed what the bastion will ask for, and asks\n" +
					"for what it must not get; certificates that it gets all the same are for a key\n" +
					"that is thrown away at once. It changes nothing. For each point it says: fine, or\n" +
					"what to change and why. Exit status 1 if something is wrong.\n\n" +
					"With a token of an operator it also compares the roles field by field, and looks\n" +
					"at the audit devices.",
				Examples: []string{"sallyport vault doctor --operator-token-file env:VAULT_TOKEN"},
				Flags: func(flags *flag.FlagSet) {
					flags.StringVar(&f.operatorFile, "operator-token-file", "", "read roles, mount and audit devices with the token in `FILE` (or env:NAME)")
					flags.StringVar(&f.tokenFile, "token-file", "", "use the token in `FILE` (or env:NAME) instead of a login; it should have the bastion's policy")
					jsonFlag(flags)
				},
				Run: func(ctx context.Context, config string, _ []string) error { return vaultDoctor(ctx, config, f, std) },
			},
			{
				Name: "reconcile", Args: []string{"AUDITLOG"}, Short: "hold Vault's audit log against the certificates of this bastion",
				Long: "Reads Vault's audit log (a file of its `file` audit device; - for standard input)\n" +
					"and this bastion's audit chain, and lists the certificates that Vault signed and\n" +
					"no session of ours has, and the reverse within the time of the log. The server\n" +
					"may run meanwhile. Exit status 1 if there is anything to look at.",
				Flags: jsonFlag,
				Run: func(ctx context.Context, config string, args []string) error {
					return vaultReconcile(ctx, config, args[0], f, std)
				},
			},
		},
	}
}

// vaultPlan reads both files and plans.
func vaultPlan(named string) (*Config, setup.Plan, error) {
	config, _, err := loadConfig(configPath(named))
	if err != nil {
		return nil, setup.Plan{}, err
	}
	if config.CA.Kind != "vault" {
		return nil, setup.Plan{}, errors.New("ca.kind is not vault")
	}
	rules, _, err := loadAccess(config.AccessFile)
	if err != nil {
		return nil, setup.Plan{}, err
	}
	v := config.CA.Vault
	role, err := vaultclient.RoleNames(v.Role)
	if err != nil {
		return nil, setup.Plan{}, fmt.Errorf("ca.vault.role: %w", err)
	}
	mount := v.Auth.Mount
	if mount == "" {
		mount = v.Auth.Method
	}
	p, err := setup.New(setup.Wanted{
		Mount: strings.Trim(v.Mount, "/"), Namespace: v.Namespace, Role: role, TTL: v.TTL, Sources: v.SourceAddress,
		Auth: setup.Auth{Method: v.Auth.Method, Mount: strings.Trim(mount, "/"), Role: v.Auth.Role, Wrapped: v.Auth.Wrapped},
		Uses: vaultUses(rules),
	})
	return config, p, err
}

// vaultUses are what the rules may need signed, whoever asks: a deny rule for
// some people takes nothing away from what Vault must be able to do.
func vaultUses(p *policy.Policy) []setup.Use {
	var uses []setup.Use
	for _, r := range p.Rules {
		if r.Deny {
			continue
		}
		for _, h := range p.Hosts {
			if !r.Hosts.Include(h) {
				continue
			}
			for _, login := range h.Logins {
				if slices.Contains(r.Logins, login) {
					uses = append(uses, setup.Use{Host: h, Login: login, Extensions: certs.ExtensionsFor(r.Allow)})
				}
			}
		}
	}
	return uses
}

func vaultPolicy(named string, f vaultFlags, std stdio) error {
	_, p, err := vaultPlan(named)
	if err != nil {
		return err
	}
	text := ""
	switch f.format {
	case "commands":
		text = p.Commands()
	case "hcl":
		text = p.Policy()
	case "terraform":
		text = p.Terraform()
	default:
		return fmt.Errorf("--format %q is none of commands, hcl, terraform", access.Plain(f.format, 40))
	}
	_, err = io.WriteString(std.out, text)
	return err
}

// marks begin the lines of `vault doctor`.
var marks = map[vaultclient.FindingState]string{
	vaultclient.FindingFine: "fine  ", vaultclient.FindingAdvice: "advice", vaultclient.FindingWrong: "WRONG ", vaultclient.FindingUnseen: "unseen",
}

func vaultDoctor(ctx context.Context, named string, f vaultFlags, std stdio) error {
	config, p, err := vaultPlan(named)
	if err != nil {
		return err
	}
	client, err := config.vault()
	if err != nil {
		return err
	}
	counts := map[vaultclient.FindingState]int{}
	findings := []vaultclient.Finding{}
	d := vaultclient.Doctor{Config: client, Plan: p, Report: func(x vaultclient.Finding) {
		counts[x.State]++
		if f.json {
			findings = append(findings, x)
			return
		}
		fmt.Fprintf(std.out, "%s  %s: %s\n", marks[x.State], x.Point, x.Found)
		if x.Do != "" {
			fmt.Fprintf(std.out, "        %s.\n", x.Do)
		}
	}}
	if f.tokenFile != "" {
		d.Token = vaultclient.SecretFrom(f.tokenFile)
	}
	if f.operatorFile != "" {
		d.Operator = vaultclient.SecretFrom(f.operatorFile)
	}
	err = d.Examine(ctx)
	if f.json {
		if e := printJSON(std.out, findings); e != nil {
			return e
		}
	} else {
		fmt.Fprintf(std.out, "%d fine, %d advice, %d wrong, %d unseen\n", counts[vaultclient.FindingFine],
			counts[vaultclient.FindingAdvice], counts[vaultclient.FindingWrong], counts[vaultclient.FindingUnseen])
	}
	if err != nil {
		return fmt.Errorf("the examination could not go on: %w", err)
	}
	if counts[vaultclient.FindingWrong] > 0 {
		return console.ExitError(1)
	}
	return nil
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
