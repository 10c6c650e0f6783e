//go:build !linux

package testtpm

import "syscall"

// attributes change nothing: only Linux ends a child with its parent.
func attributes() *syscall.SysProcAttr { return nil }
