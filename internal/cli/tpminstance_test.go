package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
)

// sentToTPM is what the last request of the TPM protocol said.
type sentToTPM struct {
	header string
	data   struct {
		RPID   string `json:"rp_id"`
		RPData string `json:"rp_data"`
		TPM    struct {
			Current struct {
				Logs    []struct{ Type string }
				AIKCert string `json:"aik_cert"`
				PCRs    []struct {
					Algorithm uint16
					Values    []struct{ Index int }
				}
			} `json:"current_attestation"`
		} `json:"tpm_att_data"`
		AttestKey  json.RawMessage `json:"attest_key"`
		RequestKey struct {
			JWK  json.RawMessage
			Info map[string]json.RawMessage
		} `json:"request_key"`
		OtherKeys []struct {
			JWK  json.RawMessage
			Info map[string]json.RawMessage
		} `json:"other_keys"`
		CustomClaims []struct {
			Name, Value string
			ValueType   string `json:"value_type"`
		} `json:"custom_claims"`
	}
}

// attestTPM plays the service's half of the protocol, and verifies nothing: that is
// tested where requests are made.
func (i *remoteInstance) attestTPM(_ context.Context, message []byte, _ *azattestation.ClientAttestTPMOptions) (r azfake.Responder[azattestation.ClientAttestTPMResponse], e azfake.ErrorResponder) {
	var m struct {
		Payload struct{ Type, Request string }
	}
	err := json.Unmarshal(message, &m)
	answer := map[string]any{"challenge": "dEk2VVFFdk9jMzRORENJ", "service_context": "e30"}
	if m.Payload.Request != "" {
		var report string
		if report, err = i.report(m.Payload.Request); err == nil {
			answer = map[string]any{"report": report}
		}
	}
	data, encodeErr := json.Marshal(map[string]any{"payload": answer})
	if err != nil || encodeErr != nil {
		refusedBy(&e, "no message of the protocol")
		return r, e
	}
	return ok(azattestation.ClientAttestTPMResponse{Data: data}), e
}

func (i *remoteInstance) report(request string) (string, error) {
	parts := strings.Split(request, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return "", err
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	sent := &sentToTPM{header: string(header)}
	if err := json.Unmarshal(payload, &struct {
		AttData any `json:"att_data"`
	}{&sent.data}); err != nil {
		return "", err
	}
	i.sentToTPM = sent
	key := sent.data.RequestKey.JWK
	if key == nil {
		key = sent.data.AttestKey
	}
	claims := map[string]any{"cnf": map[string]any{"jwk": key}, "fromTPM": true}
	if sent.data.RPData != "" {
		claims["rp_data"], claims["nonce"] = sent.data.RPData, sent.data.RPData
	}
	if i.lie {
		claims["nonce"] = "AAAA"
	}
	return i.Token(claims)
}

// enrollTPM plays the service's half of an enrollment by an endorsement key that it
// believes.
func (i *remoteInstance) enrollTPM(w http.ResponseWriter, r *http.Request) {
	var sent struct {
		EKCertificates    []string `json:"ekCertificates"`
		AIKPublic, Secret string
	}
	encode, decode := base64.RawURLEncoding.EncodeToString, base64.RawURLEncoding.DecodeString
	answer := func() (any, error) {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			return nil, err
		}
		raw, err := decode(sent.AIKPublic)
		if err != nil {
			return nil, err
		}
		public, err := tpm.ParsePublic(raw)
		if err != nil {
			return nil, err
		}
		if r.URL.Path == "/tpm/activate" {
			secret, err := decode(sent.Secret)
			if err != nil || !bytes.Equal(secret, enrollmentSecret) {
				return nil, &instanceError{"another secret"}
			}
			return issueAIK(public)
		}
		ek, err := believedEK(sent.EKCertificates)
		if err != nil {
			return nil, err
		}
		aik, err := tpm.NewAIK(public)
		if err != nil {
			return nil, err
		}
		c, err := ek.MakeCredential(aik, enrollmentSecret)
		if err != nil {
			return nil, err
		}
		return map[string]string{"idObject": encode(c.IDObject), "encryptedSecret": encode(c.EncryptedSecret), "context": "e30"}, nil
	}
	v, err := answer()
	if err != nil {
		refuse(w, http.StatusBadRequest, azattestation.ErrorCodeInvalidParameter, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

var enrollmentSecret = []byte("a secret of thirty-two bytes ...")

// believedEK takes the certificate's issuers for trusted: they are the test's.
func believedEK(texts []string) (*tpm.EK, error) {
	chain := make([]*x509.Certificate, 0, len(texts))
	for _, text := range texts {
		der, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		c, err := tpm.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	authorities, err := tpm.NewAuthorities(tpm.Config{Roots: chain[len(chain)-1:]})
	if err != nil {
		return nil, err
	}
	return authorities.VerifyEK(chain[0], chain[1:], chain[0].NotBefore)
}

func issueAIK(public *tpm.Public) (any, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "AIK\x1b[2J"}, Issuer: pkix.Name{CommonName: "AIK CA"},
		NotBefore: testTime, NotAfter: testTime.AddDate(1, 0, 0),
	}
	parent := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "AIK CA"}, PublicKey: key.Public()}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public.Key, key)
	if err != nil {
		return nil, err
	}
	return map[string]any{"certificates": []string{base64.RawURLEncoding.EncodeToString(der)}}, nil
}
