package tui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/sallyport/sallyport/access"
)

// sortNext sorts by the next column that is shown, the last time by what the
// list began with.
func (b *browser) sortNext() tea.Cmd {
	at := slices.Index(browserOrders, b.order)
	widths := b.list.widths()
	for range browserOrders {
		at = (at + 1) % len(browserOrders)
		if widths[at] >= 0 && browserColumns[at].title != "" && browserOrders[at] != b.order {
			break
		}
	}
	return b.sortBy(browserOrders[at], startsBackward(browserOrders[at]))
}

// startsBackward reports whether an order is first asked for the other way
// round: who asks for lengths wants the longest.
func startsBackward(o access.SessionOrder) bool { return o == access.ByLength }

func (b *browser) sortBy(o access.SessionOrder, backward bool) tea.Cmd {
	b.order, b.backward = o, backward
	b.markOrder()
	return b.reload()
}

// markOrder marks the column by which the list is sorted, as it is drawn now.
func (b *browser) markOrder() {
	widths := b.list.widths()
	for i, o := range browserOrders {
		if o == b.order && widths[i] >= 0 {
			b.list.sorted = i
		}
	}
	b.list.mark = "▲"
	if down := (b.order == access.ByStart) != b.backward; down {
		b.list.mark = "▼"
	}
}

// click sorts by a column, chooses a row, and on the chosen row opens it.
func (b *browser) click(m tea.MouseClickMsg) tea.Cmd {
	if b.ask != nil || m.X >= b.list.cols || m.Y < 1 {
		return nil
	}
	if m.Y == 1 {
		i, ok := b.list.columnAt(m.X)
		if !ok {
			return nil
		}
		o := browserOrders[i]
		if o == b.order {
			return b.sortBy(o, !b.backward)
		}
		return b.sortBy(o, startsBackward(o))
	}
	row, ok := b.list.rowAt(m.Y - 1)
	if !ok {
		return nil
	}
	if row == b.list.at {
		b.replay()
		return nil
	}
	b.toEnd = false
	b.list.moveTo(row)
	return b.moved()
}
