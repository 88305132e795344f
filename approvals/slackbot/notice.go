package slackbot

import "github.com/sallyport/sallyport/access"

// What the desk has shown, and where it is shown.
type (
	MessageRef = access.MessageRef
	Notice     = access.Notice
	Telling    = access.Telling
)
