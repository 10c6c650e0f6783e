package testpg

import (
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// attributes let a program end with this process, and run as nobody if this
// process is root, as whom PostgreSQL does not run.
func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if uid, gid, ok := nobody(); ok {
		a.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return a
}

// giveAway makes a file that of the user who runs the server.
func giveAway(path string) error {
	uid, gid, ok := nobody()
	if !ok {
		return nil
	}
	return os.Chown(path, int(uid), int(gid))
}

// nobody returns the user to become, if it is necessary.
func nobody() (uid, gid uint32, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	// What every Linux gives to nobody.
	uid, gid = 65534, 65534
	if u, err := user.Lookup("nobody"); err == nil {
		if n, err := strconv.ParseUint(u.Uid, 10, 32); err == nil {
			uid = uint32(n)
		}
		if n, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
			gid = uint32(n)
		}
	}
	return uid, gid, true
}
