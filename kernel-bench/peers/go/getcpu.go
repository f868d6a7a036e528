// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT

// Which CPU we are on: the runtime has no call for it.

package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

// Package syscall does not know the call everywhere.
var getcpuNumber = map[string]uintptr{
	"amd64": 309,
	"arm64": 168,
}[runtime.GOARCH]

// getcpu is -1 where there is none.
func getcpu() int {
	var cpu uint32
	if getcpuNumber == 0 {
		return -1
	}
	_, _, err := syscall.RawSyscall(getcpuNumber,
		uintptr(unsafe.Pointer(&cpu)), 0, 0)
	if err != 0 {
		return -1
	}
	return int(cpu)
}
