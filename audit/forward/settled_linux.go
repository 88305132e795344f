package forward

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// settledEvery is how often TCP is asked. The answer is there within a round
// trip.
const settledEvery = 5 * time.Millisecond

// settled waits until the other side's TCP has acknowledged all that was sent,
// our end included, and fails when it reset the connection instead. Both sides
// have closed already. Acknowledged bytes were read: Linux answers with a reset
// both when a socket is closed with bytes unread and when bytes come later.
func settled(ctx context.Context, conn *net.TCPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	ticker := time.NewTicker(settledEvery)
	defer ticker.Stop()
	for {
		over, err := acknowledged(raw.Control)
		if err != nil || over {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.New("not all that was sent was acknowledged")
		}
	}
}

// acknowledged reports whether the connection is over on both sides, in order.
func acknowledged(control func(func(uintptr)) error) (over bool, err error) {
	failed := control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err != nil {
			return
		}
		over = info.State == unix.BPF_TCP_CLOSE || info.State == unix.BPF_TCP_TIME_WAIT
		var reset int
		if reset, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && reset != 0 {
			err = os.NewSyscallError("send", unix.Errno(reset))
		}
	})
	return over, errors.Join(failed, err)
}
