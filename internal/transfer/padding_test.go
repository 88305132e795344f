package transfer_test

import (
	"strings"
	"testing"
)

// What follows the fields of a packet is no part of the file: OpenSSH's server
// skips it, and github.com/pkg/sftp sends it with each short write of a
// concurrent upload (seen of rclone 1.60).
func TestPaddedPackets(t *testing.T) {
	for _, size := range []int{1, 7, 1 << 20} { // of the pieces it arrives in
		p := newPeer()
		p.open(1, "h", "/a", writing)
		var all []byte
		for i, data := range []string{"one ", "", "two"} {
			all = append(all, packet(6, 2+i, "h", uint64(4*(i/2)), data, []byte(strings.Repeat("x", 3000*(i+1))))...)
		}
		all = append(all, packet(4, 5, "h", []byte("more"))...)
		for len(all) > 0 {
			n := min(size, len(all))
			p.watch.ToHost(all[:n])
			all = all[n:]
		}
		for id := 2; id <= 5; id++ {
			p.answer(101, id, 0, "", "", []byte("more"))
		}
		p.want(t, "put /a 7 B ok")
		if p.list[0].SHA256 != digest("one two") {
			t.Errorf("digest %s", p.list[0].SHA256)
		}
	}
}
