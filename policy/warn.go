package policy

// warn looks at the whole for what can be meant, but rarely is.
func (r *reader) warn() {}
