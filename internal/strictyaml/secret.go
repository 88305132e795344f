package strictyaml

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Secret says where a secret is: in a file, or in a variable of the
// environment as env:NAME. It never holds the secret, and nothing here prints
// one. The zero Secret is "none given".
type Secret struct {
	Path string // of the file; empty with Env
	Env  string // name of the variable; empty with Path
}

var (
	envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// inline is what secrets of the services we talk to look like, when
	// somebody pastes one where its file's name belongs.
	inline = regexp.MustCompile(`^(xox|xapp-|hvs\.|hvb\.|s\.[A-Za-z0-9]{24}$)|-----BEGIN`)
)

// maxSecret bounds a secret's file, in bytes.
const maxSecret = 64 << 10

// UnmarshalText reads a path or env:NAME. Its errors never quote the value: it
// might be the secret.
func (s *Secret) UnmarshalText(text []byte) error {
	v := string(text)
	name, isEnv := strings.CutPrefix(v, "env:")
	switch {
	case isEnv && !envName.MatchString(name):
		return errors.New("must be the path of a file or env:NAME; this is no name of a variable")
	case isEnv:
		*s = Secret{Env: name}
	case inline.MatchString(v):
		return errors.New("holds what looks like a secret itself; put it into a file and give its path here, or env:NAME")
	default:
		*s = Secret{Path: v}
	}
	return nil
}

// Given reports whether there is one.
func (s Secret) Given() bool { return s.Path != "" || s.Env != "" }

// In makes a relative path relative to dir.
func (s Secret) In(dir string) Secret {
	if s.Path != "" && !filepath.IsAbs(s.Path) {
		s.Path = filepath.Join(dir, s.Path)
	}
	return s
}

// String names the place, not the secret.
func (s Secret) String() string {
	if s.Env != "" {
		return "env:" + s.Env
	}
	return s.Path
}

// Read fetches the secret, anew each time, so that a rotated file is seen.
// Line ends at its end are cut. An empty one is an error.
func (s Secret) Read() (string, error) {
	var v string
	switch {
	case s.Env != "":
		v = os.Getenv(s.Env)
	case s.Path != "":
		f, err := os.Open(s.Path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
		if err != nil {
			return "", err
		}
		if len(data) > maxSecret {
			return "", fmt.Errorf("%s: longer than %d KiB", s.Path, maxSecret>>10)
		}
		v = string(data)
	default:
		return "", errors.New("no secret is configured")
	}
	v = strings.TrimRight(v, "\r\n")
	if v == "" {
		return "", fmt.Errorf("%s is empty", s)
	}
	return v, nil
}
