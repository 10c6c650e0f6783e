package azattestation_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// TestConcurrentCalls share both clients, as programs do.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	i := newInstance(t, modeIsolated)
	client, admin := i.client(t), i.admin(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err1 := client.AttestSGXEnclave(t.Context(), evidence, nil)
			_, err2 := client.AttestOpenEnclave(t.Context(), evidence, &azattestation.ClientAttestOpenEnclaveOptions{DraftPolicy: new(permitPolicy)})
			_, err3 := admin.SetPolicy(t.Context(), kinds[2], permitPolicy, &azattestation.AdministrationClientSetPolicyOptions{SigningKey: i.key})
			_, err4 := admin.GetPolicy(t.Context(), kinds[2], nil)
			_, err5 := admin.AddPolicyCertificate(t.Context(), i.key.Certificate(), i.key, nil)
			_, err6 := admin.GetPolicyCertificates(t.Context(), nil)
			if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
