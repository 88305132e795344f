package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/sallyport/sallyport/internal/tracetest"
)

// disk is what a script does to the disk under the bastion.
type disk struct {
	trace *tracetest.Trace // nil while it is well
	tries int              // names the logs of traces
	point string           // where a file system of its own is mounted
	loop  string           // its device
}

// cmdDisk is what disks do. FILES are below $RECORDING, "." itself; "audit" are
// the files of the audit chain, "keys" is the folder of the keys.
//
//	disk fails ERRNO CALL,… FILE…   the bastion's calls on FILES, until it heals
//	disk kills CALL,… FILE…         the bastion dies at such a call
//	disk heals
//	disk mount      data/recordings is a file system of its own (needs mount)
//	disk readonly   and an error in it, which has the kernel remount it read-only
//	disk dies       and each access fails
//	disk repaired   checked and mounted again; the bastion must not run
func cmdDisk(ts *testscript.TestScript, _ bool, args []string) {
	w := townOf(ts)
	if len(args) == 0 {
		ts.Fatalf("usage: disk WHAT …")
	}
	switch args[0] {
	case "fails":
		ts.Check(w.faulty(tracetest.Fault{Err: args[1], Calls: strings.Split(args[2], ",")}, ts.Getenv("RECORDING"), args[3:]))
	case "kills":
		ts.Check(w.faulty(tracetest.Fault{Kill: true, Calls: strings.Split(args[1], ",")}, ts.Getenv("RECORDING"), args[2:]))
	case "heals":
		calls, err := w.disk.heal()
		ts.Check(err)
		if len(calls) == 0 {
			ts.Fatalf("nothing failed")
		}
	case "mount":
		ts.Check(w.disk.mount(w.path("disk.img"), w.path("data", "recordings")))
	case "readonly":
		ts.Check(os.WriteFile(filepath.Join("/sys/fs/ext4", filepath.Base(w.disk.loop), "trigger_fs_error"), []byte("as a test wants"), 0o200))
	case "dies":
		ts.Check(w.disk.shutdown())
	case "repaired":
		ts.Check(w.disk.repair())
	default:
		ts.Fatalf("disk %s?", args[0])
	}
}

// faulty has the calls of the bastion fail.
func (w *town) faulty(f tracetest.Fault, folder string, files []string) (err error) {
	if w.disk.trace != nil {
		return errors.New("the disk fails already")
	}
	for _, name := range files {
		if name == "keys" {
			f.Paths = append(f.Paths, w.path("data", "keys"))
			continue
		}
		if name != "audit" {
			f.Paths = append(f.Paths, filepath.Join(folder, name))
			continue
		}
		for day := -1; day <= 1; day++ { // whenever this is
			f.Paths = append(f.Paths, w.path("data", "audit", time.Now().UTC().AddDate(0, 0, day).Format(time.DateOnly)+".ndjson"))
		}
	}
	w.disk.tries++
	w.disk.trace, err = tracetest.Attach(w.bastion.cmd.Process.Pid, w.path("strace."+strconv.Itoa(w.disk.tries)), f)
	return err
}

// heal ends what faulty began.
func (d *disk) heal() (calls []tracetest.Call, err error) {
	if d.trace == nil {
		return nil, nil
	}
	calls, err = d.trace.End()
	d.trace = nil
	return calls, err
}

// mayLoop looks whether a file system can be mounted here: by root, of a
// machine of one's own.
func mayLoop() error {
	if os.Geteuid() != 0 {
		return errors.New("only root mounts")
	}
	for _, program := range []string{"mkfs.ext4", "e2fsck", "losetup"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return err
	}
	return exec.Command("unshare", "--mount", "true").Run()
}

// tool runs a program to its end and gives what it said.
func tool(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// mount makes a file system in a file and mounts it. An error in it makes it
// read-only, as Debian's installer has it.
func (d *disk) mount(image, point string) error {
	f, err := os.Create(image)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(64<<20), f.Close(), os.MkdirAll(point, 0o700)); err != nil {
		return err
	}
	if _, err := tool("mkfs.ext4", "-q", image); err != nil {
		return err
	}
	if d.loop, err = tool("losetup", "--find", "--show", image); err != nil {
		return err
	}
	d.point = point
	return d.attach()
}

func (d *disk) attach() error {
	_, err := tool("mount", "-t", "ext4", "-o", "errors=remount-ro", d.loop, d.point)
	return err
}

// shutdown has the file system fail every access from now on.
func (d *disk) shutdown() error {
	const ioctlShutdown, noFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH
	f, err := os.Open(d.point)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), ioctlShutdown, noFlush)
}

func (d *disk) repair() error {
	if _, err := tool("umount", d.point); err != nil {
		return err
	}
	out, err := exec.Command("e2fsck", "-fy", d.loop).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && exit.ExitCode() < 4) { // 1 and 2: repaired
		return fmt.Errorf("e2fsck: %w: %s", err, out)
	}
	return d.attach()
}

// leave takes away what was mounted.
func (d *disk) leave() (err error) {
	if d.point != "" {
		err = syscall.Unmount(d.point, syscall.MNT_DETACH)
	}
	if d.loop != "" {
		_, lerr := tool("losetup", "--detach", d.loop)
		err = errors.Join(err, lerr)
	}
	return err
}

// cmdMetric waits until /metrics has a sample: NAME with its labels, VALUE.
func cmdMetric(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: metric NAME VALUE")
	}
	await(ts, "metric "+strings.Join(args, " "), func() (bool, error) {
		page, err := townOf(ts).metrics()
		return strings.Contains(page, "\n"+args[0]+" "+args[1]+"\n"), err
	})
}
