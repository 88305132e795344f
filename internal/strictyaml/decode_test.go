package strictyaml_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport/sallyport/internal/strictyaml"
)

// sample has a field of each kind that the configuration files use.
type sample struct {
	Name   string            `yaml:"name"`
	On     bool              `yaml:"on"`
	Count  int               `yaml:"count"`
	Wait   time.Duration     `yaml:"wait"`
	Big    strictyaml.Size   `yaml:"big"`
	Token  strictyaml.Secret `yaml:"token_file"`
	Labels map[string]string `yaml:"labels"`
	List   []string          `yaml:"list"`
	Inner  inner             `yaml:"inner"`
	Maybe  *inner            `yaml:"maybe"`
	Either either            `yaml:"either"`
	Rows   []inner           `yaml:"rows"`
}

type inner struct {
	A string `yaml:"a"`
	B int    `yaml:"b"`
}

// either is one text or a list of them.
type either []string

func (e *either) DecodeYAML(v strictyaml.Value) {
	if v.IsList() {
		v.Decode((*[]string)(e))
		return
	}
	var one string
	v.Decode(&one)
	*e = either{one}
}

func TestDecodeTakesEveryKind(t *testing.T) {
	s := sample{Count: 7, Inner: inner{A: "default", B: 3}}
	doc := strictyaml.Decode("f", []byte(`
name: no
on: true
wait: 365d
big: 16MiB
token_file: env:TOKEN
labels: {country: no, version: 1.10}
list: [&x a, 010, *x]
inner: {b: 4}
maybe: {a: there}
either: one
rows:
  - {a: x, b: -1}
`), &s)
	if err := doc.Err(); err != nil {
		t.Fatal(err)
	}
	if s.Name != "no" || !s.On || s.Count != 7 || s.Wait != 365*24*time.Hour || s.Big != 16<<20 || s.Token.Env != "TOKEN" {
		t.Errorf("scalars: %+v", s)
	}
	if s.Labels["country"] != "no" || s.Labels["version"] != "1.10" {
		t.Errorf("texts must stay as they stand: %v", s.Labels)
	}
	if strings.Join(s.List, " ") != "a 010 a" || s.Inner != (inner{"default", 4}) || s.Maybe.A != "there" || s.Either[0] != "one" || s.Rows[0].B != -1 {
		t.Errorf("structures: %+v", s)
	}
	if got := doc.Line("rows[0].a"); got != 13 {
		t.Errorf("line of rows[0].a is %d", got)
	}
	if got := doc.Line("rows[0].missing.deeper[3]"); got != 13 {
		t.Errorf("a missing key stands where its mapping does, not on line %d", got)
	}
	if !doc.Has("inner.b") || doc.Has("inner.a") {
		t.Error("Has must tell what the file gives")
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"unknown key", "name: a\nnam: b", "f:2: nam: unknown key; known here: name, on,"},
		{"unknown key below", "rows: [{a: x, c: 1}]", "f:1: rows[0].c: unknown key; known here: a, b"},
		{"key twice", "name: a\non: true\nname: b", "f:3: name: given twice, first on line 1"},
		{"label twice", "labels:\n  a: x\n  a: x", "f:3: labels.a: given twice, first on line 2"},
		{"no value", "inner:\n", "f:1: inner: has no value; leave the key out or give one"},
		{"tilde", "name: ~", "f:1: name: has no value"},
		{"list for text", "name: [a]", "f:1: name: must be one value, not a list"},
		{"text for list", "list: a", "f:1: list: must be a list, not one value"},
		{"text for mapping", "inner: a", "f:1: inner: must be a mapping (key: value), not one value"},
		{"mapping for text", "list:\n- a\n- b: c", "f:3: list[1]: must be one value, not a mapping"},
		{"yes", "on: yes", `f:1: on: "yes" is not true or false`},
		{"quoted true", `on: "true"`, `f:1: on: "true" is not true or false`},
		{"octal", "count: 010", `f:1: count: "010" is not a whole number`},
		{"overflow", "count: 99999999999999999999", `is not a whole number`},
		{"duration without unit", "wait: 90", `f:1: wait: "90" is not a duration such as 90s, 30m, 4h or 365d`},
		{"compound duration", "wait: 1h30m", `is not a duration`},
		{"negative duration", "wait: -1h", `is not a duration`},
		{"endless duration", "wait: 999999999d", `is longer than 100 years`},
		{"size", "big: 16M", `f:1: big: "16M" is not a size such as 64KiB, 16MiB or 1GiB`},
		{"size overflow", "big: 99999999TiB", `is too large`},
		{"control", `name: "a\u001bb"`, "f:1: name: holds control characters or line breaks"},
		{"line break", `name: "a\nb"`, "f:1: name: holds control characters or line breaks"},
		{"tag", "name: !!binary aGVsbG8=", "f:1: name: tags are not used here"},
		{"merge", "inner: &i {a: x}\nmaybe:\n  <<: *i", "f:3: maybe.<<: unknown key"},
		{"two documents", "name: a\n---\nname: b", "a second document begins here; one file holds one"},
		{"empty", "", "f: the file is empty"},
		{"only a comment", "# nothing\n", "f: the file is empty"},
		{"null document", "---\n", "has no value"},
		{"syntax", "name: a\n  b: [\n", "f:2: "},
		{"a list as a whole", "- a", "f:1: must be a mapping"},
		{"env name", "token_file: env:A-B", "f:1: token_file: must be the path of a file or env:NAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s sample
			err := strictyaml.Decode("f", []byte(c.yaml), &s).Err()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestDecodeReportsAllFaultsInOrder(t *testing.T) {
	var s sample
	doc := strictyaml.Decode("f", []byte("wait: soon\nrows:\n  - {a: [1], b: x}\nnmae: x\non: maybe\n"), &s)
	doc.Faultf("wait", "a second fault of one key says nothing new")
	doc.Faultf("rows[0].a", "this neither")
	doc.Faultf("inner", "is required")
	want := []string{"f:1: wait:", "f:1: inner: is required", "f:3: rows[0].a:", "f:3: rows[0].b:", "f:4: nmae:", "f:5: on:"}
	lines := strings.Split(doc.Err().Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d faults, want %d:\n%s", len(lines), len(want), strings.Join(lines, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(lines[i], want[i]) {
			t.Errorf("fault %d is %q, want %s", i, lines[i], want[i])
		}
	}
}

func TestSecretIsNeverQuoted(t *testing.T) {
	for _, secret := range []string{"xoxb-1234-SECRET", "xapp-1-SECRET", "hvs.SECRET", "-----BEGIN SECRET"} {
		var s sample
		err := strictyaml.Decode("f", []byte("token_file: "+secret), &s).Err()
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: %v", secret, err)
		}
	}
}

func TestSecretRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("hush\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := (strictyaml.Secret{Path: "token"}).In(dir).Read(); got != "hush" || err != nil {
		t.Errorf("from a file: %q, %v", got, err)
	}
	t.Setenv("SALLYPORT_TEST_SECRET", "hush")
	if got, err := (strictyaml.Secret{Env: "SALLYPORT_TEST_SECRET"}).In(dir).Read(); got != "hush" || err != nil {
		t.Errorf("from the environment: %q, %v", got, err)
	}
	for _, s := range []strictyaml.Secret{{}, {Env: "SALLYPORT_TEST_UNSET"}, {Path: filepath.Join(dir, "none")}} {
		if _, err := s.Read(); err == nil {
			t.Errorf("%+v: no error", s)
		}
	}
}

func TestAliasesCannotMultiply(t *testing.T) {
	var b strings.Builder
	b.WriteString("list: &l0 [a, a, a, a, a, a, a, a, a, a]\n")
	for i := range 9 {
		last := string(rune('0' + i))
		b.WriteString("l" + string(rune('1'+i)) + ": &l" + string(rune('1'+i)) + " [" + strings.Repeat("*l"+last+", ", 10) + "]\n")
	}
	var bomb struct {
		L0 []string         `yaml:"list"`
		L1 [][]string       `yaml:"l1"`
		L2 [][][]string     `yaml:"l2"`
		L3 [][][][]string   `yaml:"l3"`
		L4 [][][][][]string `yaml:"l4"`
	}
	err := strictyaml.Decode("f", []byte(b.String()), &bomb).Err()
	if err == nil || !strings.Contains(err.Error(), "repeats too much") {
		t.Error(err)
	}
}

// nested may hold itself, as far as the file says so.
type nested struct {
	Next *nested `yaml:"next"`
}

func TestDepthIsBounded(t *testing.T) {
	for _, yaml := range []string{
		strings.Repeat("{next: ", 60) + "{}" + strings.Repeat("}", 60),
		"&a {next: *a}", // an anchor within itself
	} {
		var n nested
		if err := strictyaml.Decode("f", []byte(yaml), &n).Err(); err == nil {
			t.Errorf("accepted: %.40s", yaml)
		}
	}
}

func TestSizeIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(path, make([]byte, strictyaml.MaxSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := strictyaml.ReadFile(path); err == nil || !strings.Contains(err.Error(), "longer than 4 MiB") {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("name: a\nrows: [{a: x, b: 1}]\nlabels: {a: b}\n"))
	f.Add([]byte("inner: &i {a: x}\nmaybe: *i\nlist: [&x a, *x]\n"))
	f.Add([]byte("wait: 90s\nbig: 1GiB\ntoken_file: env:X\non: true\neither: [a]\n---\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sample
		doc := strictyaml.Decode("f", data, &s)
		if err := doc.Err(); err != nil {
			_ = err.Error()
		}
	})
}
