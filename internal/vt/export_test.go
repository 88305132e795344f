package vt

// Clusters is the number of interned clusters: the only thing besides the cells
// that grows with what is printed.
func (s *Screen) Clusters() int { return len(s.clusters.texts) }
