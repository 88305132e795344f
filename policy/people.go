package policy

import (
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
)

var (
	slackUser = regexp.MustCompile(`^[UW][A-Z0-9]{2,30}$`)
	emailForm = regexp.MustCompile(`^[^@\s,<>"]{1,64}@[^@\s,<>"]{1,190}$`)
	idForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)
)

func (r *reader) readPeople(forms []personForm) {
	for i, f := range forms {
		key := at("people", i)
		p := access.Person{
			ID:     f.ID,
			Name:   access.PersonName(f.Name),
			Email:  f.Email,
			Slack:  f.Slack,
			Groups: f.Groups,
			Owner:  access.PersonName(f.Owner),
			Source: "file",
		}
		named := r.name(key+".name", f.Name) && r.unique("person", f.Name, key+".name")
		if named {
			r.policy.people[p.Name] = i
		}
		if p.ID == "" {
			p.ID = f.Name
		} else if !idForm.MatchString(p.ID) {
			r.doc.Faultf(key+".id", "%s is no ID: letters, digits, '.', '-', '_', ':'", strictyaml.Quote(p.ID))
		}
		if named || f.ID != "" {
			r.unique("ID", p.ID, key+".id")
		}
		r.readContacts(key, i, f)
		for j, g := range f.Groups {
			if r.name(at(key+".groups", j), g) {
				r.groups[g] = true
			}
		}
		r.distinct(key+".groups", f.Groups)
		for j, k := range f.Keys {
			if pk, ok := r.readKey(at(key+".keys", j), k); ok {
				r.policy.keys[pk.Wire] = keyRef{i, len(p.Keys)}
				p.Keys = append(p.Keys, pk)
			}
		}
		r.policy.People = append(r.policy.People, p)
	}
	for i, p := range r.policy.People {
		r.checkOwner(at("people", i)+".owner", p)
	}
}

// readContacts checks email and Slack ID, by which clicks become people.
func (r *reader) readContacts(key string, i int, f personForm) {
	if f.Email != "" {
		if !emailForm.MatchString(f.Email) {
			r.doc.Faultf(key+".email", "%s is no address of mail", strictyaml.Quote(f.Email))
		} else {
			r.unique("email", strings.ToLower(f.Email), key+".email")
		}
	}
	if f.Slack == "" {
		return
	}
	if !slackUser.MatchString(f.Slack) {
		r.doc.Faultf(key+".slack", "%s is no Slack user ID such as U01ABCDEF (not a name)", strictyaml.Quote(f.Slack))
	} else if r.unique("Slack ID", f.Slack, key+".slack") {
		r.policy.slack[f.Slack] = i
	}
}

// checkOwner keeps owners human: who answers for a service must not be one.
func (r *reader) checkOwner(key string, p access.Person) {
	if p.Owner == "" {
		return
	}
	owner, ok := r.policy.Person(p.Owner)
	switch {
	case !ok:
		r.doc.Faultf(key, "there is no person %s", strictyaml.Quote(string(p.Owner)))
	case p.Owner == p.Name:
		r.doc.Faultf(key, "nobody owns themselves; leave it out for a human")
	case owner.Owner != "":
		r.doc.Faultf(key, "%s has an owner, so is a service; name the human who answers for both", owner.Name)
	}
}

func (r *reader) readKey(key string, f keyForm) (access.PersonKey, bool) {
	line := key
	if r.doc.Has(key + ".key") {
		line = key + ".key"
	}
	use := []access.KeyUse{access.UseLogin, access.UseDecide}
	if r.doc.Has(key + ".use") {
		use = r.readUses(key+".use", f.Use)
	}
	if !r.required(line, f.Key) {
		return access.PersonKey{}, false
	}
	pub, comment, err := parseKey(f.Key, forPeople)
	if err != nil {
		r.doc.Faultf(line, "%v", err)
		return access.PersonKey{}, false
	}
	if !r.unique("key", ssh.FingerprintSHA256(pub), line) {
		return access.PersonKey{}, false
	}
	return access.PersonKey{
		Wire:        string(pub.Marshal()),
		Fingerprint: ssh.FingerprintSHA256(pub),
		Comment:     comment,
		Use:         use,
	}, true
}

func (r *reader) readUses(key string, uses []string) []access.KeyUse {
	if len(uses) == 0 {
		r.doc.Faultf(key, "names nothing: login, decide, or both")
	}
	r.distinct(key, uses)
	var out []access.KeyUse
	for i, u := range uses {
		switch use := access.KeyUse(u); use {
		case access.UseLogin, access.UseDecide:
			out = append(out, use)
		default:
			r.doc.Faultf(at(key, i), "%s is neither login nor decide", strictyaml.Quote(u))
		}
	}
	return out
}
