package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/edge"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/wire"
)

// attest serves POST /attest/{type}. As a rule it asks for no credential, as the
// real service since 2020-10-01: a token says what the evidence proves, whoever
// sent it. An instance may ask for one, and a TPM always does.
func (s *Server) attest(w http.ResponseWriter, r *http.Request) {
	n := noteOf(r)
	n.operation = opAttest
	t, err := typeOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	n.attestationType = string(t)
	if _, problem := wire.ParseAPIVersion(r.URL.RawQuery, wire.APIVersions()); problem != nil {
		s.refuse(w, r, http.StatusBadRequest, *problem)
		return
	}
	if err := s.admitAttestation(r, t); err != nil {
		s.fail(w, r, err)
		return
	}
	member, err := servedMember(n.instance, t)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	request, err := s.receiveEvidence(w, r, t, member)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if request == nil {
		s.challenge(w, r)
		return
	}
	n.evidenceBytes = len(request.Evidence)
	n.isDraft = request.DraftPolicy != nil
	work := s.work
	if n.caller != nil {
		work = s.knownWork
	}
	leave, ok := work.Take()
	if !ok {
		s.fail(w, r, edge.ErrBusy)
		return
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), s.limits.Request)
	defer cancel()
	response, err := s.attestInTurn(ctx, r, t, request)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if id, ok := response.Claims.First("jti"); ok {
		n.tokenID, _ = id.Str()
	}
	if err := s.record(ctx, r); err != nil {
		s.fail(w, r, err)
		return
	}
	if t == attest.TPM {
		s.report(w, r, response.Token)
		return
	}
	s.answer(w, r, wire.Token{Token: response.Token})
}

// attestInTurn attests, as many TPMs at once as there are processors. Nothing else
// comes with megabytes of logs, of which documents and queries make ten times that:
// all places at once would take the memory of the machine, and be no faster. Those who
// wait hold what they sent, so there are few of them, and the others come again.
func (s *Server) attestInTurn(ctx context.Context, r *http.Request, t attest.Type, request *attest.Request) (*attest.Response, error) {
	if t == attest.TPM {
		leaveQueue, ok := s.queue.Take()
		if !ok {
			return nil, edge.ErrBusy
		}
		defer leaveQueue()
		leave, err := s.turns.Wait(ctx)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	return s.attestAsOfNow(ctx, r, t, request)
}

const (
	// maxHeld is how old policy, settings and keys may be when a token is made by
	// them: replicas learn of a change within a second, too.
	maxHeld = time.Second
	// maxRounds bounds how often evidence is attested again because that took longer
	// and something had changed meanwhile.
	maxRounds = 4
)

// errChanging says that an instance changed each time.
var errChanging = errors.New("policy, settings or keys of the instance changed again and again while the evidence was verified")

// attestAsOfNow attests by what holds when the token is made. What held when the
// request came may be long gone: clients choose how slowly they send a body, and
// collateral may have to be fetched.
func (s *Server) attestAsOfNow(ctx context.Context, r *http.Request, t attest.Type, request *attest.Request) (*attest.Response, error) {
	start := time.Now()
	pipeline, err := s.pipelineOfNow(ctx, r, t)
	if err != nil {
		return nil, err
	}
	for range maxRounds {
		response, err := pipeline.Attest(ctx, request)
		if err != nil || time.Since(start) <= maxHeld {
			return response, err
		}
		start = time.Now()
		latest, err := s.pipelineOfNow(ctx, r, t)
		if err != nil {
			return nil, err
		}
		if latest == pipeline {
			return response, nil
		}
		pipeline = latest
	}
	return nil, errChanging
}

// pipelineOfNow lets the request go on with its instance as it is now, and asks
// for the role if that is wanted since it came.
func (s *Server) pipelineOfNow(ctx context.Context, r *http.Request, t attest.Type) (*attest.Service, error) {
	n := noteOf(r)
	latest, err := n.instance.Latest()
	if err != nil {
		return nil, err
	}
	n.instance = latest
	if n.caller == nil && latest.Settings().AttestationNeedsReader {
		if err := s.admit(r, auth.Read); err != nil {
			return nil, err
		}
	}
	if _, err := servedMember(latest, t); err != nil {
		return nil, err
	}
	return latest.Pipeline(ctx)
}

// admitAttestation asks for the role where one is wanted. Where none is, a
// credential is not even looked at.
func (s *Server) admitAttestation(r *http.Request, t attest.Type) error {
	if n := noteOf(r); t != attest.TPM && !n.instance.Settings().AttestationNeedsReader {
		return s.throttleCaller(n, nil)
	}
	return s.admit(r, auth.Read)
}

// servedMember returns the member of the body that holds the evidence.
func servedMember(i *instance.Instance, t attest.Type) (string, error) {
	if t == attest.TPM && !i.HasPolicy(t) {
		return "", errNoTPMPolicy
	}
	if !i.IsServed(t) {
		return "", &notEnabledError{instance: i.Settings().Name, typ: t}
	}
	switch t {
	case attest.SGXEnclave:
		return wire.QuoteMember, nil
	case attest.OpenEnclave:
		return wire.ReportMember, nil
	case attest.TPM:
		return "", nil // its messages have members of their own
	case attest.SEVSNPVM, attest.TDXVM, attest.AzureGuest:
	}
	return "", &notEnabledError{instance: i.Settings().Name, typ: t}
}

func dataOf(d *wire.Data) *attest.Data {
	if d == nil {
		return nil
	}
	return &attest.Data{Bytes: d.Bytes, JSON: d.JSON}
}

// receiveEvidence reads and parses the body, within the limits of the server. The
// message of a TPM's client that asks for a challenge is no request, and gives nil.
func (s *Server) receiveEvidence(w http.ResponseWriter, r *http.Request, t attest.Type, member string) (*attest.Request, error) {
	if !wire.IsJSON(r.Header.Get("Content-Type")) {
		return nil, &mediaError{"Content-Type", r.Header.Get("Content-Type"), "application/json in UTF-8"}
	}
	uploads := s.uploads
	if noteOf(r).caller != nil {
		uploads = s.knownUploads
	}
	body, err := s.receive(w, r, uploads)
	if err != nil {
		return nil, err
	}
	if t == attest.TPM {
		return tpmRequest(body)
	}
	request, err := wire.ParseAttestRequest(member, body)
	if err != nil {
		return nil, err
	}
	return &attest.Request{
		Type:         t,
		Evidence:     request.Evidence,
		RuntimeData:  dataOf(request.RuntimeData),
		InitTimeData: dataOf(request.InitTimeData),
		Nonce:        request.Nonce,
		DraftPolicy:  request.DraftPolicy,
	}, nil
}
