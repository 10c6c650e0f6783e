package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/config"
)

// BenchmarkLoadThousandInstances is the start of a large service.
func BenchmarkLoadThousandInstances(b *testing.B) {
	var text strings.Builder
	text.WriteString("tls: {certificateFile: a, keyFile: b}\nkeys: {wrappingKeyFile: c}\ninstances:\n")
	for i := range 1000 {
		fmt.Fprintf(&text, "- name: i%d\n  url: https://i%d.example.com\n  hosts: [i%d.internal]\n  types: [SgxEnclave]\n", i, i, i)
	}
	raw := []byte(text.String())
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		c, err := config.Parse("f", raw, nil)
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostile are texts of the largest size that cost a careless reader much.
func BenchmarkHostile(b *testing.B) {
	const size = 1 << 20
	var keys strings.Builder
	for i := 0; keys.Len() < size-20; i++ {
		fmt.Fprintf(&keys, "k%x: 1\n", i)
	}
	for name, text := range map[string]string{
		"lists in lists": strings.Repeat("[", size),
		"keys in keys":   strings.Repeat("{a: ", size/4),
		"unknown keys":   keys.String(),
		"list elements":  "trustedProxies: [" + strings.Repeat("a,", size/2-20) + "]",
		"instances":      "instances: [" + strings.Repeat("{},", size/3-20) + "]",
		"aliases":        "a: &a [x]\nb: [" + strings.Repeat("*a,", size/3-20) + "]",
		"comments":       strings.Repeat("#\n", size/2),
		"blanks":         "a:" + strings.Repeat(" ", size-3),
		"deep blocks":    strings.Repeat("- ", size/2),
		"keys with ?":    strings.Repeat("? ", size/2),
		"anchors":        strings.Repeat("&a ", size/3),
		"plain lines":    "a: " + strings.Repeat("x\n ", size/3-2),
		"quotes":         "a: \"" + strings.Repeat("\\\n", size/2-4) + "\"",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c, err := config.Parse("f", []byte(text), nil)
				if err == nil {
					_ = c.Validate()
				}
			}
		})
	}
}
