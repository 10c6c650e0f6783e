package policytoken

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options say who may sign, and when. There is no zero value that accepts
// everything: At must be given.
type Options struct {
	// At is the time of the request, at which certificates must be valid.
	At time.Time
	// Trusted are the instance's policy management certificates. With any, a
	// token must be signed, by the key of one of them or of a certificate that
	// chains up to one of them. With none, any signer will do.
	Trusted []*x509.Certificate
	// RequireSignature refuses unsigned tokens. Without anybody to trust it refuses
	// all, so that an instance whose certificates got lost is not open to everyone.
	RequireSignature bool
	// Audience is the instance's URL. A token with a claim aud is refused unless it
	// names this URL; a slash at the end makes no difference.
	Audience string
	// Leeway is how far a sender's clock may be ahead: by so much a certificate or
	// token may begin later than At. Ends are not stretched. At most 10 minutes.
	Leeway time.Duration
}

// Verify checks that the token may be obeyed: signed by somebody who may sign,
// if it is, and neither expired nor meant for another instance. What it asks for
// is not looked at.
//
// It returns an *[Error], and an *[OptionsError] for options without a time.
func (t *Token) Verify(o Options) error {
	if o.At.IsZero() {
		return &OptionsError{Field: "At", Problem: "missing, want the time of the request"}
	}
	if o.Leeway < 0 || o.Leeway > maxLeeway {
		return &OptionsError{Field: "Leeway", Problem: fmt.Sprintf("%s, want 0 to %s", o.Leeway, maxLeeway)}
	}
	if slices.Contains(o.Trusted, nil) {
		return &OptionsError{Field: "Trusted", Problem: "a nil certificate"}
	}
	switch {
	case t.IsSigned():
		if err := t.verifySigner(o); err != nil {
			return err
		}
	case o.RequireSignature || len(o.Trusted) > 0:
		return refuse(ReasonUnsigned, "header: alg", "none, want a signature by a key whose certificate the instance lists", nil)
	}
	if err := t.verifyTime(o); err != nil {
		return err
	}
	return t.verifyAudience(o.Audience)
}

// verifySigner checks the signature, then whose it is.
func (t *Token) verifySigner(o Options) error {
	leaf := t.chain[0]
	a, err := checkKey(leaf, "header: x5c[0]")
	if err != nil {
		return err
	}
	if !a.isNamed(t.algorithm) {
		return refuse(ReasonAlgorithm, "header: alg", fmt.Sprintf("%q, want %s for the key of the certificate", t.algorithm, a.name), nil)
	}
	if err := a.verify(leaf.PublicKey, []byte(t.signed), t.signature); err != nil {
		return refuse(ReasonSignature, "signature", "wrong, want that of the certificate's key over the token as it was sent", err)
	}
	return verifyChain(t.chain, o)
}

// checkKey refuses certificates of weak keys.
func checkKey(certificate *x509.Certificate, path string) (algorithm, error) {
	a, err := algorithmOf(certificate.PublicKey)
	if err != nil {
		return algorithm{}, refuse(ReasonKey, path, "a key that is not accepted", err)
	}
	return a, nil
}

// verifyTime checks exp and nbf (RFC 7519, sections 4.1.4 and 4.1.5).
func (t *Token) verifyTime(o Options) error {
	expires, ok, err := t.timestamp("exp")
	if err != nil {
		return err
	}
	if ok && seconds(o.At) >= expires {
		return refuse(ReasonTime, "payload: exp", "the token has expired, make a new one", nil)
	}
	begins, ok, err := t.timestamp("nbf")
	if err != nil {
		return err
	}
	if ok && seconds(o.At.Add(o.Leeway)) < begins {
		return refuse(ReasonTime, "payload: nbf", "the token is not valid yet, see to the clocks", nil)
	}
	return nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// timestamp reads a NumericDate: seconds since 1970, fractions allowed.
func (t *Token) timestamp(name string) (float64, bool, error) {
	raw, ok := t.claims.get(name)
	if !ok {
		return 0, false, nil
	}
	var value float64
	if err := json.Unmarshal(raw, &value); err != nil || value < 0 || value > maxTimestamp {
		return 0, false, refuse(ReasonPayload, "payload: "+name, "want seconds since 1970", nil)
	}
	return value, true, nil
}

// verifyAudience checks aud (RFC 7519, section 4.1.3): a text or several.
func (t *Token) verifyAudience(want string) error {
	raw, ok := t.claims.get("aud")
	if !ok {
		return nil
	}
	var audiences []string
	var one string
	if json.Unmarshal(raw, &one) == nil {
		audiences = []string{one}
	} else if err := json.Unmarshal(raw, &audiences); err != nil {
		return refuse(ReasonPayload, "payload: aud", "want a string or an array of strings", nil)
	}
	want = strings.TrimSuffix(want, "/")
	if want == "" || !slices.ContainsFunc(audiences, func(a string) bool { return strings.TrimSuffix(a, "/") == want }) {
		return refuse(ReasonAudience, "payload: aud", fmt.Sprintf("%q, want the URL of this instance, %q", clip(strings.Join(audiences, ", ")), clip(want)), nil)
	}
	return nil
}
