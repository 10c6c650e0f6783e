package cli

import (
	"crypto"
	"path/filepath"
	"sync"
	"testing"

	collect "github.com/azattest/azattest/collect/tpm"
)

// Runs that begin at once, where no request key is kept yet, have one key.
func TestFirstRunsMakeOneRequestKey(t *testing.T) {
	t.Parallel()
	f := requestKeyFlags{where: keyInMemory, algorithm: string(collect.RSA), file: filepath.Join(t.TempDir(), "request.pem")}
	const runs = 4 // an RSA key takes long enough for all to see that there is none
	keys := make([]crypto.Signer, runs)
	var done sync.WaitGroup
	for i := range runs {
		done.Go(func() {
			var err error
			if keys[i], err = f.open(t.Context(), Streams{}, nil); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if t.Failed() {
		return
	}
	for _, key := range keys {
		public, ok := key.Public().(interface{ Equal(x crypto.PublicKey) bool })
		if !ok || !public.Equal(keys[0].Public()) {
			t.Error("another key than the first run's")
		}
	}
}
