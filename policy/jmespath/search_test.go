package jmespath

import "testing"

// finding is a query and what it finds, as JSON.
type finding struct{ query, want string }

// checkFindings searches one document with every query.
func checkFindings(t *testing.T, document string, findings []finding) {
	t.Helper()
	v := mustParse(t, document)
	for _, f := range findings {
		t.Run(f.query, func(t *testing.T) {
			t.Parallel()
			got, err := mustCompile(t, f.query).Search(v)
			if err != nil {
				t.Fatal(err)
			}
			if want := mustParse(t, f.want); !got.Equal(want) {
				t.Errorf("found %s, want %s", got.JSON(), want.JSON())
			}
		})
	}
}

func mustParse(tb testing.TB, text string) Value {
	tb.Helper()
	v, err := ParseJSON(text)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func mustCompile(tb testing.TB, text string) *Query {
	tb.Helper()
	q, err := Compile(text)
	if err != nil {
		tb.Fatal(err)
	}
	if q.String() != text {
		tb.Errorf("the query is %s, want %s", q, text)
	}
	return q
}

func TestPaths(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{"boot":{"svn":2,"mode":"secure","a b":1,"":3,"é":4,"q\"t":5,"_1":6},"none":null,"list":[{"svn":7}]}`, []finding{
		{`@`, `{"boot":{"svn":2,"mode":"secure","a b":1,"":3,"é":4,"q\"t":5,"_1":6},"none":null,"list":[{"svn":7}]}`},
		{`boot.svn`, `2`},
		{"\tboot\r\n . svn ", `2`},
		{`boot."a b"`, `1`},
		{`boot.""`, `3`},
		{`boot."\u00e9"`, `4`},
		{`boot."é"`, `4`},
		{`boot."q\"t"`, `5`},
		{`boot._1`, `6`},
		{`"boot"."svn"`, `2`},
		{`@.boot.svn`, `2`},
	})
	checkFindings(t, `{"boot":{"svn":2},"none":null,"list":[{"svn":7}],"text":"svn"}`, []finding{
		{`missing`, `null`},
		{`missing.svn.deeper`, `null`},
		{`none.svn`, `null`},
		{`list.svn`, `null`},
		{`text.svn`, `null`},
		{`boot.svn.deeper`, `null`},
		{`(boot).svn`, `2`},
		{`boot | svn`, `2`},
		{`boot|@|svn|@`, `2`},
		{`none | [svn]`, `null`},
		{`list | [0].svn`, `7`},
	})
}

func TestIndexesAndSlices(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{"n":[0,1,2,3,4,5],"e":[],"nested":[[1,2],[3]],"o":{"0":1},"s":"text","pairs":[{"k":1},{"k":2},{"k":3}]}`, []finding{
		{`n[0]`, `0`},
		{`n[5]`, `5`},
		{`n[6]`, `null`},
		{`n[-1]`, `5`},
		{`n[-6]`, `0`},
		{`n[-7]`, `null`},
		{`n[ 1 ]`, `1`},
		{`n[-9223372036854775808]`, `null`},
		{`n[9223372036854775807]`, `null`},
		{`nested[0][1]`, `2`},
		{`nested | [1][0]`, `3`},
		{`e[0]`, `null`},
		{`o[0]`, `null`},
		{`s[0]`, `null`},
		{`n[:]`, `[0,1,2,3,4,5]`},
		{`n[::]`, `[0,1,2,3,4,5]`},
		{`n[1:3]`, `[1,2]`},
		{`n[1:3:]`, `[1,2]`},
		{`n[:2]`, `[0,1]`},
		{`n[4:]`, `[4,5]`},
		{`n[-2:]`, `[4,5]`},
		{`n[:-4]`, `[0,1]`},
		{`n[::2]`, `[0,2,4]`},
		{`n[1::2]`, `[1,3,5]`},
		{`n[::-1]`, `[5,4,3,2,1,0]`},
		{`n[::-2]`, `[5,3,1]`},
		{`n[4:1:-1]`, `[4,3,2]`},
		{`n[1:4:-1]`, `[]`},
		{`n[:3:-1]`, `[5,4]`},
		{`n[-2:-5:-1]`, `[4,3,2]`},
		{`n[100:]`, `[]`},
		{`n[-100:2]`, `[0,1]`},
		{`n[100::-1]`, `[5,4,3,2,1,0]`},
		{`n[:-100:-1]`, `[5,4,3,2,1,0]`},
		{`n[-100::-1]`, `[]`},
		{`n[::9223372036854775807]`, `[0]`},
		{`n[::-9223372036854775808]`, `[5]`},
		{`n[-9223372036854775808:9223372036854775807]`, `[0,1,2,3,4,5]`},
		{`e[::-1]`, `[]`},
		{`e[:]`, `[]`},
		{`o[:]`, `null`},
		{`s[:]`, `null`},
		{`missing[1:]`, `null`},
		{`pairs[1:].k`, `[2,3]`},
		{`pairs[:2].missing`, `[]`},
		{`pairs[::-1].k | [0]`, `3`},
		{`nested[:][0]`, `[1,3]`},
		{`nested[:] | [0]`, `[1,2]`},
		{`nested[0][:]`, `[1,2]`},
	})
}

func TestProjections(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{
		"events":[{"seq":1,"tag":{"svn":[1,2]}},{"seq":2},{"seq":3,"tag":{"svn":[3]}},{"seq":null}],
		"by":{"x":{"v":1,"w":[7]},"y":{"v":2},"z":3},
		"deep":[[[1,2],[3]],4,[],[null,[5]]],
		"text":"abc","none":[null,null],"empty":[]}`, []finding{
		{`events[*].seq`, `[1,2,3]`},
		{`events[*].tag.svn`, `[[1,2],[3]]`},
		{`events[*].tag.svn[0]`, `[1,3]`},
		{`events[*].tag.svn | [0]`, `[1,2]`},
		{`(events[*].tag.svn)[0]`, `[1,2]`},
		{`events[*].tag.svn[]`, `[1,2,3]`},
		{`events[*].tag.svn[] | [-1]`, `3`},
		{`events[*].missing`, `[]`},
		{`events[*].tag.svn[*]`, `[[1,2],[3]]`},
		{`events[*][0]`, `[]`},
		{`events.*`, `null`},
		{`events.seq`, `null`},
		{`text[*]`, `null`},
		{`by[*]`, `null`},
		{`none[*]`, `[]`},
		{`none[]`, `[]`},
		{`empty[*].a`, `[]`},
		{`by.*`, `[{"v":1,"w":[7]},{"v":2},3]`},
		{`by.*.v`, `[1,2]`},
		{`by.*.w[0]`, `[7]`},
		{`by.*.w[]`, `[7]`},
		{`by.*.*`, `[[1,[7]],[2]]`},
		{`by.* | [0].v`, `1`},
		{`*.x.v`, `[1]`},
		{`text.*`, `null`},
		{`deep[]`, `[[1,2],[3],4,[5]]`},
		{`deep[][]`, `[1,2,3,4,5]`},
		{`deep[][][]`, `[1,2,3,4,5]`},
		{`deep[*][]`, `[[1,2],[3],4,[5]]`},
		{`deep[*][*]`, `[[[1,2],[3]],[],[[5]]]`},
		{`deep[0][]`, `[1,2,3]`},
		{`text[]`, `null`},
		{`by[]`, `null`},
		// A list or a hash ends a projection.
		{`events[*].[seq]`, `[[1],[2],[3],[null]]`},
		{`events[*].[seq][0]`, `[1]`},
		{`events[*].{n:seq}`, `[{"n":1},{"n":2},{"n":3},{"n":null}]`},
		{`events[*].{n:seq}.n`, `null`},
		{`events[*].{n:seq} | [*].n`, `[1,2,3]`},
		{`events[*].{n:seq}[1].n`, `2`},
		// So does a comparison, and what is not part of a path.
		{`events[*].seq == [@][0].events[*].seq`, `true`},
		{`events[*].missing || text`, `"abc"`},
	})
}

func TestFilters(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{"pcr":7,"events":[
		{"pcr":7,"seq":1,"on":true,"names":["a","b"]},
		{"pcr":12,"seq":2,"on":false,"names":[]},
		{"pcr":13,"seq":3,"on":null,"names":["c"]},
		{"seq":4,"on":""}, 5, null, "pcr"]}`, []finding{
		{"events[?pcr == `12`].seq", `[2]`},
		{"events[? pcr==`12` || pcr==`13` ].seq", `[2,3]`},
		{"events[?pcr > `7`].seq", `[2,3]`},
		{"events[?pcr >= `7` && seq < `3`].seq", `[1,2]`},
		{"events[?pcr <= `12`].seq", `[1,2]`},
		{"events[?pcr != `7`].seq", `[2,3,4]`},
		{"events[?pcr == pcr].seq", `[1,2,3,4]`},
		{`events[?on].seq`, `[1]`},
		{`events[?!on].seq`, `[2,3,4]`},
		{`events[?names].seq`, `[1,3]`},
		{`events[?names[1]].seq`, `[1]`},
		{`events[?names[?@ == 'c']].seq`, `[3]`},
		{"events[?pcr == `7`].names[]", `["a","b"]`},
		{"events[?pcr][].seq", `[1,2,3]`},
		{"events[?pcr].names | [0]", `["a","b"]`},
		{"events[?pcr].names[0]", `["a","c"]`},
		{"events[?@ == `5`]", `[5]`},
		{"events[?@ == 'pcr']", `["pcr"]`},
		{"events[?@]", `[{"pcr":7,"seq":1,"on":true,"names":["a","b"]},{"pcr":12,"seq":2,"on":false,"names":[]},{"pcr":13,"seq":3,"on":null,"names":["c"]},{"seq":4,"on":""},5,"pcr"]`},
		{"events[?@ == `null`]", `[]`}, // null is found, and then left out
		{"events[?`true`] | length(@)", `6`},
		{"events[?seq][?pcr].seq", `[]`}, // the second filter is for each element
		{"events[?seq] | [?pcr].seq", `[1,2,3]`},
		{"events[?type(@) == 'object'] | [?seq > `1`] | [0].seq", `2`},
		{"[?@]", `null`},
		{"pcr[?@]", `null`},
		{"missing[?@]", `null`},
		{"[events][0][?seq == `3`].names[0] | @[0]", `"c"`},
	})
}

func TestOperators(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{"t":true,"f":false,"z":0,"s":"","e":[],"o":{},"n":null,"x":{"t":1},"list":[[1]],"name":"x","true":"a field"}`, []finding{
		{`t && z`, `0`},
		{`f && z`, `false`},
		{`s && z`, `""`},
		{`e && z`, `[]`},
		{`o && z`, `{}`},
		{`n && z`, `null`},
		{`z && t && name`, `"x"`},
		{`f || z`, `0`},
		{`n || s || e`, `[]`},
		{`t || f`, `true`},
		{`t || f && f`, `true`},
		{`(t || f) && f`, `false`},
		{`!z`, `false`},
		{`!s`, `true`},
		{`!e`, `true`},
		{`!o`, `true`},
		{`!n`, `true`},
		{`!missing`, `true`},
		{`!!name`, `true`},
		{`!f && t`, `true`},
		{`!f || f`, `true`},
		// Not binds tighter than a comparison and weaker than a path.
		{"!z == `false`", `true`},
		{`!x.t`, `false`},
		{`!x.missing`, `true`},
		{`!list[0]`, `false`},
		{`!list[1]`, `true`},
		{`!list[]`, `false`},
		{`!o.*`, `true`},
		{`!(t) && t`, `false`},
		{`t == f`, `false`},
		{`t != f`, `true`},
		{`n == missing`, `true`},
		{`e == o`, `false`},
		{`s == n`, `false`},
		{"z == `0.0`", `true`},
		{"x == `{\"t\":1}`", `true`},
		{"x == `{\"t\":1,\"u\":1}`", `false`},
		{"x == `{\"u\":1}`", `false`},
		{"list == `[[1.0]]`", `true`},
		{"list == `[[1],2]`", `false`},
		{"list == `[[2]]`", `false`},
		{`name == 'x'`, `true`},
		{`name == 'X'`, `false`},
		{`name < 'y'`, `null`},
		{"name < `1`", `null`},
		{`t > f`, `null`},
		{`n <= n`, `null`},
		{"z < `1` == t", `true`},
		{"z < `1` && name", `"x"`},
		{"z == `1` || name", `"x"`},
		{"name == 'y' | @ || 'other'", `"other"`},
		{`true == true`, `true`},
		{`null == n`, `true`},
		{`t == true`, `false`},
	})
}

func TestMultiSelect(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{"a":1,"b":{"c":[2,3]},"n":null}`, []finding{
		{`[a]`, `[1]`},
		{`[a, b.c[0], missing]`, `[1,2,null]`},
		{`[a, a]`, `[1,1]`},
		{`b.[c, c[1]]`, `[[2,3],3]`},
		{`[[a], {x: a}]`, `[[1],{"x":1}]`},
		{`{x: a, "y z": b.c[1]}`, `{"x":1,"y z":3}`},
		{`{z: a, y: b, z: n}`, `{"y":{"c":[2,3]},"z":null}`},
		{`b.{c: c[-1], d: @}`, `{"c":3,"d":{"c":[2,3]}}`},
		{`n.[a]`, `null`},
		{`n.{a: a}`, `null`},
		{"`null` | [@]", `null`},
		{`a.[@]`, `[1]`},
		{`[@][0].a`, `1`},
		{`[a == b, a || b]`, `[false,1]`},
		{`{x: a} | [x] | [0]`, `1`},
		{`[*]`, `null`},
		{`[a, *]`, `[1,[1,{"c":[2,3]}]]`},
	})
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	checkFindings(t, `{}`, []finding{
		{"`1`", `1`},
		{"` [1, {\"a\": null}] `", `[1,{"a":null}]`},
		{"`\"tick \\` quote \\\"\"`", "\"tick ` quote \\\"\""},
		{"`\"\\u00e9\\\\\"`", `"é\\"`},
		{"`{\"a\":{\"b\":5}}`.a.b", `5`},
		{"`[1,2]`[1]", `2`},
		{`'plain'`, `"plain"`},
		{`''`, `""`},
		{`'it\'s'`, `"it's"`},
		{`'\windows\system32'`, `"\\windows\\system32"`},
		{`'\\'`, `"\\\\"`},
		{`'\\\''`, `"\\\\'"`},
		{"'a\nb\u2713`\"'", "\"a\\nb\u2713`\\\"\""},
		{`'\n\u0041'`, `"\\n\\u0041"`},
		{"`9007199254740993`", `9007199254740993`},
		{"`-0`", `0`},
	})
}
