package recorder

import "time"

// Activity divides the recording into equal parts of its time, from the start
// to the last event, and gives how many bytes of the cast lie in each: where
// something happened, and where nothing did. It reads no event: each part's
// beginning is looked up, so a recording of days costs little more than one of
// minutes.
func (r *Reader) Activity(parts int) (bytes []int64, length time.Duration, err error) {
	length, err = r.Duration()
	if err != nil || parts < 1 {
		return nil, length, err
	}
	fi, err := r.f.Stat()
	if err != nil {
		return nil, length, err
	}
	at := make([]int64, parts+1)
	at[0], at[parts] = r.first, fi.Size()
	if err := r.divide(at, 0, parts, length); err != nil {
		return nil, length, err
	}
	bytes = make([]int64, parts)
	for i := range bytes {
		bytes[i] = max(at[i+1]-at[i], 0)
	}
	return bytes, length, nil
}

// divide fills in the offsets between two that are known, halving: a stretch
// without bytes is done at once.
func (r *Reader) divide(at []int64, from, to int, length time.Duration) (err error) {
	middle := (from + to) / 2
	switch {
	case middle == from:
		return nil
	case at[from] == at[to]:
		at[middle] = at[from]
	default:
		when := time.Duration(float64(length) / float64(len(at)-1) * float64(middle))
		if at[middle], err = r.seekWithin(when, at[from], at[to]); err != nil {
			return err
		}
	}
	if err := r.divide(at, from, middle, length); err != nil {
		return err
	}
	return r.divide(at, middle, to, length)
}
