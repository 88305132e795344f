//go:build !unix

package screens

import "time"

// spent is not known here, and the process counts as quiet.
func spent() time.Duration { return 0 }
