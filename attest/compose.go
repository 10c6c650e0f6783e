package attest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// The names of claims that the pipeline itself states or reads.
const (
	claimType          = "x-ms-attestation-type"
	claimPolicy        = "x-ms-policy"
	claimTCBIdentifier = "x-ms-sgx-tcbidentifier"
	claimRuntime       = "x-ms-runtime"
	claimInitTime      = "x-ms-inittime"
	claimSimulated     = "x-azattest-simulated"

	// ownPrefix begins claims that only this service knows.
	ownPrefix = "x-azattest-"
	// sgxPrefix begins claims about an SGX enclave.
	sgxPrefix = "x-ms-sgx-"

	tokenVersion = "1.0"
	jtiSize      = 32 // bytes; twice as many hexadecimal digits in the token
)

// reserved are the names of claims that the service states of itself, in every
// token or under conditions, and their deprecated names. Relying parties take
// them for the service's word, so no policy puts one there, not even where the
// service says nothing.
var reserved = [...]string{
	"iss", "iat", "nbf", "exp", "jti", "cnf", "nonce", "rp_data",
	"x-ms-ver", "ver", claimType,
	claimPolicy, "x-ms-policy-hash", "policy_hash", "maa-policyHash", "x-ms-policy-signer", "policy_signer",
	claimRuntime, claimInitTime, "x-ms-compliance-status", "x-ms-isolation-tee",
	"aas-ehd", "maa-ehd", "maa-attestationcollateral",
}

// isReserved does not regard case, in the way of encoding/json, to which a long s is
// an s: some relying parties do not either.
func isReserved(name string) bool {
	for _, prefix := range reservedPrefixes {
		if strings.EqualFold(firstRunes(name, len(prefix)), prefix) {
			return true
		}
	}
	return slices.ContainsFunc(reserved[:], func(r string) bool { return strings.EqualFold(r, name) })
}

// firstRunes cuts text behind n code points.
func firstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}

// reservedPrefixes begin the names of what evidence of some kind says: a policy
// over SGX evidence must not speak for another kind.
var reservedPrefixes = [...]string{ownPrefix, sgxPrefix, "x-ms-sevsnpvm-", "x-ms-azurevm-", "x-ms-tpm-", "tdx_"}

// compose makes the token's body: what the policy issued, then over it what the
// verifier found, then over both what the service itself says. Later wins.
func (s *Service) compose(r *Request, in *admitted, result *evidence.Result, data *bound, issued *claims.Set) (*claims.Set, error) {
	c := new(claims.Set)
	for name, v := range issued.All() {
		if !isReserved(name) {
			c.Add(name, v)
		}
	}
	for _, found := range []*claims.Set{result.TokenOnly, result.Claims} {
		overlay(c, found)
	}
	c.Put(claimType, claims.String(result.Type))
	c.Put(claimTCBIdentifier, claims.String(in.demands.tcbIdentifier))
	c.Put("x-ms-policy-hash", claims.String(in.policy.Hash()))
	if in.signer.Kind() != 0 {
		c.Put("x-ms-policy-signer", in.signer)
	}
	if issued.Len() > 0 {
		c.Put(claimPolicy, claims.Object(issued))
	}
	putData(c, data)
	if r.Nonce != nil {
		c.Put("nonce", claims.String(*r.Nonce))
	}
	c.Put(claimSimulated) // none, whoever stated it
	if result.Simulated {
		c.Put(claimSimulated, claims.Boolean(true))
	}
	if err := s.putToken(c, in.now); err != nil {
		return nil, err
	}
	return c, nil
}

func overlay(c, found *claims.Set) {
	if found == nil {
		return
	}
	for _, name := range found.Names() {
		c.Put(name, found.Values(name)...)
	}
}

// putData shows bound data: binary runtime data encoded under three names, JSON
// as it is. Binary init-time data is checked and not shown.
func putData(c *claims.Set, data *bound) {
	switch {
	case data.runtime == nil:
	case data.runtime.JSON:
		c.Put(claimRuntime, data.runtimeJSON)
	default:
		held := claims.String(base64.RawURLEncoding.EncodeToString(data.runtime.Bytes))
		for _, name := range []string{"x-ms-sgx-ehd", "aas-ehd", "maa-ehd"} {
			c.Put(name, held)
		}
	}
	if data.initTime != nil && data.initTime.JSON {
		c.Put(claimInitTime, data.initTimeJSON)
	}
}

// putToken states the claims that make any token: who, when, which.
func (s *Service) putToken(c *claims.Set, now time.Time) error {
	var id [jtiSize]byte
	if _, err := io.ReadFull(s.random, id[:]); err != nil {
		return fmt.Errorf("attest: no random token ID: %w", err)
	}
	issued := now.Unix()
	c.Put("iss", claims.String(s.issuer.URL()))
	c.Put("iat", claims.Integer(issued))
	c.Put("nbf", claims.Integer(issued))
	c.Put("exp", claims.Integer(issued+s.lifetime))
	c.Put("jti", claims.String(hex.EncodeToString(id[:])))
	c.Put("x-ms-ver", claims.String(tokenVersion))
	return nil
}

// sign makes the token, when its turn has come. A draft policy is one that nobody
// has approved, so no signature stands for it.
func (s *Service) sign(ctx context.Context, c *claims.Set, in *admitted, t Type) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if s.turn != nil && !in.isDraft {
		done, err := s.turn(ctx)
		if err != nil {
			return "", err
		}
		defer done()
	}
	start := in.watch.begin()
	jws, err := s.signNow(ctx, c, in, t)
	in.watch.end(ctx, PhaseSign, start)
	return jws, err
}

func (s *Service) signNow(ctx context.Context, c *claims.Set, in *admitted, t Type) (string, error) {
	switch {
	case in.isDraft:
		return s.issuer.Unsigned(c)
	case t == TPM:
		return s.issuer.SignReport(ctx, c, in.report.omitX5C)
	}
	return s.issuer.Sign(ctx, c)
}
