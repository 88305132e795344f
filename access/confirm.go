package access

// Confirm is how a click in Slack must be confirmed before it counts.
type Confirm string

const (
	ConfirmNone        Confirm = ""             // it counts as it is
	ConfirmKey         Confirm = "key"          // with a key of the approver's that is marked for deciding
	ConfirmSecurityKey Confirm = "security-key" // with such a key that lives in hardware and wants a touch
)
