package access_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport/sallyport/access"
)

func TestParseTarget(t *testing.T) {
	for in, want := range map[string]access.Target{
		"root@db1":                     {Login: "root", Host: "db1"},
		"root+db1":                     {Login: "root", Host: "db1"},
		"root%db1":                     {Login: "root", Host: "db1"},
		"Root@DB1.Example.COM":         {Login: "root", Host: "db1.example.com"},
		"root@db1.":                    {Login: "root", Host: "db1"},
		"_svc-x.y@h":                   {Login: "_svc-x.y", Host: "h"},
		strings.Repeat("a", 32) + "@h": {Login: strings.Repeat("a", 32), Host: "h"},
	} {
		if got, err := access.ParseTarget(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", "root", "@db1", "root@", "root@@db1", "root@db1@x", "ro,ot@db1", "ro ot@db1", "1root@db1", "-root@db1",
		"root@-oProxyCommand=x", "root@.db1", "root@db1/x", "root@db1\n", "root@d\u202eb1", "root@[::1]",
		strings.Repeat("a", 33) + "@h", "root@" + strings.Repeat("a", 254), "root%db1%x", "root+db1@x", "root@db1..",
	} {
		got, err := access.ParseTarget(in)
		var e *access.Error
		if !errors.As(err, &e) || e.Reason != access.ReasonMalformed || got != (access.Target{}) {
			t.Errorf("%q: %v, %v", in, got, err)
		} else if strings.ContainsAny(e.Line(), "\n\r\x1b\u202e") || len(e.Line()) > 300 {
			t.Errorf("%q: line %q", in, e.Line())
		}
	}
}

// Whatever arrives as a user name gives a target that is safe in a
// certificate, a path and a log, or a refusal.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"root@db1", "root+db1", "root%64b1", "@", "a@b@c", "\x00@\xff", "root@db1.example.com.", "a@0.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		target, err := access.ParseTarget(s)
		if err != nil {
			return
		}
		if !access.ValidLogin(target.Login) || !access.ValidName(target.Host) || strings.ContainsAny(target.String(), ", /\\\n\r\x00") {
			t.Errorf("%q gives %q", s, target)
		}
		if again, err := access.ParseTarget(target.String()); err != nil || again != target {
			t.Errorf("%q does not survive: %v, %v", target, again, err)
		}
	})
}

func TestValidID(t *testing.T) {
	for id, want := range map[string]bool{
		"01KAZ4T9V5J8M2N3P4Q5R6S7T8": true, "": false, "01kaz4t9v5j8m2n3p4q5r6s7t8": false,
		"81KAZ4T9V5J8M2N3P4Q5R6S7T8": false, "01KAZ4T9V5J8M2N3P4Q5R6S7T": false, "01KAZ4T9V5J8M2N3P4Q5R6S7TU": false,
		"01KAZ4T9V5J8M2N3P4Q5R6S7T8\n": false, "' OR 1=1 --xxxxxxxxxxxxxxxx": false,
	} {
		if access.ValidID(id) != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
}
