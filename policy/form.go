package policy

import (
	"time"

	"github.com/sallyport/sallyport/internal/strictyaml"
)

// The forms are the file as people write it, before it is checked. A key that
// is not enforced has no field here, so that it is refused as unknown.

type fileForm struct {
	Groups   []string     `yaml:"groups"` // that exist even while nobody is in them
	People   []personForm `yaml:"people"`
	Hosts    []hostForm   `yaml:"hosts"`
	Rules    []ruleForm   `yaml:"rules"`
	Auditors *whoForm     `yaml:"auditors"`
	Admins   *whoForm     `yaml:"admins"`
}

type personForm struct {
	Name   string    `yaml:"name"`
	ID     string    `yaml:"id"`
	Owner  string    `yaml:"owner"`
	Email  string    `yaml:"email"`
	Slack  string    `yaml:"slack"`
	Groups []string  `yaml:"groups"`
	Keys   []keyForm `yaml:"keys"`
}

// keyForm is a line of authorized_keys, or {key: LINE, use: [login, decide]}.
type keyForm struct {
	Key string   `yaml:"key"`
	Use []string `yaml:"use"`
}

func (k *keyForm) DecodeYAML(v strictyaml.Value) {
	if v.IsText() {
		v.Decode(&k.Key)
		return
	}
	type mapping keyForm
	v.Decode((*mapping)(k))
}

type hostForm struct {
	Name     string            `yaml:"name"`
	Address  string            `yaml:"address"`
	Aliases  []string          `yaml:"aliases"`
	Labels   map[string]string `yaml:"labels"`
	Logins   []string          `yaml:"logins"`
	HostKeys []string          `yaml:"host_keys"`
	HostCA   []string          `yaml:"host_ca"`
}

type ruleForm struct {
	Name      string        `yaml:"name"`
	Who       *whoForm      `yaml:"who"`
	Hosts     *hostsForm    `yaml:"hosts"`
	Logins    []string      `yaml:"logins"`
	Allow     []allowForm   `yaml:"allow"`
	Deny      bool          `yaml:"deny"`
	InnerAuth string        `yaml:"inner_auth"`
	When      string        `yaml:"when"` // an expression in CEL; see [Condition]
	Approval  *approvalForm `yaml:"approval"`
	Grant     *grantForm    `yaml:"grant"`
	Record    *recordForm   `yaml:"record"`
	Watch     string        `yaml:"watch"`
}

type recordForm struct {
	Keep  time.Duration `yaml:"keep"`
	Bulk  string        `yaml:"bulk"`
	Input bool          `yaml:"input"`
}

type whoForm struct {
	Groups []string `yaml:"groups"`
	People []string `yaml:"people"`
}

type hostsForm struct {
	Names  []string          `yaml:"names"`
	Labels map[string]string `yaml:"labels"`
}

// allowForm is the name of a capability, or {NAME: [DESTINATION, …]} for a
// forward.
type allowForm struct {
	capability   string
	destinations []string
	mapped       bool
}

func (a *allowForm) DecodeYAML(v strictyaml.Value) {
	if v.IsText() {
		v.Decode(&a.capability)
		return
	}
	var m map[string][]string
	v.Decode(&m)
	if len(m) != 1 {
		v.Faultf("must be one name, or one mapping such as {local-forward: [\"127.0.0.1:5432\"]}")
		return
	}
	a.mapped = true
	for a.capability, a.destinations = range m {
	}
}

type approvalForm struct {
	By         *byForm       `yaml:"by"`
	Count      *int          `yaml:"count"`
	Wait       time.Duration `yaml:"wait"`
	Channel    string        `yaml:"channel"`
	Reason     *reasonForm   `yaml:"reason"`
	Confirm    string        `yaml:"confirm"` // key | security-key
	BreakGlass bool          `yaml:"break_glass"`
	Auto       *autoForm     `yaml:"auto"`
	Remind     time.Duration `yaml:"remind"`
	Escalate   *escalateForm `yaml:"escalate"`
}

// autoForm: all that is given must hold.
type autoForm struct {
	When   string        `yaml:"when"`
	OnCall *onCallForm   `yaml:"on_call"`
	Max    time.Duration `yaml:"max"`
}

// onCallForm is one of command and url.
type onCallForm struct {
	Command []string      `yaml:"command"`
	URL     string        `yaml:"url"`
	Timeout time.Duration `yaml:"timeout"`
	TTL     time.Duration `yaml:"ttl"`
}

// byForm is one mapping, or a list of them.
type byForm struct {
	entries []approversForm
	list    bool
}

func (b *byForm) DecodeYAML(v strictyaml.Value) {
	if b.list = v.IsList(); b.list {
		v.Decode(&b.entries)
		return
	}
	b.entries = make([]approversForm, 1)
	v.Decode(&b.entries[0])
}

type approversForm struct {
	Groups []string `yaml:"groups"`
	People []string `yaml:"people"`
	Count  *int     `yaml:"count"`
}

type reasonForm struct {
	Required *bool  `yaml:"required"`
	Pattern  string `yaml:"pattern"`
}

type grantForm struct {
	Default   time.Duration `yaml:"default"`
	Max       time.Duration `yaml:"max"`
	UseWithin time.Duration `yaml:"use_within"`
	Bind      []string      `yaml:"bind"`     // key, address
	Sessions  *int          `yaml:"sessions"` // how many in all
}
