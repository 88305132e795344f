package console

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/certs"
)

func (s *set) sshConfig() *cobra.Command {
	return s.command(spec{
		name:  "ssh-config",
		short: "print an ssh_config for what you may reach",
		long: `Prints a configuration for OpenSSH with an entry for each login that you may use.
Then "ssh root+db1" goes there, and scp, sftp, rsync, git and Ansible take root+db1
for the host. "ssh root@db1" goes there too, by ProxyJump; for that the host keys of
"known-hosts" must be known.`,
		examples: []string{
			"ssh-config > ~/.ssh/sallyport.conf",
			`# then, at the top of ~/.ssh/config: Include sallyport.conf`,
		},
		who: everyone,
	}, func(c *call, _ []string) error {
		c.printSSHConfig(c.reachable())
		return nil
	})
}

// reach is a host and the logins that the caller may ask for there.
type reach struct {
	host   access.Host
	logins []string
}

// reachable lists what the caller may reach, in the order of the inventory.
func (c *call) reachable() []reach {
	var out []reach
	if c.roles == local {
		for _, h := range c.policy.Hosts {
			out = append(out, reach{h, h.Logins})
		}
		return out
	}
	for _, r := range c.policy.Rights(c.person) {
		if n := len(out); n == 0 || out[n-1].host.Name != r.Host.Name {
			out = append(out, reach{host: r.Host})
		}
		last := &out[len(out)-1]
		if !slices.Contains(last.logins, r.Login) {
			last.logins = append(last.logins, r.Login)
		}
	}
	return out
}

// printSSHConfig writes ssh_config(5). Names of hosts and logins hold nothing
// that means something there (see access.ValidName). The bastion's entries
// come with its key's algorithms unsaid: they are the client's to choose.
func (c *call) printSSHConfig(reachable []reach) {
	host, port := c.address()
	var b strings.Builder
	entry := func(name, user string) {
		fmt.Fprintf(&b, "Host %s\n    HostName %s\n    Port %s\n", name, host, port)
		if user != "" {
			fmt.Fprintf(&b, "    User %s\n", user)
		}
	}
	fmt.Fprintf(&b, "# Sallyport at %s, for %s. Made %s.\n\n", c.Advertise, actorName(c.Actor), clock(c.page.now))
	fmt.Fprintf(&b, "# The bastion itself: ssh sallyport COMMAND\n")
	entry("sallyport", "")
	for _, r := range reachable {
		b.WriteString("\n")
		for _, login := range r.logins {
			entry(login+"+"+r.host.Name, login+"+"+r.host.Name)
		}
		fmt.Fprintf(&b, "# The same as ssh LOGIN@%s:\nHost %s\n    ProxyJump sallyport\n", r.host.Name, words(r.host.Names()))
	}
	c.page.write(b.String())
}

// address is where people reach the bastion.
func (c *call) address() (host, port string) {
	host, port, err := net.SplitHostPort(c.Advertise)
	if err != nil { // without a port
		return strings.Trim(c.Advertise, "[]"), "22"
	}
	return host, port
}

func (s *set) knownHosts() *cobra.Command {
	return s.command(spec{
		name:  "known-hosts",
		short: "print lines for known_hosts",
		long: `Prints the bastion's own host keys, and for each host the CA that signs the key
which the bastion shows for it under ProxyJump. The CA is named for these hosts
only, never for all.`,
		examples: []string{"known-hosts >> ~/.ssh/known_hosts"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		host, port := c.address()
		for _, key := range c.HostKeys {
			c.page.write(knownhosts.Line([]string{net.JoinHostPort(host, port)}, key) + "\n")
		}
		for _, r := range c.reachable() {
			c.page.write(certs.KnownHostsLine(r.host, c.HostCA) + "\n")
		}
		return nil
	})
}
