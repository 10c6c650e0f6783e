package config

import _ "embed"

//go:embed example.yaml
var example string

//go:embed example-keyrelease.yaml
var exampleKeyRelease string

// Example is a complete configuration with comments: every key, with its default
// wherever the service could start with it.
func Example() string { return example }

// ExampleKeyRelease is [Example] for the key release server.
func ExampleKeyRelease() string { return exampleKeyRelease }
