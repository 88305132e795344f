package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/policy"
)

// runCheck is `sallyport check`: it validates sallyport.yaml at path and the
// access file that it names, prints every fault of both as "file:line: key:
// text" and then the warnings, and returns the exit status: 1 with faults, 0
// with none or warnings only.
func runCheck(path string, stdout, stderr io.Writer) int {
	config, warnings, err := loadConfig(path)
	faults := faultsOf(path, err)

	file := shown(path, config.AccessFile)
	rules, more, err := loadAccessAs(file, config.AccessFile)
	faults = append(faults, faultsOf(file, err)...)
	faults = append(faults, faultsOf(file, config.unseen(file, rules))...)
	warnings = append(warnings, more...)
	warnings = append(warnings, exposed(path, path)...)
	warnings = append(warnings, exposed(config.AccessFile, file)...)

	var b strings.Builder
	for _, f := range faults {
		fmt.Fprintln(&b, f)
	}
	for _, w := range warnings {
		w.Text = "warning: " + w.Text
		fmt.Fprintln(&b, w)
	}
	status := 0
	if len(faults) > 0 {
		status = 1
		fmt.Fprintf(&b, "%s, %s: not valid\n", count(len(faults), "fault", "faults"), count(len(warnings), "warning", "warnings"))
	} else {
		fmt.Fprintf(&b, "ok: %s and %s: %s, %s, %s, %s; policy %.12s\n", path, file,
			count(len(rules.People), "person", "people"), count(len(rules.Hosts), "host", "hosts"),
			count(len(rules.Rules), "rule", "rules"), count(len(warnings), "warning", "warnings"), rules.Digest)
	}
	if _, err := io.WriteString(stdout, b.String()); err != nil {
		fmt.Fprintln(stderr, "sallyport: failed:", err)
		return 1
	}
	return status
}

// loadAccess reads the access file. The error is [strictyaml.Faults].
func loadAccess(path string) (*policy.Policy, []strictyaml.Fault, error) {
	return loadAccessAs(path, path)
}

// loadAccessAs is loadAccess with another name for the file in faults.
func loadAccessAs(name, path string) (*policy.Policy, []strictyaml.Fault, error) {
	data, err := strictyaml.ReadFile(path)
	if err != nil {
		return nil, nil, unreadable(name, err)
	}
	return policy.Parse(name, data)
}

// faultsOf gives the faults in err, whatever it is.
func faultsOf(file string, err error) strictyaml.Faults {
	var faults strictyaml.Faults
	if err != nil && !errors.As(err, &faults) {
		faults = strictyaml.Faults{{File: file, Text: err.Error()}}
	}
	return faults
}

// shown is how to call a file that the configuration names: as it is called
// from here, if the configuration was, too.
func shown(config, path string) string {
	if filepath.IsAbs(config) {
		return path
	}
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(here, path)
	if err != nil {
		return path
	}
	return rel
}

// exposed warns of a file that others may write: they decide who gets in.
func exposed(path, name string) []strictyaml.Fault {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o002 == 0 {
		return nil // that it cannot be read is a fault already
	}
	return []strictyaml.Fault{{File: name, Text: fmt.Sprintf("every user of this machine may write it (mode %04o)", info.Mode().Perm())}}
}

// count says "no faults", "1 fault", "2 faults".
func count(n int, one, many string) string {
	switch n {
	case 0:
		return "no " + many
	case 1:
		return "1 " + one
	default:
		return fmt.Sprintf("%d %s", n, many)
	}
}
