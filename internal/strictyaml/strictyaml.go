// Package strictyaml owns the decoding of a YAML file into Go structs, with
// file, line and key in every fault, and all faults at once.
//
// It refuses what makes a configuration mean something else than it says:
// unknown keys, keys given twice, empty values, tags, merge keys, a second
// document, and a value of the wrong type. Texts are taken as they stand
// ("no" is not false, 1.10 is not 1.1). It knows nothing of what the keys
// mean: the caller checks that, and reports through the same [Document].
//
// Start reading at [Decode].
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// MaxSize bounds a file, in bytes.
const MaxSize = 4 << 20

// ReadFile reads a file of at most [MaxSize] bytes.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("%s: longer than %d MiB", path, MaxSize>>20)
	}
	return data, nil
}

// Decode reads data into the struct that into points to. Its fields are named
// by `yaml:"key"` tags; what the file leaves out keeps the value it had, so
// defaults are filled in beforehand. Fields may be strings, bools, integers,
// [time.Duration], structs, slices, maps of strings, pointers to these, and
// types with [encoding.TextUnmarshaler] or [Decoder].
//
// The document is never nil; its Err tells whether all went well. file is what
// faults call the file.
func Decode(file string, data []byte, into any) *Document {
	d := &Document{file: file, lines: map[string]int{}, faulty: map[string]bool{}}
	root, err := parse(data)
	if err != nil {
		d.faults = append(d.faults, syntaxFault(file, err))
		return d
	}
	d.lines[""] = root.Line
	v := Value{doc: d, node: root, budget: &budget{}}
	v.Decode(into)
	return d
}

// parse gives the root node of the one document in data.
func parse(data []byte) (*yaml.Node, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("longer than %d MiB", MaxSize>>20)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty")
	case err != nil:
		return nil, err
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, fmt.Errorf("yaml: line %d: a second document begins here; one file holds one", second.Line)
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	if len(doc.Content) != 1 {
		return nil, errors.New("the file is empty")
	}
	return doc.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?`)

// syntaxFault turns the library's error into a fault.
func syntaxFault(file string, err error) Fault {
	text := err.Error()
	m := yamlLine.FindStringSubmatch(text)
	line, _ := strconv.Atoi(m[1]) // empty when the library names no line
	return Fault{File: file, Line: line, Text: strings.TrimPrefix(text, m[0])}
}

// budget bounds what aliases may make of a small file.
type budget struct{ viaAlias int }

// maxViaAlias is how many values may be reached through aliases, and
// maxDepth how deep values may nest.
const (
	maxViaAlias = 50_000
	maxDepth    = 50
)

// Value is one value of the file, at its key path.
type Value struct {
	doc     *Document
	node    *yaml.Node
	key     string
	depth   int
	aliased bool
	budget  *budget
}

// Decoder is implemented by types that have more than one form in the file.
// Faults go to v.
type Decoder interface{ DecodeYAML(v Value) }

// IsText reports whether v is neither a mapping nor a list.
func (v Value) IsText() bool { return v.resolve().node.Kind == yaml.ScalarNode }

// IsList reports whether v is a list.
func (v Value) IsList() bool { return v.resolve().node.Kind == yaml.SequenceNode }

// Faultf notes a fault of v.
func (v Value) Faultf(format string, args ...any) { v.doc.Faultf(v.key, format, args...) }

// Decode reads v into what into points to.
func (v Value) Decode(into any) { v.into(reflect.ValueOf(into).Elem()) }

// resolve follows an alias. An alias to an alias cannot be written.
func (v Value) resolve() Value {
	if v.node.Kind == yaml.AliasNode {
		v.node, v.aliased = v.node.Alias, true
	}
	return v
}

// sub is the value n at step below v.
func (v Value) sub(step string, n *yaml.Node) Value {
	v.key += step
	v.node = n
	v.depth++
	v.doc.lines[v.key] = n.Line
	return v
}
