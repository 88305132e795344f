package console

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/policy"
)

func (s *set) hosts() *cobra.Command {
	var asJSON bool
	cmd := s.command(spec{
		name:    "hosts",
		options: "[--json]",
		short:   "list the hosts that you may reach",
		long: `Lists what you may reach: host, login, whether you may go at once (standing) or
must be approved (approval), whether somebody must watch (watched), and what for. "ssh LOGIN@HOST@bastion" takes you there.
The socket sees the whole inventory.`,
		examples: []string{"hosts", "hosts --json"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		if c.roles == local {
			return c.inventory(asJSON)
		}
		rights := c.policy.Rights(c.person)
		if asJSON {
			return c.json(each(rights, rightJSON))
		}
		c.showRights(rights)
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an array as JSON")
	return cmd
}

// rightShape is one login on one host; Access, Rule and May are null for the
// socket, which asks nobody.
type rightShape struct {
	Host    string              `json:"host"`
	Aliases []string            `json:"aliases"`
	Labels  map[string]string   `json:"labels"`
	Login   string              `json:"login"`
	Access  optional            `json:"access"`
	Rule    optional            `json:"rule"`
	May     []access.Capability `json:"may"`
	Watched bool                `json:"watched"` // its sessions run only while a second person watches
}

func rightJSON(r policy.Right) rightShape {
	shape := loginJSON(r.Host, r.Login)
	shape.Access, shape.Rule, shape.May = optional(accessWord(r.Outcome)), optional(r.Rule.Name), r.May
	shape.Watched = r.Rule.Watch == access.WatchRequired
	return shape
}

func loginJSON(h access.Host, login string) rightShape {
	labels := h.Labels
	if labels == nil {
		labels = map[string]string{}
	}
	return rightShape{Host: h.Name, Aliases: list(h.Aliases), Labels: labels, Login: login}
}

// accessWord says whether somebody must be asked.
func accessWord(o policy.Outcome) string {
	if o == policy.Standing {
		return "standing"
	}
	return "approval"
}

// watchedWord says that somebody must watch.
func watchedWord(r *policy.Rule) string {
	if r.Watch == access.WatchRequired {
		return ", watched"
	}
	return ""
}

func (c *call) showRights(rights []policy.Right) {
	if len(rights) == 0 {
		c.page.linef("no hosts: no rule names you")
		return
	}
	t := table{head: []string{"HOST", "LOGIN", "ACCESS", "FOR", "ALIASES", "LABELS"}}
	for _, r := range rights {
		look := yellow
		if r.Outcome == policy.Standing {
			look = green
		}
		t.add(r.Host.Name, r.Login, cell{accessWord(r.Outcome) + watchedWord(r.Rule), look}, words(r.May), or(strings.Join(r.Host.Aliases, " ")), or(labels(r.Host)))
	}
	c.page.table(t)
}

// words joins names for a column.
func words[T ~string](names []T) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, " ")
}

func labels(h access.Host) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(h.Labels)) {
		parts = append(parts, k+"="+h.Labels[k])
	}
	return strings.Join(parts, " ")
}

// inventory is hosts for the socket.
func (c *call) inventory(asJSON bool) error {
	if asJSON {
		var out []rightShape
		for _, h := range c.policy.Hosts {
			for _, login := range h.Logins {
				out = append(out, loginJSON(h, login))
			}
		}
		return c.json(list(out))
	}
	t := table{head: []string{"HOST", "ADDRESS", "LOGINS", "ALIASES", "LABELS"}}
	for _, h := range c.policy.Hosts {
		t.add(h.Name, h.Address, words(h.Logins), or(strings.Join(h.Aliases, " ")), or(labels(h)))
	}
	c.page.table(t)
	return nil
}
