//go:build !linux

package recorder

import (
	"errors"
	"os"
)

// Recording needs Linux; reading and verifying do not. So that nothing is
// recorded without the guard against a full disk, these refuse.

func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }
func allocate(*os.File, int64) error  { return errors.ErrUnsupported }
func diskFull(error) bool             { return false }
