// Package benchmarks holds measurements that need other people's code to measure
// against. It is a module of its own, outside the workspace, so that nobody who
// uses azattest gets that code: run it with `make peers`.
package benchmarks
