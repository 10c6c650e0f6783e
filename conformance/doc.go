// Package conformance holds the tests that compare azattest with the real
// service: they replay recorded exchanges against our own service and compare
// the answers, member by member. It has no code of its own.
//
// The recordings are third-party data and not part of the repository; without
// them the tests are skipped (see CONTRIBUTING.md).
package conformance
