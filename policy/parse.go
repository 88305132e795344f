package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

// Parse reads an access file; file is what faults call it. The error is
// [strictyaml.Faults], all of them, and then there is no policy. Warnings are
// about what can be meant, but rarely is: rules that overlap, rules that
// nobody could approve or that select nothing.
func Parse(file string, data []byte) (*Policy, []strictyaml.Fault, error) {
	digest := sha256.Sum256(data)
	r := &reader{
		seen: map[string]string{},
		policy: &Policy{
			Digest:    hex.EncodeToString(digest[:]),
			people:    map[access.PersonName]int{},
			slack:     map[string]int{},
			keys:      map[string]keyRef{},
			hosts:     map[string]int{},
			addresses: map[netip.Addr]bool{},
			sshPorts:  map[uint16]bool{},
		},
		groups: map[string]bool{},
	}
	var form fileForm
	r.doc = strictyaml.Decode(file, data, &form)
	r.readGroups(form.Groups)
	r.readPeople(form.People)
	r.readHosts(form.Hosts)
	r.readRules(form.Rules)
	r.policy.Auditors = r.readWho("auditors", form.Auditors)
	r.policy.Admins = r.readWho("admins", form.Admins)
	if err := r.doc.Err(); err != nil {
		return nil, r.doc.Warnings(), err
	}
	r.warn() // about the whole, which must be sound for it
	return r.policy, r.doc.Warnings(), nil
}

// readGroups takes the groups that exist even while nobody is in them, so that
// the last of a group can leave by taking their line out and nothing else.
func (r *reader) readGroups(list []string) {
	r.distinct("groups", list)
	for i, g := range list {
		if r.name(at("groups", i), g) {
			r.groups[g] = true
		}
	}
}

// reader turns the form of the file into a policy, noting faults on the way.
type reader struct {
	doc    *strictyaml.Document
	policy *Policy
	seen   map[string]string // what must be unique: kind and value, to the key path of the first
	groups map[string]bool   // that somebody is in, or that are listed
}

// unique notes a fault at key if value was seen before as this kind of thing.
func (r *reader) unique(kind, value, key string) bool {
	id := kind + "\x00" + value
	if first, twice := r.seen[id]; twice {
		r.doc.Faultf(key, "the %s %s is taken already: %s on line %d", kind, strictyaml.Quote(value), first, r.doc.Line(first))
		return false
	}
	r.seen[id] = key
	return true
}

// distinct notes a fault for each text that list repeats.
func (r *reader) distinct(key string, list []string) {
	seen := map[string]bool{}
	for i, s := range list {
		if seen[s] {
			r.doc.Faultf(at(key, i), "%s is given twice", strictyaml.Quote(s))
		}
		seen[s] = true
	}
}

// required notes a fault if a text is missing or empty.
func (r *reader) required(key, value string) bool {
	if value == "" {
		r.doc.Faultf(key, "is required")
		return false
	}
	return true
}

// name checks what names a person, host, alias, group or rule.
func (r *reader) name(key, value string) bool {
	if !r.required(key, value) {
		return false
	}
	if !access.ValidName(value) {
		r.doc.Faultf(key, "%s is no name: lower case letters, digits, '.', '-', '_'", strictyaml.Quote(value))
		return false
	}
	return true
}

// at is the key path of an item of a list.
func at(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }
