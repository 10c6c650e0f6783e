package fake

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/azattest/azattest/azattestation"
)

// noPolicy is the token of no policy, which a service returns where none is set.
const noPolicy = "eyJhbGciOiJub25lIn0.."

func (c *conversation) getPolicy(req *http.Request) (*http.Response, error) {
	if c.srv.GetPolicy == nil {
		return nil, notFaked("GetPolicy")
	}
	resp, errResp := c.srv.GetPolicy(req.Context(), c.kind, nil)
	return respond(req, resp, errResp, func(r azattestation.AdministrationClientGetPolicyResponse) (any, error) {
		if r.Token != nil {
			return tokenOf(r.Token.String(), nil)
		}
		stored := noPolicy
		if r.PolicyToken == nil && r.Policy != "" {
			var err error
			if r.PolicyToken, err = azattestation.NewPolicyToken(r.Policy, nil); err != nil {
				return nil, err
			}
		}
		if r.PolicyToken != nil {
			stored = r.PolicyToken.String()
		}
		return tokenOf(c.issuer.Token(map[string]string{"x-ms-policy": stored}))
	})
}

// received reads the policy token of a request. That of a signed one must hold.
func received(req *http.Request) (*azattestation.PolicyToken, error) {
	raw, err := read(req)
	if err != nil {
		return nil, err
	}
	p, err := azattestation.ParsePolicyToken(string(raw))
	if err != nil {
		return nil, err
	}
	if p.Signer() == nil {
		return p, nil
	}
	return p, p.VerifySignature()
}

func (c *conversation) setPolicy(req *http.Request) (*http.Response, error) {
	if c.srv.SetPolicy == nil {
		return nil, notFaked("SetPolicy")
	}
	p, err := received(req)
	if err != nil {
		return nil, &nonRetriableError{fmt.Errorf("fake: request: %w", err)}
	}
	resp, errResp := c.srv.SetPolicy(req.Context(), c.kind, p.Policy(), &azattestation.AdministrationClientSetPolicyOptions{PolicyToken: p})
	return respond(req, resp, errResp, func(r azattestation.AdministrationClientSetPolicyResponse) (any, error) {
		if r.PolicyTokenHash == nil {
			hash := p.SHA256()
			r.PolicyTokenHash = hash[:]
		}
		if signer := p.Signer(); r.PolicySigner == nil && len(signer) > 0 {
			r.PolicySigner = &azattestation.JSONWebKey{KeyType: keyType(signer[0]), Certificates: signer}
		}
		return c.changed(r.PolicyResult, azattestation.PolicyModificationUpdated)
	})
}

func (c *conversation) resetPolicy(req *http.Request) (*http.Response, error) {
	if c.srv.ResetPolicy == nil {
		return nil, notFaked("ResetPolicy")
	}
	p, err := received(req)
	if err != nil {
		return nil, &nonRetriableError{fmt.Errorf("fake: request: %w", err)}
	}
	resp, errResp := c.srv.ResetPolicy(req.Context(), c.kind, &azattestation.AdministrationClientResetPolicyOptions{PolicyToken: p})
	return respond(req, resp, errResp, func(r azattestation.AdministrationClientResetPolicyResponse) (any, error) {
		return c.changed(r.PolicyResult, azattestation.PolicyModificationRemoved)
	})
}

func (c *conversation) changed(r azattestation.PolicyResult, outcome azattestation.PolicyModification) (any, error) {
	if r.Token != nil {
		return tokenOf(r.Token.String(), nil)
	}
	if r.Resolution != nil {
		outcome = *r.Resolution
	}
	claims := map[string]any{"x-ms-policy-result": outcome}
	if r.PolicyTokenHash != nil {
		claims["x-ms-policy-token-hash"] = base64.RawURLEncoding.EncodeToString(r.PolicyTokenHash)
	}
	if r.PolicySigner != nil {
		claims["x-ms-policy-signer"] = r.PolicySigner
	}
	return tokenOf(c.issuer.Token(claims))
}

func keyType(certificate *x509.Certificate) *string {
	kty := "RSA"
	if certificate.PublicKeyAlgorithm == x509.ECDSA {
		kty = "EC"
	}
	return &kty
}

func (c *conversation) getPolicyCertificates(req *http.Request) (*http.Response, error) {
	if c.srv.GetPolicyCertificates == nil {
		return nil, notFaked("GetPolicyCertificates")
	}
	resp, errResp := c.srv.GetPolicyCertificates(req.Context(), nil)
	return respond(req, resp, errResp, func(r azattestation.AdministrationClientGetPolicyCertificatesResponse) (any, error) {
		if r.Token != nil {
			return tokenOf(r.Token.String(), nil)
		}
		keys := r.Certificates
		if keys == nil {
			keys = []*azattestation.JSONWebKey{}
		}
		return tokenOf(c.issuer.Token(map[string]any{"x-ms-policy-certificates": map[string]any{"keys": keys}}))
	})
}

func (c *conversation) addPolicyCertificate(req *http.Request) (*http.Response, error) {
	if c.srv.AddPolicyCertificate == nil {
		return nil, notFaked("AddPolicyCertificate")
	}
	certificate, signer, err := receivedCertificate(req)
	if err != nil {
		return nil, &nonRetriableError{fmt.Errorf("fake: request: %w", err)}
	}
	resp, errResp := c.srv.AddPolicyCertificate(req.Context(), certificate, signer, nil)
	return respond(req, resp, errResp, func(r azattestation.AdministrationClientAddPolicyCertificateResponse) (any, error) {
		return c.changedCertificate(r.PolicyCertificateResult, certificate, azattestation.CertificateModificationIsPresent)
	})
}

func (c *conversation) removePolicyCertificate(req *http.Request) (*http.Response, error) {
	if c.srv.RemovePolicyCertificate == nil {
		return nil, notFaked("RemovePolicyCertificate")
	}
	certificate, signer, err := receivedCertificate(req)
	if err != nil {
		return nil, &nonRetriableError{fmt.Errorf("fake: request: %w", err)}
	}
	resp, errResp := c.srv.RemovePolicyCertificate(req.Context(), certificate, signer, nil)
	return respond(req, resp, errResp, func(r azattestation.AdministrationClientRemovePolicyCertificateResponse) (any, error) {
		return c.changedCertificate(r.PolicyCertificateResult, certificate, azattestation.CertificateModificationIsAbsent)
	})
}

// receivedCertificate reads a request to add or remove a certificate: a JSON
// string that is a signed token.
func receivedCertificate(req *http.Request) (*x509.Certificate, []*x509.Certificate, error) {
	compact, err := decode[string](req)
	if err != nil {
		return nil, nil, err
	}
	t, err := azattestation.ParseToken(compact)
	if err != nil {
		return nil, nil, err
	}
	signer, err := t.VerifySigner()
	if err != nil {
		return nil, nil, err
	}
	var body struct {
		PolicyCertificate azattestation.JSONWebKey `json:"policyCertificate"`
	}
	if err := t.Claims(&body); err != nil {
		return nil, nil, err
	}
	if len(body.PolicyCertificate.Certificates) == 0 {
		return nil, nil, errors.New("no certificate in the claim policyCertificate")
	}
	return body.PolicyCertificate.Certificates[0], signer, nil
}

func (c *conversation) changedCertificate(r azattestation.PolicyCertificateResult, certificate *x509.Certificate, outcome azattestation.CertificateModification) (any, error) {
	if r.Token != nil {
		return tokenOf(r.Token.String(), nil)
	}
	if r.Resolution != nil {
		outcome = *r.Resolution
	}
	thumbprint := azattestation.Thumbprint(certificate)
	if r.Thumbprint != nil {
		thumbprint = *r.Thumbprint
	}
	return tokenOf(c.issuer.Token(map[string]any{
		"x-ms-certificate-thumbprint": thumbprint, "x-ms-policycertificates-result": outcome,
	}))
}

// jsonAnswer is an answer of which nobody has a say.
func jsonAnswer(req *http.Request, body []byte) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, ContentLength: int64(len(body)),
		Body: io.NopCloser(bytes.NewReader(body)),
	}
}
