package conformance_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// bench is a whole service over simulated evidence, so that the benchmarks run
// anywhere. Simulated quotes cost what real ones cost.
type bench struct {
	*deployment
	signer   crypto.Signer
	server   *server.Server
	pipeline *attest.Service
	request  *attest.Request
}

// simulated is the source of a simulated platform's one set of collateral.
type simulated struct{ set *dcap.Collateral }

func (s simulated) Collateral(context.Context, collateral.Query) (*dcap.Collateral, error) {
	return s.set, nil
}

func newBench(b *testing.B, a token.Algorithm) *bench {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Helper()
			b.Fatal(err)
		}
	}
	platform, err := simulator.New(simulator.Config{})
	check(err)
	set, err := platform.Collateral(simulator.CollateralOptions{})
	check(err)
	runtimeData := []byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"enclave","x":"18wHLeIgW9wVN6VD1Txgpqy2LszYkMf6J8njVAibvhM","y":"cV4dS4UaLMgP_4fY4j8ir7cl1TXlFdAgcx55o7TkcSA"}]}`)
	quote, err := platform.Quote(simulator.Report{ISVProdID: 1, ISVSVN: 1, ReportData: simulator.Bind(runtimeData)})
	check(err)
	d := &deployment{
		settings: instance.Settings{Name: "bench", URL: "https://bench.example", Mode: instance.AAD, Algorithm: a},
		trust:    intel.Config{Roots: []dcap.Root{platform.Root()}, Source: simulated{set}},
		config:   server.Config{PlainHTTP: true},
	}
	handler := d.deploy(b)
	only, _ := d.instances.Only()
	pipeline, err := only.Pipeline(b.Context())
	check(err)
	signer, err := d.keys.signer(a)
	check(err)
	return &bench{
		deployment: d, signer: signer, server: handler, pipeline: pipeline,
		request: &attest.Request{
			Type: attest.SGXEnclave, Evidence: quote, RuntimeData: &attest.Data{Bytes: runtimeData},
		},
	}
}

// floor returns what an attestation costs at the very least: the two signatures
// of the quote verified and the token's signature made.
func (f *bench) floor(b *testing.B) func() {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("what is signed"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		for range 2 {
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], signature) {
				b.Fatal("signature does not hold")
			}
		}
		if _, err := f.signer.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAttest measures the warm pipeline without HTTP beside the raw
// cryptography: x-raw is time per attestation by time per two raw P-256
// verifications and one raw signature, taken in turns within one run.
func BenchmarkAttest(b *testing.B) {
	for _, a := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(a), func(b *testing.B) {
			f := newBench(b, a)
			floor := f.floor(b)
			run := func() {
				if _, err := f.pipeline.Attest(b.Context(), f.request); err != nil {
					b.Fatal(err)
				}
			}
			run()
			const batch = 16
			var floorTime, ownTime time.Duration
			floors, runs := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				if runs%batch == 0 {
					b.StopTimer()
					start := time.Now()
					for range batch {
						floor()
					}
					floorTime += time.Since(start)
					floors += batch
					b.StartTimer()
				}
				start := time.Now()
				run()
				ownTime += time.Since(start)
				runs++
			}
			b.ReportMetric((ownTime.Seconds()/float64(runs))/(floorTime.Seconds()/float64(floors)), "x-raw")
		})
	}
}

// BenchmarkHTTP measures the service over HTTP on loopback with keep-alive: two
// clients for each core, each sending one attestation after the other.
func BenchmarkHTTP(b *testing.B) {
	for _, a := range []token.Algorithm{token.RS256, token.ES256} {
		b.Run(string(a), func(b *testing.B) {
			f := newBench(b, a)
			url, body := f.serve(b)
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			var mu sync.Mutex
			var all []time.Duration
			b.SetParallelism(2)
			b.ResetTimer()
			start := time.Now()
			b.RunParallel(func(pb *testing.PB) {
				var own []time.Duration
				for pb.Next() {
					begin := time.Now()
					post(b, client, url, body)
					own = append(own, time.Since(begin))
				}
				mu.Lock()
				all = append(all, own...)
				mu.Unlock()
			})
			took := time.Since(start)
			slices.Sort(all)
			b.ReportMetric(float64(len(all))/took.Seconds(), "requests/s")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// serve runs the service on loopback and returns where to post what.
func (f *bench) serve(b *testing.B) (url string, body []byte) {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- f.server.Run(ctx, listener) }()
	b.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	body, err = json.Marshal(map[string]any{
		"quote": base64.RawURLEncoding.EncodeToString(f.request.Evidence),
		"runtimeData": map[string]string{
			"data": base64.RawURLEncoding.EncodeToString(f.request.RuntimeData.Bytes), "dataType": "Binary",
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("http://%s/attest/SgxEnclave?api-version=2025-06-01", listener.Addr()), body
}

func post(b *testing.B, client *http.Client, url string, body []byte) {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		b.Errorf("status %d (%v)", resp.StatusCode, err)
	}
}
