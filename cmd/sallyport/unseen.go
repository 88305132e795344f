package main

import (
	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/internal/strictyaml"
	"github.com/sallyport/sallyport/policy"
)

// unseen finds rules that want somebody to watch what nobody here could: a
// recording that is encrypted for its recipients is so while it grows, too. The
// error is [strictyaml.Faults], of the access file by that name.
func (c *Config) unseen(file string, p *policy.Policy) error {
	var faults strictyaml.Faults
	if p == nil || len(c.Recording.Recipients) == 0 {
		return nil
	}
	for _, r := range p.Rules {
		if r.Watch == access.WatchRequired {
			faults = append(faults, strictyaml.Fault{File: file, Key: "rules",
				Text: "rule " + r.Name + " says watch: required, and with recording.recipients in sallyport.yaml nobody can watch"})
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return faults
}
