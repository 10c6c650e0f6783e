package instance

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// assemble makes what serves. That the keys cannot be had is an error; what ails
// the pipeline alone is kept beside it.
func (i *Instance) assemble(ctx context.Context) (*live, error) {
	c := i.directory.config
	ring, err := c.Keys.Ring(ctx, i.settings.URL, i.settings.algorithm())
	if err != nil {
		return nil, fmt.Errorf("instance %s: keys: %w", i.settings.Name, err)
	}
	issuer, err := token.NewIssuer(i.settings.URL, ring)
	if err != nil {
		return nil, fmt.Errorf("instance %s: %w", i.settings.Name, err)
	}
	made := &live{issuer: issuer}
	made.pipeline, made.err = i.newPipeline(issuer)
	return made, nil
}

// newPipeline makes what attests.
func (i *Instance) newPipeline(issuer *token.Issuer) (*attest.Service, error) {
	c := i.directory.config
	verifiers, policies, err := i.kinds()
	if err != nil {
		return nil, err
	}
	signers, err := i.signers(policies)
	if err != nil {
		return nil, err
	}
	if len(verifiers) == 0 {
		return nil, fmt.Errorf("instance %s: %w", i.settings.Name, errNoVerifiers)
	}
	pipeline, err := attest.New(attest.Config{
		Issuer:          issuer,
		Verifiers:       verifiers,
		Policies:        policies,
		Signers:         signers,
		AcceptedTCB:     i.settings.AcceptedTCB,
		AzureDefaultTCB: i.settings.AzureDefaultTCB,
		TokenLifetime:   i.settings.TokenLifetime,

		MaxReportLifetime: c.MaxTokenLifetime,
		Challenge:         i.checkChallenge,

		Clock:    c.Clock,
		VerifyAt: c.VerifyAt,
		Random:   c.Random,
		Observe:  c.Observe,
		Turn:     i.directory.turns.take,
	})
	if err != nil {
		return nil, fmt.Errorf("instance %s: %w", i.settings.Name, err)
	}
	return pipeline, nil
}

// errNoVerifiers says that an instance publishes keys and keeps policies, and
// attests nothing.
var errNoVerifiers = errors.New("attests nothing here, want verifiers for some of its types")

// kinds joins what the instance attests with the policies for it.
func (i *Instance) kinds() (map[attest.Type]evidence.Verifier, map[attest.Type]*policy.Program, error) {
	verifiers := map[attest.Type]evidence.Verifier{}
	policies := map[attest.Type]*policy.Program{}
	for t, v := range i.directory.config.Verifiers {
		text := i.policyText(t)
		if !i.settings.serves(t) || text == "" {
			continue
		}
		program, err := i.compileKept(t, text)
		if err != nil {
			return nil, nil, err
		}
		verifiers[t], policies[t] = v, program
	}
	return verifiers, policies, nil
}

// signers are who signed the policies in force, as tokens show them.
func (i *Instance) signers(policies map[attest.Type]*policy.Program) (map[attest.Type]claims.Value, error) {
	signers := map[attest.Type]claims.Value{}
	for t := range policies {
		p := i.policies[t]
		if _, ok := i.directory.fixed(i.settings.Name, t); ok || p.Token == "" || len(p.Signer) == 0 {
			continue
		}
		var chain []*x509.Certificate
		for _, der := range p.Signer {
			c, err := x509.ParseCertificate(der)
			if err != nil {
				return nil, fmt.Errorf("instance %s: signer of the policy of %s: %w", i.settings.Name, t, err)
			}
			chain = append(chain, c)
		}
		jwk, err := claims.JSON(mustEncode(policytoken.NewJWK(chain[0], chain[1:]...)))
		if err != nil {
			return nil, fmt.Errorf("instance %s: signer of the policy of %s: %w", i.settings.Name, t, err)
		}
		signers[t] = jwk
	}
	return signers, nil
}

// compileKept compiles a policy in force. It was compiled before it was kept; if it
// cannot be now, another release did that. Its error is no *[policy.SyntaxError]:
// who attests is not to blame for the policy, and not to read it.
func (i *Instance) compileKept(t attest.Type, text string) (*policy.Program, error) {
	program, err := policy.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("instance %s: the policy of %s in force does not compile, set it anew: %s", i.settings.Name, t, diagnosis(err))
	}
	return program, nil
}

// diagnosis says where a policy is wrong, and does not quote it.
func diagnosis(err error) string {
	if e, ok := errors.AsType[*policy.SyntaxError](err); ok && len(e.Diagnostics) > 0 {
		return fmt.Sprintf("%s at %s", e.Diagnostics[0].Code, e.Diagnostics[0].Range)
	}
	return "it cannot be read"
}

// TCBIdentifier returns the baseline that the policy in force for the type demands,
// "azuredefault" if it demands none, and the evaluation data number that this
// stands for where the settings say so.
func (i *Instance) TCBIdentifier(t attest.Type) (string, int, error) {
	identifier := azureDefault
	if text := i.policyText(t); text != "" {
		program, err := i.compileKept(t, text)
		if err != nil {
			return "", 0, err
		}
		properties, err := program.Configure(new(claims.Set))
		if err != nil {
			return "", 0, err
		}
		if v, ok := properties.First(tcbIdentifierProperty); ok {
			identifier, _ = v.Str()
		}
	}
	return identifier, i.settings.AzureDefaultTCB, nil
}

// What policies call the baseline, and the one that holds unless they name one.
const (
	tcbIdentifierProperty = "x-ms-sgx-tcbidentifier"
	azureDefault          = "azuredefault"
)
