package enroll

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/ticket"
)

// ActivateRequest is the second message of a client.
type ActivateRequest struct {
	// Context is that of the challenge.
	Context []byte
	// Secret is what the TPM found in the challenge.
	Secret []byte
	// AIKPublic is the AIK's TPMT_PUBLIC, the same as in the first message.
	AIKPublic []byte
}

// Enrolled is a key that has its certificate.
type Enrolled struct {
	// Chain is DER: the AIK's certificate, and then those of the issuer.
	Chain   [][]byte
	Subject Subject
}

// Activate issues the certificate of the AIK, if the secret is right. It refuses
// with an *[Error], or with an *[evidence.Error] for what is no AIK. The same answer
// may come twice, while the challenge lives, and gets two certificates.
func (a *Authority) Activate(ctx context.Context, instanceURL string, r ActivateRequest) (*Enrolled, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	aik, err := parseAIK(r.AIKPublic)
	if err != nil {
		return nil, err
	}
	p, err := a.open(instanceURL, r.Context)
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			e.Subject.AIKName = aik.Public().Name().String()
		}
		return nil, err
	}
	if subtle.ConstantTimeCompare(p.aikName, aik.Public().Name()) != 1 {
		return nil, &Error{ReasonKey, "the enrollment was begun for another AIK: " + p.aikName.String() + ", and this is " + aik.Public().Name().String(), p.subject()}
	}
	if tpm.CheckSecret(p.secret[:], r.Secret) != nil {
		return nil, &Error{ReasonSecret, "the secret is not the one in the credential, want what TPM2_ActivateCredential gives", p.subject()}
	}
	leaf, err := a.issuer.issue(aik.Key(), p.directoryName, a.clock(), a.lifetime)
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	enrolled := &Enrolled{Chain: [][]byte{leaf}, Subject: p.subject()}
	for _, c := range a.issuer.chain {
		enrolled.Chain = append(enrolled.Chain, c.Raw)
	}
	return enrolled, nil
}

// open reads the ticket of an enrollment.
func (a *Authority) open(instanceURL string, sealed []byte) (*pending, error) {
	raw, err := a.tickets.Open(ticket.Enrollment, instanceURL, sealed)
	if e, ok := errors.AsType[*ticket.Error](err); ok {
		reason := ReasonContext
		if e.Expired {
			reason = ReasonExpired
		}
		return nil, &Error{Reason: reason, Problem: "context: " + e.Problem}
	}
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	p, err := parsePending(raw)
	if err != nil {
		return nil, &Error{Reason: ReasonContext, Problem: "context: " + err.Error()}
	}
	return p, nil
}
