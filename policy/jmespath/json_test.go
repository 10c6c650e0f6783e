package jmespath

import (
	"errors"
	"strings"
	"testing"
)

func TestParseJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		` null `:                     `null`,
		"\r\n\t true":                `true`,
		`[ 1 , false,[] , { } ]`:     `[1,false,[],{}]`,
		`{"b":1,"a":{"":2}}`:         `{"a":{"":2},"b":1}`,
		`{"é":1,"e":2,"Z":3,"z":{}}`: `{"Z":3,"e":2,"z":{},"é":1}`,
		`{"m":1,"l":2,"k":3,"j":4,"i":5,"h":6,"g":7,"f":8,"e":9,"d":10,"c":11,"b":12,"a":13}`: `{"a":13,"b":12,"c":11,"d":10,"e":9,"f":8,"g":7,"h":6,"i":5,"j":4,"k":3,"l":2,"m":1}`,
		`"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00"`:                                          "\"\\\"\\\\/\\b\\f\\n\\r\\tAé😀\"",
		`"\u0000\u001f"`:          `"\u0000\u001f"`,
		"\"\u2028<&>\x7f\"":       "\"\u2028<&>\x7f\"",
		`-0`:                      `0`,
		`9223372036854775807`:     `9223372036854775807`,
		`-9223372036854775808`:    `-9223372036854775808`,
		`9223372036854775808`:     `9223372036854775808`,
		`123456789012345678901`:   `123456789012345678901`,
		`1.0`:                     `1.0`,
		`-0.0`:                    `-0.0`,
		`1e3`:                     `1000.0`,
		`0.1`:                     `0.1`,
		`1E-7`:                    `1e-07`,
		`1e21`:                    `1e+21`,
		`2.2250738585072014e-308`: `2.2250738585072014e-308`,
		`1e-999`:                  `0.0`,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth): strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
		strings.Repeat("9", maxNumber):                                strings.Repeat("9", maxNumber),
	} {
		v, err := ParseJSON(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := v.JSON(); got != want {
			t.Errorf("%s reads as %s, want %s", text, got, want)
		}
		if size := len(v.JSON()); v.size() < size {
			t.Errorf("%s has size %d, less than the %d bytes of its JSON", text, v.size(), size)
		}
	}
}

func TestParseJSONRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		``:                                     0,
		` `:                                    1,
		`nul`:                                  0,
		`nulls`:                                4,
		`True`:                                 0,
		`1 2`:                                  2,
		`[1,]`:                                 3,
		`[,1]`:                                 1,
		`[1 2]`:                                3,
		`[1`:                                   2,
		`[`:                                    1,
		`]`:                                    0,
		`{"a":1,}`:                             7,
		`{"a" 1}`:                              5,
		`{"a":}`:                               5,
		`{a:1}`:                                1,
		`{"a":1`:                               6,
		`{1:2}`:                                1,
		`[1}`:                                  2,
		`{"a":1,"b":2,"a":3}`:                  0,
		`[{"a":1,"\u0061":1}]`:                 1,
		`'a'`:                                  0,
		`"a`:                                   0,
		`"a\`:                                  2,
		`"\x"`:                                 1,
		`"\u12"`:                               1,
		`"\u12G4"`:                             1,
		`"\ud800"`:                             1,
		`"\ud800\u0041"`:                       1,
		`"\udc00\ud800"`:                       1,
		"\"a\nb\"":                             2,
		"\"\\n\n\"":                            3,
		"\"\xff\"":                             0,
		"\"\\n\xc0\x80\"":                      0,
		"\"\xed\xa0\x80\"":                     0,
		"\ufeff1":                              0,
		`01`:                                   0,
		`-`:                                    0,
		`+1`:                                   0,
		`.5`:                                   0,
		`1.`:                                   0,
		`1e`:                                   0,
		`1e+`:                                  0,
		`--1`:                                  0,
		`0x10`:                                 1,
		`NaN`:                                  0,
		`1e999`:                                0,
		`[-1e999]`:                             1,
		`1 // comment`:                         2,
		strings.Repeat("[", maxDepth+1):        maxDepth,
		strings.Repeat(`{"a":`, maxDepth+1):    maxDepth * len(`{"a":`),
		strings.Repeat("9", maxNumber+1):       0,
		"[" + strings.Repeat("0,", maxValues):  2*maxValues - 1,
		strings.Repeat(" ", maxDocument) + "1": 0,
	} {
		name := text[:min(len(text), 20)]
		v, err := ParseJSON(text)
		var fault *JSONError
		if !errors.As(err, &fault) {
			t.Errorf("%q reads as %s, want an error", name, v.JSON())
			continue
		}
		if fault.Offset != want || fault.Error() == "" || !v.IsNull() {
			t.Errorf("%q: fault at %d, want %d: %v", name, fault.Offset, want, err)
		}
	}
}

func TestValueAccessors(t *testing.T) {
	t.Parallel()
	v := mustParse(t, `{"b":true,"f":false,"i":-7,"big":99999999999999999999,"x":1.5,"s":"t","a":[1,null],"o":{"k":"v"},"n":null,"zz":0}`)
	for name, kind := range map[string]Kind{
		"b": KindBoolean, "i": KindInteger, "big": KindInteger, "x": KindFloat, "s": KindString,
		"a": KindArray, "o": KindObject, "n": KindNull,
	} {
		got, ok := v.Get(name)
		if !ok || got.Kind() != kind || got.IsNull() != (kind == KindNull) {
			t.Errorf("%s is %s, want %s", name, got.Kind(), kind)
		}
	}
	if _, ok := v.Get("missing"); ok {
		t.Error("a member that is not there was found")
	}
	get := func(name string) Value {
		got, _ := v.Get(name)
		return got
	}
	if b, ok := get("b").Bool(); !b || !ok {
		t.Error("b is not true")
	}
	if b, ok := get("zz").Bool(); b || ok {
		t.Error("the number 0 is a boolean")
	}
	if b, ok := get("i").Bool(); b || ok {
		t.Error("the number -7 is a boolean")
	}
	if i, ok := get("i").Int(); i != -7 || !ok {
		t.Errorf("i is %d, %t", i, ok)
	}
	if i, ok := get("big").Int(); i != 0 || ok {
		t.Errorf("an integer beyond 64 bits is %d, %t", i, ok)
	}
	if i, ok := get("x").Int(); i != 0 || ok {
		t.Errorf("a float is the integer %d, %t", i, ok)
	}
	if f, ok := get("big").Float(); f != 1e20 || !ok {
		t.Errorf("big is %g, %t", f, ok)
	}
	if f, ok := get("x").Float(); f != 1.5 || !ok {
		t.Errorf("x is %g, %t", f, ok)
	}
	if _, ok := get("s").Float(); ok {
		t.Error("a string is a number")
	}
	if s, ok := get("s").Str(); s != "t" || !ok {
		t.Errorf("s is %q, %t", s, ok)
	}
	if s, ok := get("big").Str(); s != "" || ok {
		t.Errorf("a number is the string %q", s)
	}
	if a := get("a"); a.Len() != 2 || !a.Elem(1).IsNull() {
		t.Errorf("a is %s", a.JSON())
	}
	if o := get("o"); o.Len() != 1 || o.Name(0) != "k" || o.Elem(0).text != "v" {
		t.Errorf("o is %s", o.JSON())
	}
	if get("s").Len() != 0 {
		t.Error("a string has elements")
	}
	if _, ok := get("a").Get("k"); ok {
		t.Error("an array has members")
	}
	if (Value{}).JSON() != "null" || !(Value{}).IsNull() {
		t.Error("the zero Value is not null")
	}
}

// Numbers compare by what they are worth, whatever their size and kind.
func TestNumbersCompareExactly(t *testing.T) {
	t.Parallel()
	groups := [][]string{ // ascending; within a group all are equal
		{`-1e308`},
		{`-` + strings.Repeat("9", 40)},
		{`-1e20`, `-100000000000000000000`},
		{`-99999999999999999999`},
		{`-9223372036854775809`},
		{`-9223372036854775808`, `-9223372036854775808.0`},
		{`-9223372036854775807`},
		{`-1.5`},
		{`-1`, `-1.0`},
		{`-0.5`},
		{`0`, `-0`, `0.0`, `-0.0`},
		{`5e-324`},
		{`0.5`},
		{`1`, `1.0`, `10e-1`},
		{`1.5`},
		{`2`},
		{`9007199254740992`, `9007199254740992.0`, `9007199254740993.0`},
		{`9007199254740993`},
		{`9007199254740994`, `9007199254740994.0`},
		{`9223372036854775806`},
		{`9223372036854775807`},
		{`9223372036854775808`, `9223372036854775807.0`, `9.223372036854775808e18`},
		{`9223372036854775809`},
		{`99999999999999999999`},
		{`100000000000000000000`, `1e20`},
		{`100000000000000000001`},
		{strings.Repeat("9", 300)},
		{`1e308`},
	}
	for i, a := range groups {
		for j, b := range groups {
			want := min(max(i-j, -1), 1)
			for _, x := range a {
				for _, y := range b {
					v, w := mustParse(t, x), mustParse(t, y)
					if got := compareNumbers(v, w); got != want {
						t.Errorf("%s against %s: %d, want %d", x, y, got, want)
					}
					if v.Equal(w) != (want == 0) {
						t.Errorf("%s equals %s: %t", x, y, v.Equal(w))
					}
				}
			}
		}
	}
}
