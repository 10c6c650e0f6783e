package policy

import (
	"strings"
	"testing"
)

func TestReference_3_ReadOnlyClaims(t *testing.T) {
	t.Parallel()
	const no = ` comes of a read-only claim (pcrs) and cannot be issued: only what ContainsOnlyValue and IsSubsetOf say of it can`
	pcrs := set("pcrs", `{"PCRs":[{"Index":0,"Digests":{"SHA256":"KCk6Ow"}}]}`, "golden", "KCk6Ow")
	const query = `JmesPath(c.value, "PCRs[0].Digests.SHA256")`
	issues(t, pcrs, map[string]string{
		`c:[type=="pcrs"] => issue(claim=c);`:                                                                                    `claim "pcrs"` + no,
		`c:[type=="pcrs"] => issue(type="x", value=c.value);`:                                                                    `claim "x"` + no,
		`c:[type=="pcrs"] => issue(type="x", value=` + query + `);`:                                                              `claim "x"` + no,
		`c:[type=="pcrs"] => issue(type="x", value=JsonToClaimValue(` + query + `));`:                                            `claim "x"` + no,
		`c:[type=="pcrs"] => issue(type="x", value=AppendString("a", c.value));`:                                                 `claim "x"` + no,
		`c:[type=="pcrs"] => issue(type="x", value=NegateBool(JsonToClaimValue(JmesPath(c.value, "!PCRs"))));`:                   `claim "x"` + no,
		`c:[type=="pcrs"] => issue(type=JsonToClaimValue(` + query + `), value=1);`:                                              `claim "KCk6Ow"` + no,
		`c:[type=="pcrs"] => issue(type="x", value=ContainsOnlyValue(JsonToClaimValue(` + query + `), "KCk6Ow"));`:               `{"x":true}`,
		`c:[type=="pcrs"] && g:[type=="golden"] => issue(type="x", value=IsSubsetOf(JsonToClaimValue(` + query + `), g.value));`: `{"x":true}`,
		`c:[type=="pcrs"] => issue(type="x", value=JmesPath("{}", JmesPath(c.value, "PCRs[0].Digests.SHA256")));`:                `claim "x"` + no,
		`c:[type=="golden"] && p:[type=="pcrs", value!=c.value] => issue(type=c.value, value=p.issuer);`:                         `{"KCk6Ow":"AttestationService"}`,
		`c:[type=="pcrs"] => issue(type="x", value=c.type);`:                                                                     `{"x":"pcrs"}`,
		`[type=="pcrs"] => issue(type="x", value=1);`:                                                                            `{"x":1}`,
		`c:[type=="pcrs"] => add(type="x", value=c.value);`:                                                                      `{}`,
		`c:[type=="golden"] => issue(type="x", value=c.value);`:                                                                  `{"x":"KCk6Ow"}`,
	})
	// What is added keeps the mark.
	failed := failure(t, functional(`c:[type=="pcrs"] => add(type="x", value=JmesPath(c.value, "PCRs"));`, `c:[type=="x"] => issue(claim=c);`), pcrs)
	if failed.Rule.Number != 2 || failed.Problem != `claim "x"`+no {
		t.Errorf("failed for %v", failed)
	}
	// What is made of its value in any way is read-only, and stays so if the same is
	// made of something else.
	failed = failure(t, functional(`=> add(type="x", value=true);`, `c:[type=="pcrs"] => add(type="x", value=NegateBool(JsonToClaimValue(JmesPath(c.value, "!PCRs"))));`, `c:[type=="x"] => issue(claim=c);`), pcrs)
	if failed.Rule.Number != 3 || failed.Problem != `claim "x"`+no {
		t.Errorf("failed for %v", failed)
	}
	if failed = failure(t, functional(`c:[type=="pcrs"] => issue(type=c.value, value=1);`), set("pcrs", "x")); failed.Problem != `claim "x"`+no {
		t.Errorf("failed for %v", failed)
	}
	// A type that was made of its value is read-only too, however it is read again.
	const hidden = `p:[type=="pcrs"] => add(type=JsonToClaimValue(JmesPath(p.value, "PCRs[0].Digests.SHA256")), value="mark");`
	for _, leak := range []string{
		`c:[value=="mark"] => issue(type="leak", value=c.type);`,
		`c:[value=="mark"] => issue(type=c.type, value=1);`,
		`c:[value=="mark"] => issue(type="leak", value=AppendString("x", c.type));`,
		`c:[value=="mark"] => issue(type="leak", value=JmesPath("{}", AppendString(AppendString("'", c.type), "'")));`,
		`c:[value=="mark"] => issueproperty(type=c.type, value=true);`,
	} {
		if failed := failure(t, functional(hidden, leak), pcrs); failed.Rule.Number != 2 || !strings.Contains(failed.Problem, "read-only claim") {
			t.Errorf("%s: failed for %v", leak, failed)
		}
	}
	if failed := failure(t, functional(hidden, `c:[value=="mark"] => add(type="mid", value=c.type);`, `d:[type=="mid"] => issue(claim=d);`), pcrs); failed.Rule.Number != 3 {
		t.Errorf("by way of a third: failed for %v", failed)
	}
	// A claim of the client's has none, whatever its name.
	d, err := mustCompile(t, functional(`c:[type=="pcrs"] => issue(claim=c);`)).DecideWith(nil, set("pcrs", "mine"))
	if err != nil || string(d.Issued.AppendJSON(nil)) != `{"pcrs":"mine"}` {
		t.Errorf("a client's own claim: %+v, %v", d, err)
	}
	// The documentation's sample adds what it derives, and permits.
	golden := `{"PCRs":[`
	for i, digest := range []string{
		"4c833b1c361fceffd8dc0f81eec76081b71e1a0eb2193caed0b6e1c7735ec33e", "8c25e3be6ad6f5bd33c9ae40d5d5461e88c1a7366df0c9ee5c7e5ff40d3d1d0e",
		"3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969", "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969",
	} {
		golden += strings.Repeat(",", min(i, 1)) + `{"Index":` + string(rune('0'+i)) + `,"Digests":{"SHA256":"` + digest + `"}}`
	}
	sample := corpusPolicy(t, "docs/66-tpm-attestation-sample-policies-pcr-golden.txt")
	if got := decided(t, sample, set("pcrs", golden+"]}")); got != "permit" {
		t.Errorf("golden values: %s", got)
	}
	if got := decided(t, sample, set("pcrs", strings.Replace(golden, "4c", "4d", 1)+"]}")); got != "no-permit" {
		t.Errorf("another value: %s", got)
	}
}
