package strictyaml

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// into decodes v into target, which is settable.
func (v Value) into(target reflect.Value) {
	v = v.resolve()
	if !v.affordable() {
		return
	}
	if v.node.Style&yaml.TaggedStyle != 0 {
		v.Faultf("tags are not used here")
		return
	}
	if v.node.Tag == "!!null" {
		v.Faultf("has no value; leave the key out or give one")
		return
	}
	if target.Kind() == reflect.Pointer {
		target.Set(reflect.New(target.Type().Elem()))
		v.into(target.Elem())
		return
	}
	switch own := target.Addr().Interface().(type) {
	case Decoder:
		own.DecodeYAML(v)
		return
	case *time.Duration:
		v.intoDuration(own)
		return
	case encoding.TextUnmarshaler:
		if text, ok := v.text(); ok {
			if err := own.UnmarshalText([]byte(text)); err != nil {
				v.Faultf("%v", err)
			}
		}
		return
	}
	switch target.Kind() {
	case reflect.Struct:
		v.intoStruct(target)
	case reflect.Slice:
		v.intoSlice(target)
	case reflect.Map:
		v.intoMap(target)
	case reflect.String:
		if text, ok := v.text(); ok {
			target.SetString(text)
		}
	case reflect.Bool:
		v.intoBool(target)
	case reflect.Int, reflect.Int64:
		v.intoInt(target)
	default:
		panic(fmt.Sprintf("strictyaml: cannot decode into %s", target.Type())) // a fault of the program
	}
}

// affordable keeps aliases from multiplying or nesting without end.
func (v Value) affordable() bool {
	if v.aliased {
		v.budget.viaAlias++
	}
	if v.depth > maxDepth || v.budget.viaAlias > maxViaAlias {
		v.doc.Faultf("", "nests too deep or repeats too much")
		return false
	}
	return true
}

func (v Value) intoStruct(target reflect.Value) {
	fields := map[string]reflect.Value{}
	var known []string
	for i := range target.NumField() {
		if name := target.Type().Field(i).Tag.Get("yaml"); name != "" {
			fields[name] = target.Field(i)
			known = append(known, name)
		}
	}
	v.eachKey(func(name string, sub Value) {
		field, ok := fields[name]
		if !ok {
			sub.Faultf("unknown key; known here: %s", strings.Join(known, ", "))
			return
		}
		sub.into(field)
	})
}

func (v Value) intoMap(target reflect.Value) {
	m := reflect.MakeMap(target.Type())
	v.eachKey(func(name string, sub Value) {
		item := reflect.New(target.Type().Elem()).Elem()
		sub.into(item)
		m.SetMapIndex(reflect.ValueOf(name), item)
	})
	target.Set(m)
}

// eachKey calls visit for each key of a mapping, once.
func (v Value) eachKey(visit func(name string, sub Value)) {
	if v.node.Kind != yaml.MappingNode {
		v.Faultf("must be a mapping (key: value), not %s", v.shape())
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		k := v.node.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag == "!!null" || hasControl(k.Value) || k.Value == "" {
			v.Faultf("a key must be plain text (line %d)", k.Line)
			continue
		}
		name := Short(k.Value)
		step := name
		if v.key != "" {
			step = "." + name
		}
		sub := v.sub(step, v.node.Content[i+1])
		if line, twice := seen[k.Value]; twice {
			// Its own fault even if the first had one; the line is the second's.
			v.doc.faults = append(v.doc.faults, Fault{v.doc.file, k.Line, sub.key, fmt.Sprintf("given twice, first on line %d", line)})
			v.doc.faulty[sub.key] = true
			continue
		}
		seen[k.Value] = k.Line
		// A value may begin lines after its key; people look for the key.
		v.doc.lines[sub.key] = k.Line
		visit(k.Value, sub)
	}
}

func (v Value) intoSlice(target reflect.Value) {
	if v.node.Kind != yaml.SequenceNode {
		v.Faultf("must be a list, not %s", v.shape())
		return
	}
	list := reflect.MakeSlice(target.Type(), len(v.node.Content), len(v.node.Content))
	for i, n := range v.node.Content {
		v.sub("["+strconv.Itoa(i)+"]", n).into(list.Index(i))
	}
	target.Set(list)
}

func (v Value) intoBool(target reflect.Value) {
	s, ok := v.text()
	if !ok {
		return
	}
	if v.node.Style != 0 || (s != "true" && s != "false") {
		v.Faultf("%s is not true or false", Quote(s))
		return
	}
	target.SetBool(s == "true")
}

func (v Value) intoInt(target reflect.Value) {
	s, ok := v.text()
	if !ok {
		return
	}
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s {
		v.Faultf("%s is not a whole number", Quote(s))
		return
	}
	target.SetInt(int64(n))
}

func (v Value) intoDuration(target *time.Duration) {
	s, ok := v.text()
	if !ok {
		return
	}
	d, err := ParseDuration(s)
	if err != nil {
		v.Faultf("%v", err)
		return
	}
	*target = d
}

// text is the scalar as it stands in the file.
func (v Value) text() (string, bool) {
	if v.node.Kind != yaml.ScalarNode {
		v.Faultf("must be one value, not %s", v.shape())
		return "", false
	}
	s := v.node.Value
	if v.node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		s = strings.TrimRight(s, "\n")
	}
	if hasControl(s) {
		v.Faultf("holds control characters or line breaks")
		return "", false
	}
	return s, true
}

func (v Value) shape() string {
	switch v.node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		return "one value"
	}
}

func hasControl(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 })
}
