package cli

import (
	"syscall"
	"testing"
)

// The runtime has descriptors of its own, with the numbers behind those that the caller
// gave. They are open, and even for writing.
func TestKeyReleaseGetRefusesADescriptorOfTheRuntime(t *testing.T) {
	t.Parallel()
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	wantDescriptorRefused(t, fd)
	if err := syscall.Close(fd); err != nil {
		t.Errorf("the command closed what is not its own: %v", err)
	}
}
