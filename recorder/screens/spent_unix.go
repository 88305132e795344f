//go:build unix

package screens

import (
	"syscall"
	"time"
)

// spent is the processor time of this process, or 0 where the system does not
// say: then it counts as quiet.
func spent() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
