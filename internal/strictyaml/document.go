package strictyaml

import (
	"fmt"
	"strings"
)

// Document is what is known of a file after decoding: where each key stands,
// and what is wrong with it. The checks of meaning that follow decoding name a
// key, and the document knows its line. It is not safe for concurrent use.
type Document struct {
	file     string
	lines    map[string]int  // key path to line
	faulty   map[string]bool // key paths with a fault
	faults   Faults
	warnings Faults
}

// Has reports whether the file gives a value for key.
func (d *Document) Has(key string) bool {
	_, ok := d.lines[key]
	return ok
}

// Line is where key stands or, if it is missing, where the nearest thing
// around it does.
func (d *Document) Line(key string) int {
	for {
		if line, ok := d.lines[key]; ok {
			return line
		}
		if key == "" {
			return 0
		}
		key = parent(key)
	}
}

// Faultf notes a fault of key. A key that has one already keeps its first:
// what failed to decode would otherwise be reported as missing, too.
func (d *Document) Faultf(key, format string, args ...any) {
	if d.faulty[key] {
		return
	}
	d.faulty[key] = true
	d.faults = append(d.faults, d.at(key, format, args))
}

// Warnf notes a warning about key.
func (d *Document) Warnf(key, format string, args ...any) {
	d.warnings = append(d.warnings, d.at(key, format, args))
}

// Faulty reports whether key has a fault.
func (d *Document) Faulty(key string) bool { return d.faulty[key] }

// Err is nil or the [Faults], in the order of the file.
func (d *Document) Err() error {
	if len(d.faults) == 0 {
		return nil
	}
	d.faults.sort()
	return d.faults
}

// Warnings are in the order of the file.
func (d *Document) Warnings() []Fault {
	d.warnings.sort()
	return d.warnings
}

func (d *Document) at(key, format string, args []any) Fault {
	return Fault{File: d.file, Line: d.Line(key), Key: key, Text: fmt.Sprintf(format, args...)}
}

// parent cuts the last step off a key path.
func parent(key string) string {
	return key[:max(0, strings.LastIndexAny(key, ".["))]
}
