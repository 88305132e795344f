package console

import (
	"github.com/sallyport/sallyport/access"
	"github.com/sallyport/sallyport/audit"
	"github.com/sallyport/sallyport/recorder"
)

// anchorPage is how many rows of the chain are read at once.
const anchorPage = 1000

// anchors goes through the whole audit chain and gives what it says of
// recordings; of one only, unless id is empty. A chain that does not hold is an
// error: it says nothing.
func (c *call) anchors(id access.SessionID) (*recorder.Anchors, error) {
	anchors := &recorder.Anchors{}
	var chain audit.Verifier
	for {
		rows, err := c.Store.Audit(c.ctx, chain.Seq, anchorPage)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if err := chain.Check(row); err != nil {
				return nil, access.Fail(access.ReasonInternal, "the "+err.Error(), "Compare with a copy of data_dir/audit that is kept elsewhere", err)
			}
			e, err := row.Event()
			if err != nil {
				return nil, err
			}
			if about := access.SessionID(e.Session); id == "" || about == id {
				anchors.Take(string(e.Kind), about, e.Detail)
			}
		}
		if len(rows) < anchorPage {
			return anchors, nil
		}
	}
}
