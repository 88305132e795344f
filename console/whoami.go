package console

import (
	"github.com/spf13/cobra"

	"github.com/sallyport/sallyport/access"
)

func (s *set) whoami() *cobra.Command {
	var asJSON bool
	cmd := s.command(spec{
		name:    "whoami",
		options: "[--json]",
		short:   "show who the bastion takes you for",
		long: `Shows the person that your key or certificate belongs to, groups and roles, and
the key that signed this connection. The login name that you typed plays no part.`,
		examples: []string{"whoami", "whoami --json"},
		who:      everyone,
	}, func(c *call, _ []string) error {
		me := c.me()
		if asJSON {
			return c.json(me)
		}
		c.showMe(me)
		return nil
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object as JSON")
	return cmd
}

type meShape struct {
	Person      string            `json:"person"`
	Email       optional          `json:"email"`
	Owner       optional          `json:"owner"`
	Groups      []string          `json:"groups"`
	Roles       []string          `json:"roles"`
	Via         access.Via        `json:"via"`
	Source      optional          `json:"source_addr"`
	Fingerprint optional          `json:"key_fingerprint"`
	KeyType     optional          `json:"key_type"`
	KeyUses     []access.KeyUse   `json:"key_uses"`
	Certificate *certificateShape `json:"certificate"`
}

type certificateShape struct {
	KeyID         string `json:"key_id"`
	Serial        uint64 `json:"serial"`
	CAFingerprint string `json:"ca_fingerprint"`
	ValidBefore   stamp  `json:"valid_before"`
}

func (c *call) me() meShape {
	me := meShape{
		Person: actorName(c.Actor), Email: optional(c.person.Email), Owner: optional(c.person.Owner),
		Groups: list(c.person.Groups), Roles: c.roles.names(), Via: c.Actor.Via, KeyUses: []access.KeyUse{},
	}
	if id := c.Actor.Identity; id != nil {
		me.Source, me.Fingerprint, me.KeyType = optional(id.Source.String()), optional(id.Fingerprint), optional(id.KeyType)
		me.KeyUses = list(id.Uses)
		if cert := id.Certificate; cert != nil {
			me.Certificate = &certificateShape{cert.KeyID, cert.Serial, cert.CAFingerprint, stamp(cert.ValidBefore)}
		}
	}
	return me
}

// names lists roles as people read them.
func (r role) names() []string {
	names := []string{}
	for _, known := range []struct {
		role role
		name string
	}{{approver, "approver"}, {auditor, "auditor"}, {admin, "admin"}, {local, "local"}} {
		if r&known.role != 0 {
			names = append(names, known.name)
		}
	}
	return names
}

func (c *call) showMe(me meShape) {
	c.page.linef("%s", me.Person)
	line := func(label, text string) {
		if text != "" {
			c.page.linef("  "+label+" %s", text)
		}
	}
	line("email      ", string(me.Email))
	line("owner      ", string(me.Owner))
	line("groups     ", words(me.Groups))
	line("roles      ", words(me.Roles))
	line("from       ", string(me.Source))
	if me.Fingerprint != "" {
		line("key        ", string(me.Fingerprint)+" "+string(me.KeyType))
		line("key is for ", words(me.KeyUses))
	}
	if me.Certificate != nil {
		line("certificate", me.Certificate.KeyID)
	}
}
