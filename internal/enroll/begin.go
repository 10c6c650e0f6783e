package enroll

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/ticket"
)

// BeginRequest is the first message of a client.
type BeginRequest struct {
	// EKCertificates are DER: the EK's certificate, and those between it and its
	// root, in any order.
	EKCertificates [][]byte
	// EKPublic is the EK's TPMT_PUBLIC, for one that was not made to the template of
	// the EK credential profile; nil for one that was.
	EKPublic []byte
	// AIKPublic is the AIK's TPMT_PUBLIC.
	AIKPublic []byte
}

// Challenge is what a TPM can answer that holds both keys.
type Challenge struct {
	// IDObject is the content of a TPM2B_ID_OBJECT, EncryptedSecret that of a
	// TPM2B_ENCRYPTED_SECRET: what TPM2_ActivateCredential takes.
	IDObject, EncryptedSecret []byte
	// Context is to be sent back with the answer, unchanged.
	Context []byte
	Subject Subject
}

// Begin makes a challenge for the AIK, if the EK is of a TPM that may enroll. What
// is wrong with certificates or keys gives an *[evidence.Error]; an authority out of
// its time, a *[PeriodError].
func (a *Authority) Begin(ctx context.Context, instanceURL string, r BeginRequest) (*Challenge, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := a.clock()
	if err := a.issuer.checkTime(now); err != nil {
		return nil, err
	}
	chain, err := parseChain(r.EKCertificates)
	if err != nil {
		return nil, err
	}
	ek, err := a.eks.VerifyEK(chain[0], chain[1:], now)
	if err != nil {
		return nil, err
	}
	if r.EKPublic != nil {
		shown, err := tpm.ParsePublic(r.EKPublic)
		if err != nil {
			return nil, err
		}
		if ek, err = ek.WithPublic(shown); err != nil {
			return nil, err
		}
	}
	aik, err := parseAIK(r.AIKPublic)
	if err != nil {
		return nil, err
	}
	p := pending{ekHash: sha256.Sum256(chain[0].Raw), aikName: aik.Public().Name()}
	// It never fails: the library ends the program first.
	_, _ = rand.Read(p.secret[:])
	if p.directoryName, err = directoryName(chain[0], aik.Hash()); err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	credential, err := ek.MakeCredential(aik, p.secret[:])
	if err != nil {
		return nil, err
	}
	sealed, err := a.tickets.Seal(ticket.Enrollment, instanceURL, p.bytes())
	if err != nil {
		return nil, fmt.Errorf("enroll: %w", err)
	}
	return &Challenge{
		IDObject: credential.IDObject, EncryptedSecret: credential.EncryptedSecret, Context: sealed, Subject: p.subject(),
	}, nil
}

func parseChain(ders [][]byte) ([]*x509.Certificate, error) {
	const part = "EK certificates"
	switch n := len(ders); {
	case n == 0:
		return nil, &evidence.Error{Stage: evidence.StageParse, Code: evidence.CodeMissing, Part: part, Offset: -1, Found: "none", Expected: "the EK's, and those above it"}
	case n > maxCertificates:
		return nil, &evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeTooLarge, Part: part, Offset: -1,
			Found: fmt.Sprintf("%d", n), Expected: fmt.Sprintf("at most %d", maxCertificates),
		}
	}
	chain := make([]*x509.Certificate, len(ders))
	for i, der := range ders {
		var err error
		if chain[i], err = tpm.ParseCertificate(der); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

func parseAIK(public []byte) (*tpm.AIK, error) {
	p, err := tpm.ParsePublic(public)
	if err != nil {
		return nil, err
	}
	return tpm.NewAIK(p)
}

// subject names the keys of an enrollment.
func (p *pending) subject() Subject {
	return Subject{AIKName: p.aikName.String(), EKHash: hex.EncodeToString(p.ekHash[:])}
}
